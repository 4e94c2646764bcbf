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

// Advice records what CAs say of certificates in service. Faults: Wait "DatabaseUnavailable".
type Advice interface {
	// Due returns up to limit certificates that are kept, planned, not expired and not revoked, and whose next look is not
	// after now, in order of name after the one given ("" for the first page). Those of the issuers in except are left out.
	Due(ctx context.Context, now time.Time, after string, except []string, limit int) ([]AdviceDue, error)
	// RecordAdvice stores the plan of a version and when to look next. A version that is not in service any more is left
	// alone. An event is written only if the plan's instant moved by a second or more, or its explanation changed. failures
	// counts the errors in a row, failure is the last one's text; both are empty after an answer. Idempotent.
	RecordAdvice(ctx context.Context, version string, plan domain.RenewalPlan, next time.Time, failures int, failure string) error
}

// Notifier wakes certificates' workflows after their record has changed. Idempotent, and any number of notices costs one
// look. A workflow that has ended, or that never was, is a Spec fault "NotKept"; Wait "TemporalUnreachable", Operator
// "UnknownNamespace" and "TemporalRefused".
type Notifier interface {
	// RecordChanged has the certificate's workflow read its record: a renewal was moved, or a target has lost what was
	// delivered. The change MUST be stored before.
	RecordChanged(ctx context.Context, certificate string) error
}
