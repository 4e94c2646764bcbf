package sealing

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
)

// Layout of what Seal makes: mark (format, 1 octet, and the key's fingerprint, 8), length of the sealed data key (2,
// big endian), sealed data key, nonce and ciphertext with tag, checksum (8, of all before it). What stands before the
// nonce is authenticated with the ciphertext. The format of earlier releases has neither fingerprint nor checksum.
const (
	format      = byte(2)
	formatFirst = byte(1)

	sizeLength     = 2
	checksumLength = 8
)

// Seal implements ports.Sealer.
func (k *Keeper) Seal(ctx context.Context, plaintext []byte) ([]byte, error) {
	current := k.keys[0]
	dataKey := make([]byte, keyLength)
	defer clear(dataKey)
	rand.Read(dataKey) // never fails: crypto/rand ends the process instead
	sealedKey, err := current.keeper.Encrypt(ctx, dataKey)
	if err != nil {
		return nil, current.interpret(err)
	}
	if len(sealedKey) > 1<<16-1 {
		return nil, current.interpret(errors.New("the key service answered with too long a ciphertext"))
	}
	aead, err := newAEAD(dataKey)
	if err != nil {
		return nil, current.interpret(err)
	}
	sealed := append(binary.BigEndian.AppendUint16(k.Mark(), uint16(len(sealedKey))), sealedKey...)
	sealed = aead.Seal(sealed, nil, plaintext, sealed)
	return append(sealed, checksum(sealed)...), nil
}

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
