package ports

import (
	"context"
	"time"

	"everleaf/domain"
)

//go:generate go tool mockgen -source=advice.go -destination=../mocks/advice.go -package=mocks

// AdviceDue is a certificate in service whose CA is to be asked when to renew it.
type AdviceDue struct {
	Certificate string
	Issued      domain.Issued
	// Plan is the zero one if none was stored.
	Plan     domain.RenewalPlan
	ChainPEM []byte
	// Failures counts the errors since the last answer.
	Failures int
}

// DuePage is a page of what is due.
type DuePage struct {
	Due []AdviceDue
	// Page says where the next page begins.
	Page PageState
}

// Advised is what came of asking about a certificate.
type Advised struct {
	Certificate, Version string
	Plan                 domain.RenewalPlan
	// Moved reports whether the certificate's workflow is to be notified of the plan.
	Moved bool
	// Next is when to ask again.
	Next time.Time
	// Failures counts the errors in a row, Failure is the last one's text; both are empty after an answer.
	Failures int
	Failure  string
}

// Moved is a plan that was moved to the instant At.
type Moved struct {
	Certificate, Version string
	At                   time.Time
}

// Advice records what CAs say of certificates in service. Faults: Wait "DatabaseUnavailable".
type Advice interface {
	// Due returns what to ask about among the next limit versions whose next look is not after now, those that wait
	// longest first, after the place given ("" for the first page): certificates that are kept, planned, not expired
	// and not revoked. Those of the issuers in except are left out.
	Due(ctx context.Context, now time.Time, after string, except []string, limit int) (DuePage, error)
	// RecordAdvice stores a plan and when to look next. A version that is not in service any more is left alone. An
	// event is written only if the plan's instant moved by a second or more, or its explanation changed. Idempotent.
	RecordAdvice(ctx context.Context, advised Advised) error
	// Moved returns up to limit plans that were moved and whose workflows were not notified yet, in order of
	// certificate, after the one given ("" for the first page).
	Moved(ctx context.Context, after string, limit int) ([]Moved, error)
	// RecordNotified notes that the workflows were notified of these plans; one that was moved again since is left
	// alone. Idempotent.
	RecordNotified(ctx context.Context, moved []Moved) error
}

// Notifier wakes certificates' workflows after their record has changed. Idempotent, and any number of notices costs
// one look. A workflow that has ended, or that never was, is a Spec fault "WorkflowEnded"; Wait "TemporalUnreachable",
// Operator "UnknownNamespace" and "TemporalRefused".
type Notifier interface {
	// RecordChanged has the certificate's workflow read its record: a renewal was moved, or a target has lost what was
	// delivered. The change MUST be stored before.
	RecordChanged(ctx context.Context, certificate string) error
}
