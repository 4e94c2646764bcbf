package sealing

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
)

const (
	fingerprintLength = 8
	// markLength is the format's octet and the fingerprint.
	markLength = 1 + fingerprintLength
)

// fileMark names a key in a file by a keyed hash, from which nothing of the key can be found.
func fileMark(content [keyLength]byte) [markLength]byte {
	h := hmac.New(sha256.New, content[:])
	h.Write([]byte("everleaf sealing key"))
	return mark(h.Sum(nil))
}

// serviceMark names a key in a key service by its URL. One key under two URLs has two names, which costs a resealing.
func serviceMark(keyURL string) [markLength]byte {
	sum := sha256.Sum256([]byte("everleaf sealing key " + keyURL))
	return mark(sum[:])
}

func mark(fingerprint []byte) (m [markLength]byte) {
	m[0] = format
	copy(m[1:], fingerprint)
	return m
}

// Mark implements ports.KeyRing.
func (k *Keeper) Mark() []byte { return bytes.Clone(k.keys[0].mark[:]) }

// IDs implements ports.KeyRing.
func (k *Keeper) IDs() (ids []string) {
	for _, key := range k.keys {
		ids = append(ids, hex.EncodeToString(key.mark[:]))
	}
	return ids
}

// Rotated implements ports.KeyRing.
func (k *Keeper) Rotated() bool { return len(k.keys) > 1 }
