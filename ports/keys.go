package ports

import (
	"context"

	"everleaf/domain"
)

//go:generate go tool mockgen -source=keys.go -destination=../mocks/keys.go -package=mocks

// Sealer seals secrets at rest and opens them again, each at its place. Faults: Operator "SealingKeyWrong" for what no
// configured key has sealed, Operator "SecretDamaged" for what was changed after it was sealed, Operator
// "SecretMisplaced" for what was sealed for another place, Wait "SealingUnavailable" while a key service is out of
// reach. Plaintext MUST NOT be in an error. A caller that knows what it opens SHOULD name it by domain.About.
type Sealer interface {
	Seal(ctx context.Context, place domain.Place, plaintext []byte) (sealed []byte, err error)
	Open(ctx context.Context, place domain.Place, sealed []byte) (plaintext []byte, err error)
}

// KeyRing is a Sealer that opens what earlier keys have sealed, too.
type KeyRing interface {
	Sealer
	// Mark is how all begins that the current key seals, and nothing that another one does. It is no secret.
	Mark() []byte
	// IDs names all its keys by their marks, in hexadecimal, the current one first. They are no secret.
	IDs() []string
	// Rotated reports whether there are earlier keys, and so perhaps something to reseal.
	Rotated() bool
}

// Keys makes certificate keys, and opens them. A key that is stored leaves it only for the chain that it is for: faults
// besides the Sealer's are Operator "KeyMismatch" where the leaf is for another key, "KeyUnreadable" and
// "ChainMalformed". An error names the certificate.
type Keys interface {
	// Create makes a key of the type, seals it (PKCS #8 PEM) for the certificate, and makes a CSR (DER) for the names.
	Create(ctx context.Context, certificate string, keyType domain.KeyType, names []string) (key SealedKey, csr []byte,
		err error)
	// Reuse makes a CSR (DER) for the names with the pair's key.
	Reuse(ctx context.Context, pair SealedPair, names []string) (csr []byte, err error)
	// Open returns the pair's private key (PKCS #8 PEM), which the caller clears.
	Open(ctx context.Context, pair SealedPair) (keyPEM []byte, err error)
}

// SealedKey is a certificate's private key as it is stored.
type SealedKey struct {
	ID     string
	Sealed []byte
}

// SealedPair is a version's chain with its sealed key.
type SealedPair struct {
	// Certificate is the certificate that somebody asked for.
	Certificate string
	// ChainPEM has the leaf first.
	ChainPEM []byte
	Key      SealedKey
}

// SealedSecret is a secret as it is stored.
type SealedSecret struct {
	// Kind is where: SecretKey, SecretAccount or SecretNextAccount. The strings are in events.
	Kind string
	// ID is the key's, or the issuer's name.
	ID string
	// Owner is the key's certificate, or the account's directory.
	Owner  string
	Sealed []byte
}

// The kinds of secrets: a certificate's key, an ACME account's, and the one that an account is about to change to.
const (
	SecretKey         = "key"
	SecretAccount     = "account"
	SecretNextAccount = "next_account"
)

// Secrets finds what is stored sealed and replaces it. Faults: Wait "DatabaseUnavailable".
type Secrets interface {
	// CountStale counts what does not begin with mark; none if another key is current (see KeyRing).
	CountStale(ctx context.Context, mark []byte) (int, error)
	// ListStale returns up to limit keys of certificates that do not begin with mark, in order of their ID after the
	// one given; before the first ("") come all such account keys. As CountStale, none if another key is current.
	ListStale(ctx context.Context, mark []byte, after string, limit int) ([]SealedSecret, error)
	// ReplaceSealed stores each of the new ones in place of the old, where that is still there, and says how many were.
	ReplaceSealed(ctx context.Context, old []SealedSecret, sealed [][]byte) (replaced int, err error)
	// RecordResealed writes an event, unless nothing was resealed and the last one named the same failures.
	RecordResealed(ctx context.Context, resealed int, failed []UnopenedSecret) error
}

// UnopenedSecret is one that could not be resealed, since it does not open.
type UnopenedSecret struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
	// Certificate is whose key it is.
	Certificate string `json:"certificate,omitempty"`
	// Reason is "SecretDamaged", "SecretMisplaced" or "SealingKeyWrong".
	Reason domain.Reason `json:"reason"`
}

// Resealer seals with the current key what earlier ones have sealed. Faults: those of Sealer and Secrets, and Operator
// "SealingKeyNotShared" while a running process could not open it.
type Resealer interface {
	// Stale counts what there is to reseal, and what cannot be; 0 without a question while no earlier key is
	// configured.
	Stale(ctx context.Context) (int, error)
	// Reseal works on one page after the place given ("" for the first) and returns how far it is. What does not open
	// is skipped. Idempotent, and any number may work at once: each secret is replaced only as it was read.
	Reseal(ctx context.Context, after string) (ResealedPage, error)
	// Finish makes a run readable: one event for all of its pages. Idempotent for runs that changed nothing.
	Finish(ctx context.Context, resealed int, failed []UnopenedSecret) error
}

// ResealedPage is what Reseal did.
type ResealedPage struct {
	Page     PageState
	Resealed int
	Failed   []UnopenedSecret
}
