package domain

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// FaultKind says who has to act next. The strings are part of recorded histories: they are never renamed.
type FaultKind string

const (
	// FaultRateLimited: the CA asks to wait; RetryAfter says how long (RFC 8555 §6.6).
	FaultRateLimited FaultKind = "RateLimited"
	// FaultWait: something is not there yet and comes by itself (a database restart, a challenge not visible yet).
	FaultWait FaultKind = "Wait"
	// FaultName: the name's owner must act (DNS, CAA, a web server that answers the challenge wrongly).
	FaultName FaultKind = "Name"
	// FaultCA: the CA fails (5xx, unreachable, an answer that breaks its protocol).
	FaultCA FaultKind = "CA"
	// FaultOperator: the operator of Everleaf must act (account, sealing key, unknown issuer).
	FaultOperator FaultKind = "Operator"
	// FaultSpec: the caller sent a spec that can never be fulfilled.
	FaultSpec FaultKind = "Spec"
)

// Fault is the one error type that crosses a port. Adapters make it where they meet the outside world; nobody
// downstream parses error strings. Message is for people and MUST NOT hold a secret.
type Fault struct {
	// Kind says who has to act.
	Kind FaultKind `json:"kind"`
	// Reason is a stable word for programs.
	Reason Reason `json:"reason"`
	// Message names the thing, the value and the fix.
	Message string `json:"message"`
	// RetryAfter is how long the other side asked us to wait; zero if it did not say.
	RetryAfter time.Duration `json:"retryAfter,omitempty"`
	// Final reports whether the same call would fail again in the same way: only a new attempt may help.
	Final bool `json:"final,omitempty"`
	// Step is the step that failed, where one activity does several.
	Step string `json:"step,omitempty"`

	cause error
}

// NewFault makes a fault; cause may be nil and is kept for errors.Is and errors.As.
func NewFault(kind FaultKind, reason Reason, cause error, format string, args ...any) *Fault {
	return &Fault{Kind: kind, Reason: reason, Message: valid(fmt.Sprintf(format, args...)), cause: cause}
}

// valid makes a text that may quote others fit for a message to Temporal, which holds no other.
func valid(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }

// WithRetryAfter returns f with the wait that the other side asked for.
func (f *Fault) WithRetryAfter(wait time.Duration) *Fault {
	f.RetryAfter = wait
	return f
}

// Permanent returns f as final.
func (f *Fault) Permanent() *Fault {
	f.Final = true
	return f
}

// Transient reports whether trying the same call again shortly may help. A fault that carries RetryAfter is waited
// out on a timer and not retried in place.
func (f *Fault) Transient() bool { return f.rule().inPlace && f.RetryAfter == 0 && !f.Final }

// Error gives the message and, if there is one, the cause.
func (f *Fault) Error() string {
	if f.cause != nil {
		return f.Message + ": " + valid(f.cause.Error())
	}
	return f.Message
}

// Unwrap gives the cause.
func (f *Fault) Unwrap() error { return f.cause }

// AsFault finds the fault in err's chain. Any other error is the operator's: it was not foreseen.
func AsFault(err error) *Fault {
	var f *Fault
	if errors.As(err, &f) {
		return f
	}
	return NewFault(FaultOperator, ReasonUnexpected, err, "unexpected error")
}

// About is err with what it is about in front of its message if it is a *Fault; anything else is returned as it is.
func About(err error, what string) error {
	var fault *Fault
	if !errors.As(err, &fault) {
		return err
	}
	named := *fault
	named.Message = what + ": " + fault.Message
	return &named
}
