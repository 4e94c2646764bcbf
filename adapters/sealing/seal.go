package sealing

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
)

// Layout of what Seal makes: format (1 octet), length of the sealed data key (2, big endian), sealed data key,
// nonce and ciphertext with tag. What stands before the nonce is authenticated with the ciphertext.
const (
	format     = byte(1)
	headLength = 3
)

// Seal implements ports.Sealer.
func (k *Keeper) Seal(ctx context.Context, plaintext []byte) ([]byte, error) {
	dataKey := make([]byte, keyLength)
	defer clear(dataKey)
	rand.Read(dataKey) // never fails: crypto/rand ends the process instead
	sealedKey, err := k.keeper.Encrypt(ctx, dataKey)
	if err != nil {
		return nil, k.interpret(err)
	}
	if len(sealedKey) > 1<<16-1 {
		return nil, k.interpret(errors.New("the key service answered with too long a ciphertext"))
	}
	aead, err := newAEAD(dataKey)
	if err != nil {
		return nil, k.interpret(err)
	}
	sealed := append(binary.BigEndian.AppendUint16([]byte{format}, uint16(len(sealedKey))), sealedKey...)
	return aead.Seal(sealed, nil, plaintext, sealed), nil
}

// Open implements ports.Sealer.
func (k *Keeper) Open(ctx context.Context, sealed []byte) ([]byte, error) {
	if len(sealed) < headLength || sealed[0] != format {
		return nil, wrongKey(errors.New("this is not something that Everleaf sealed"))
	}
	end := headLength + int(binary.BigEndian.Uint16(sealed[1:headLength]))
	if len(sealed) < end {
		return nil, wrongKey(errors.New("the sealed secret is cut off"))
	}
	dataKey, err := k.keeper.Decrypt(ctx, sealed[headLength:end])
	if err != nil {
		return nil, k.interpret(err)
	}
	defer clear(dataKey)
	aead, err := newAEAD(dataKey)
	if err != nil {
		return nil, wrongKey(err)
	}
	plaintext, err := aead.Open(nil, nil, sealed[end:], sealed[:end])
	if err != nil {
		return nil, wrongKey(err)
	}
	return plaintext, nil
}

// newAEAD puts a random nonce in front of the ciphertext by itself.
func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
