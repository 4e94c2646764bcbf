package ports

import (
	"context"
	"time"
)

//go:generate go tool mockgen -source=validations.go -destination=../mocks/validations.go -package=mocks

// Validations remembers which validations failed at a CA: CAs limit them by account and name, however many certificates
// the name is in. Names are DNS names without a wildcard's "*.". Faults: Wait "DatabaseUnavailable".
type Validations interface {
	// RecordFailedValidation notes that the issuer's CA could not validate the name at the instant at. Idempotent by
	// the authorization's URL: the first instant stays. It may forget what failed more than domain.ValidationsWindow
	// before.
	RecordFailedValidation(ctx context.Context, issuer, name, authorizationURL string, at time.Time) error
	// FailedValidations are the instants after since at which validations of these names failed at the issuer's CA,
	// newest first. Names without any are left out.
	FailedValidations(ctx context.Context, issuer string, names []string, since time.Time) (map[string][]time.Time,
		error)
}
