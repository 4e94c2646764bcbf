package domain

import "time"

// Failure is a state, not an exit: what went wrong last and when it is tried again. Decide makes it.
type Failure struct {
	// Fault is what went wrong.
	Fault Fault `json:"fault"`
	// Attempts counts failures since the last success. Waits that the other side asked for, and what our own side
	// lacked for a while, count as one.
	Attempts int `json:"attempts"`
	// RetryAfterCount counts failures in a row after which the other side said how long to wait.
	RetryAfterCount int `json:"retryAfterCount,omitempty"`
	// At is when it failed.
	At time.Time `json:"at"`
	// RetryAt is when it is tried again.
	RetryAt time.Time `json:"retryAt"`
	// Step is the step that failed.
	Step string `json:"step,omitempty"`
	// Issuer is the issuer that was asked, where there are several.
	Issuer string `json:"issuer,omitempty"`
	// Answer reports whether callers who wait are answered with it at once. The failure policy sets it, and Holds.
	Answer bool `json:"answer,omitempty"`
	// Holds reports whether a Renew without force waits for RetryAt.
	Holds bool `json:"holds,omitempty"`
	// Undecided reports whether the policy could not be asked: then Postgres does not have this failure.
	Undecided bool `json:"undecided,omitempty"`
}
