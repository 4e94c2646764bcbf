package ports

import (
	"context"
	"time"

	"everleaf/domain"
)

//go:generate go tool mockgen -source=challenges.go -destination=../mocks/challenges.go -package=mocks

// Solver makes challenges of one type answerable.
type Solver interface {
	// Type is the challenge type it solves.
	Type() domain.ChallengeType
	// Present makes the challenges of an order answerable from every replica. Idempotent by token.
	Present(ctx context.Context, orderID string, challenges []domain.Challenge) error
	// Check makes the CA's request from our side, once, within seconds. A Wait fault "ChallengeNotVisible" says what
	// was seen instead; "ZoneNotVisible" that the name servers of one of our own zones cannot be found or do not
	// answer. It SHOULD be a PortClosed where connections are refused, and by nobody else than all that were asked.
	Check(ctx context.Context, challenge domain.Challenge) error
	// WaitLimit is how long Check may fail with these before it is the name's fault, or the operator's.
	WaitLimit() time.Duration
	// CleanUp removes what Present made for an order. Idempotent; it MUST be called once the CA will not check any
	// more: after success and after a failure that is final. What it leaves MUST be stored, for another call to remove.
	CleanUp(ctx context.Context, orderID string) error
}

// PortClosed is a fault of Check where all that were asked refuse connections: the port is wrong, most likely, and to
// wait longer hardly helps.
type PortClosed struct{ *domain.Fault }

// Unwrap gives the fault.
func (p PortClosed) Unwrap() error { return p.Fault }

// HTTPTokens stores HTTP-01 tokens for every replica's responder (RFC 8555 §8.3). Faults: Wait
// "DatabaseUnavailable".
type HTTPTokens interface {
	// PutTokens stores the challenges' tokens and key authorizations under the order. Idempotent by token.
	PutTokens(ctx context.Context, orderID string, challenges []domain.Challenge) error
	// KeyAuthorizations returns those of the tokens that are stored; the others are left out.
	KeyAuthorizations(ctx context.Context, tokens []string) (map[string]string, error)
	// RemoveTokens removes the order's tokens. Idempotent.
	RemoveTokens(ctx context.Context, orderID string) error
}
