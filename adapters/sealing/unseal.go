package sealing

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
)

// box is a sealed secret in its parts.
type box struct {
	format byte
	// mark is empty in format 1.
	mark, sealedKey, ciphertext []byte
	// header is authenticated with the ciphertext.
	header []byte
}

// Open implements ports.Sealer. See the package's comment for how a wrong key is distinguished from damage.
func (k *Keeper) Open(ctx context.Context, sealed []byte) ([]byte, error) {
	box, err := unpack(sealed)
	if err != nil {
		return nil, damagedFault(err)
	}
	var refused, unsure error
	for _, key := range k.candidates(box) {
		dataKey, err := key.keeper.Decrypt(ctx, box.sealedKey)
		if err == nil {
			return k.open(box, dataKey)
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
	case box.format == formatFirst && k.first.Load() || box.format == format && k.hasFile(box.mark):
		return nil, damagedFault(refused)
	default:
		return nil, wrongKeyFault(refused)
	}
}

// candidates are the keys that may have sealed it, the likeliest first. A key in a file knows what it has sealed; a key
// service may know the same key under another URL, or hold another key under this one.
func (k *Keeper) candidates(box box) []*key {
	if box.format == formatFirst {
		return k.keys
	}
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

// open is left to do once the right key is known.
func (k *Keeper) open(box box, dataKey []byte) ([]byte, error) {
	defer clear(dataKey)
	if box.format == formatFirst {
		k.first.Store(true)
	}
	aead, err := newAEAD(dataKey)
	if err != nil {
		return nil, damagedFault(err)
	}
	plaintext, err := aead.Open(nil, nil, box.ciphertext, box.header)
	if err != nil {
		return nil, damagedFault(err)
	}
	return plaintext, nil
}

// unpack refuses what is not as Seal has left it.
func unpack(sealed []byte) (box, error) {
	b := box{}
	if len(sealed) == 0 {
		return b, errors.New("it is empty")
	}
	b.format = sealed[0]
	marked := 1
	switch b.format {
	case formatFirst:
	case format:
		marked = markLength
		end := len(sealed) - checksumLength
		if end < markLength || !bytes.Equal(checksum(sealed[:end]), sealed[end:]) {
			return b, errors.New("its checksum does not match")
		}
		b.mark, sealed = sealed[:markLength], sealed[:end]
	default:
		return b, errors.New("it is in no format that this release knows; a newer release may know it")
	}
	if len(sealed) < marked+sizeLength {
		return b, errors.New("it is cut off")
	}
	start := marked + sizeLength
	end := start + int(binary.BigEndian.Uint16(sealed[marked:start]))
	if len(sealed) < end {
		return b, errors.New("it is cut off")
	}
	b.sealedKey, b.header, b.ciphertext = sealed[start:end], sealed[:end], sealed[end:]
	return b, nil
}
