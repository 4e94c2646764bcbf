package ports

import (
	"context"

	"everleaf/domain"
)

//go:generate go tool mockgen -source=ca.go -destination=../mocks/ca.go -package=mocks

// Issuers finds a configured CA by name.
type Issuers interface {
	// Issuer returns the CA called name. An unknown name is an Operator fault "UnknownIssuer" that lists the
	// configured ones. It MUST NOT block.
	Issuer(name string) (CA, error)
}

// CA is one ACME CA under one account (RFC 8555). The account is created on first use and its key is stored before
// the CA hears of it. Methods make one attempt, MUST honour ctx and MUST be safe for concurrent use. Faults:
// RateLimited and CA (both with RetryAfter where the CA sent it), Name, Operator.
type CA interface {
	Ordering
	Authorizing
	RenewalAdviser
	Revoking
}

// Ordering is the part of a CA that turns names into a certificate.
type Ordering interface {
	// PlaceOrder places a new order. It is not idempotent at every CA: the caller MUST look for a stored order
	// first and MUST store the URL of the answer before anything else. If the CA will not accept Replaces, the
	// order is placed without it (RFC 9773 §5).
	PlaceOrder(ctx context.Context, request OrderRequest) (domain.Order, error)
	// Order reads an order. One that the CA does not know any more has status invalid and is no error.
	Order(ctx context.Context, url string) (domain.Order, error)
	// Finalize sends the CSR (DER). An order that was finalized before is answered as it is now, without error.
	// It MAY return before the order is valid: then RetryAfter says when to look again.
	Finalize(ctx context.Context, order domain.Order, csr []byte) (domain.Order, error)
	// Download returns the default chain in PEM, leaf first. It is idempotent.
	Download(ctx context.Context, certificateURL string) (chainPEM []byte, err error)
	// AccountURL is the account's URL; it creates the account if need be.
	AccountURL(ctx context.Context) (string, error)
}

// OrderRequest is what an order is placed for.
type OrderRequest struct {
	Names   []string
	Profile string
	// Replaces is the ARI ID of the predecessor, and ReplacesAccount the account that obtained it; the CA adapter
	// sends it only if it is its own account and the CA has renewalInfo.
	Replaces        string
	ReplacesAccount string
}

// Authorizing is the part of a CA that checks control of names.
type Authorizing interface {
	// Authorization reads an authorization with its challenges' key authorizations filled in.
	Authorization(ctx context.Context, url string) (domain.Authorization, error)
	// AcceptChallenge asks the CA to validate the challenge. Accepting one that is being validated or
	// is done is no error.
	AcceptChallenge(ctx context.Context, challenge domain.Challenge) error
}

// RenewalAdviser is the part of a CA that suggests when to renew (RFC 9773).
type RenewalAdviser interface {
	// RenewalAdvice asks about the certificate (leaf, DER). A CA without renewalInfo answers Unsupported and no error.
	RenewalAdvice(ctx context.Context, leaf []byte) (domain.Advice, error)
}

// Revoking is the part of a CA that revokes (RFC 8555 §7.6).
type Revoking interface {
	// Revoke revokes the certificate (leaf, DER), signed by the account, or by the certificate's own key (PKCS #8 PEM)
	// if one is given. One that is revoked already is no error (already is true).
	Revoke(ctx context.Context, leaf []byte, reason domain.RevocationReason, keyPEM []byte) (already bool, err error)
}
