package ports

import (
	"context"
	"crypto/sha256"
	"time"
)

//go:generate go tool mockgen -source=pull.go -destination=../mocks/pull.go -package=mocks

// TokenDigest is what is stored of a one-time token.
type TokenDigest = [sha256.Size]byte

// KeyToken lets the receiver of a webhook fetch the key of one version, once.
type KeyToken struct {
	Certificate string
	// Target is the target as the spec names it, with its host: each host's receiver has its own tokens.
	Target  string
	Version string
	Digest  TokenDigest
	// Life is how long it is valid, from when it is stored.
	Life time.Duration
}

// KeyTokens keeps one-time tokens. The tokens themselves MUST NOT get here. Faults: Wait "DatabaseUnavailable".
type KeyTokens interface {
	// PutToken stores a token and returns when it expires. From then on, an earlier one for the same certificate and
	// target is void.
	PutToken(ctx context.Context, token KeyToken) (expires time.Time, err error)
	// TakeToken uses a token up and returns the version that it is for, with its sealed key; in the same transaction
	// it is noted that the key left. A token that is unknown, used, void or expired is a Spec fault "TokenInvalid";
	// which of these it is, is not said.
	TakeToken(ctx context.Context, digest TokenDigest) (KeyPair, error)
	// VoidToken makes the certificate's token for the target void. Idempotent: there need not be one.
	VoidToken(ctx context.Context, certificate, target string) error
}

// Pulls reads certificates in service for clients that fetch them. Only what names one of targets in its spec is found;
// what was released, only while its delivery there was not removed. All else is a Spec fault "UnknownCertificate",
// whether it is there or not. Faults: Wait "DatabaseUnavailable".
type Pulls interface {
	// Named returns the certificate called name, with its sealed key.
	Named(ctx context.Context, name string, targets []string) (KeyPair, error)
	// Covering returns the certificate that serves a DNS name in lower-case A-labels, with its sealed key: one that has
	// the very name before one with the wildcard above it, and then the one that is valid longest.
	Covering(ctx context.Context, serverName string, targets []string) (KeyPair, error)
	// Offered returns up to limit certificates in order of name, after the name given ("" for the first page).
	Offered(ctx context.Context, targets []string, after string, limit int) ([]CertificateRecord, error)
	// RecordPulled notes that the version's key goes to the client. It MUST be called before the key is opened. One
	// note for each client and version is kept.
	RecordPulled(ctx context.Context, certificate, version, client string) error
}
