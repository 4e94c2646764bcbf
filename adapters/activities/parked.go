package activities

import (
	"errors"
	"time"

	"everleaf/domain"
)

// Parked ends a try that waits for somebody else, so that no worker's slot is held meanwhile: the next try begins after
// the wait. It is no failure. Where no next try is allowed any more, the workflow reads the fault.
func Parked(wait time.Duration, fault *domain.Fault) error { return &parked{wait, fault} }

// IsParked reports whether the try only waits.
func IsParked(err error) bool {
	_, ok := errors.AsType[*parked](err)
	return ok
}

type parked struct {
	wait  time.Duration
	fault *domain.Fault
}

func (p *parked) Error() string { return p.fault.Error() }

// Tried is err with the number of tries that failed, this one among them: for a step whose tries end for other reasons,
// too. Temporal's own count is not used then, neither for the last try nor for the pause before the next.
func Tried(err error, failures int) error { return &tried{err, failures} }

type tried struct {
	error
	failures int
}

func (t *tried) Unwrap() error { return t.error }

// backoff is the pause after so many failed tries.
func backoff(failures int) time.Duration {
	return min(time.Second<<min(max(failures-1, 0), 5), 30*time.Second)
}
