package sealing

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"

	"everleaf/domain"
)

// Layout of what Seal makes: mark (format, 1 octet, and the key's fingerprint, 8), place, sealed data key, nonce and
// ciphertext with tag, checksum (8, of all before it). Place and sealed data key have their length in front (2, big
// endian); the place is kind, a zero octet, owner. What stands before the nonce is authenticated with the ciphertext.
const (
	format = byte(1)

	sizeLength     = 2
	checksumLength = 8
)

// Seal implements ports.Sealer.
func (k *Keeper) Seal(ctx context.Context, place domain.Place, plaintext []byte) ([]byte, error) {
	current := k.keys[0]
	dataKey := make([]byte, keyLength)
	defer clear(dataKey)
	rand.Read(dataKey) // never fails: crypto/rand ends the process instead
	sealedKey, err := current.keeper.Encrypt(ctx, dataKey)
	if err != nil {
		return nil, current.interpret(err)
	}
	aead, err := newAEAD(dataKey)
	if err != nil {
		return nil, current.interpret(err)
	}
	sealed := k.Mark()
	for _, part := range [][]byte{placed(place), sealedKey} {
		if len(part) > 1<<16-1 {
			return nil, current.interpret(errors.New("the place, or what the key service answered, is too long"))
		}
		sealed = append(binary.BigEndian.AppendUint16(sealed, uint16(len(part))), part...)
	}
	sealed = aead.Seal(sealed, nil, plaintext, sealed)
	return append(sealed, checksum(sealed)...), nil
}

// placed is a place as it is sealed.
func placed(place domain.Place) []byte { return []byte(string(place.Kind) + "\x00" + place.Owner) }

// checksum detects accidents; the ciphertext's tag detects a change on purpose.
func checksum(content []byte) []byte {
	sum := sha256.Sum256(content)
	return sum[:checksumLength]
}

// newAEAD puts a random nonce in front of the ciphertext by itself.
func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
