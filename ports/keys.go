package ports

import (
	"context"

	"everleaf/domain"
)

//go:generate go tool mockgen -source=keys.go -destination=../mocks/keys.go -package=mocks

// Sealer seals secrets at rest and opens them again. Faults: Operator "SealingKeyWrong" for what this key did not
// seal, Wait "SealingUnavailable" while a key service is out of reach. Plaintext MUST NOT be in an error.
type Sealer interface {
	Seal(ctx context.Context, plaintext []byte) (sealed []byte, err error)
	Open(ctx context.Context, sealed []byte) (plaintext []byte, err error)
}

// Keys makes certificate keys. The private key leaves it sealed only.
type Keys interface {
	// Create makes a key of the type and a CSR (DER) for the names, and seals the key (PKCS #8 PEM).
	Create(ctx context.Context, keyType domain.KeyType, names []string) (sealedKey, csr []byte, err error)
	// Reuse makes a CSR (DER) for the names with a key that Create has made.
	Reuse(ctx context.Context, sealedKey []byte, names []string) (csr []byte, err error)
}
