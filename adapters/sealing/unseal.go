package sealing

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"

	"everleaf/domain"
)

// box is a sealed secret in its parts.
type box struct {
	mark, place, sealedKey, ciphertext []byte
	// header is authenticated with the ciphertext.
	header []byte
}

// Open implements ports.Sealer. See the package's comment for how the reasons are distinguished.
func (k *Keeper) Open(ctx context.Context, place domain.Place, sealed []byte) ([]byte, error) {
	box, err := unpack(sealed)
	if err != nil {
		return nil, damagedFault(err)
	}
	var refused, unsure error
	for _, key := range k.candidates(box) {
		dataKey, err := key.keeper.Decrypt(ctx, box.sealedKey)
		if err == nil {
			return box.open(place, dataKey)
		}
		switch fault := key.interpret(err); {
		case isWrongKey(fault):
			refused = err
		case unsure == nil:
			unsure = fault
		}
		if ctx.Err() != nil {
			break
		}
	}
	switch {
	case unsure != nil: // a key that cannot be asked may be the one
		return nil, unsure
	case k.hasFile(box.mark):
		return nil, damagedFault(refused)
	default:
		return nil, wrongKeyFault(refused)
	}
}

// candidates are the keys that may have sealed it, the likeliest first. A key in a file knows what it has sealed; a key
// service may know the same key under another URL, or hold another key under this one.
func (k *Keeper) candidates(box box) []*key {
	var named, others []*key
	for _, key := range k.keys {
		switch {
		case bytes.Equal(key.mark[:], box.mark):
			named = append(named, key)
		case !key.local:
			others = append(others, key)
		}
	}
	return append(named, others...)
}

// hasFile reports whether one of the keys in files has this mark.
func (k *Keeper) hasFile(mark []byte) bool {
	for _, key := range k.keys {
		if key.local && bytes.Equal(key.mark[:], mark) {
			return true
		}
	}
	return false
}

// open is left to do once the right key is known. What authenticates says truly where it belongs.
func (b box) open(place domain.Place, dataKey []byte) ([]byte, error) {
	defer clear(dataKey)
	aead, err := newAEAD(dataKey)
	if err != nil {
		return nil, damagedFault(err)
	}
	plaintext, err := aead.Open(nil, nil, b.ciphertext, b.header)
	if err != nil {
		return nil, damagedFault(err)
	}
	if !bytes.Equal(b.place, placed(place)) {
		clear(plaintext)
		return nil, misplacedFault(b.place, place)
	}
	return plaintext, nil
}

// unpack refuses what is not as Seal has left it.
func unpack(sealed []byte) (box, error) {
	switch {
	case len(sealed) == 0:
		return box{}, errors.New("it is empty")
	case sealed[0] != format:
		return box{}, errors.New("it is in no format that this release knows; a newer release may know it")
	}
	whole := len(sealed) - checksumLength
	if whole < markLength || !bytes.Equal(checksum(sealed[:whole]), sealed[whole:]) {
		return box{}, errors.New("its checksum does not match")
	}
	sealed = sealed[:whole]
	b := box{mark: sealed[:markLength]}
	rest := sealed[markLength:]
	for _, part := range []*[]byte{&b.place, &b.sealedKey} {
		if len(rest) < sizeLength {
			return box{}, errors.New("it is cut off")
		}
		end := sizeLength + int(binary.BigEndian.Uint16(rest))
		if len(rest) < end {
			return box{}, errors.New("it is cut off")
		}
		*part, rest = rest[sizeLength:end], rest[end:]
	}
	b.header, b.ciphertext = sealed[:whole-len(rest)], rest
	return b, nil
}
