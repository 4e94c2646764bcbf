package domain

import (
	"errors"
	"fmt"
	"time"
)

// FaultKind says whose move is next. The strings are part of recorded histories: they are never renamed.
type FaultKind string

const (
	// FaultRateLimited: the CA asks to wait; RetryAfter says how long (RFC 8555 §6.6).
	FaultRateLimited FaultKind = "RateLimited"
	// FaultWait: something is not there yet and comes by itself (a database restart, a challenge not visible yet).
	FaultWait FaultKind = "Wait"
	// FaultName: whoever owns the name must act (DNS, CAA, a web server that answers the challenge wrongly).
	FaultName FaultKind = "Name"
	// FaultCA: the CA fails (5xx, unreachable, an answer that breaks its protocol).
	FaultCA FaultKind = "CA"
	// FaultOperator: whoever runs Everleaf must act (account, sealing key, unknown issuer).
	FaultOperator FaultKind = "Operator"
	// FaultSpec: the caller sent a spec that can never be fulfilled.
	FaultSpec FaultKind = "Spec"
)

// Reasons that a step acts on.
const (
	// ReasonBadCSR and ReasonBadPublicKey: the CA will not sign what the order's key and CSR say (RFC 8555 §6.7).
	ReasonBadCSR       = "BadCSR"
	ReasonBadPublicKey = "BadPublicKey"
	// ReasonCancelled: the certificate was given up in the middle of an attempt. Nothing is wrong.
	ReasonCancelled = "Cancelled"
	// ReasonChallengeNotVisible: from our side, the challenge cannot be seen where the CA will look for it.
	ReasonChallengeNotVisible = "ChallengeNotVisible"
	// ReasonZoneNotVisible: the name servers of a zone that Everleaf writes into cannot be found, or do not answer.
	ReasonZoneNotVisible = "ZoneNotVisible"
	// ReasonOrderExpired: the order, or an authorization of it, ran out or is gone while it was parked. A new one follows.
	ReasonOrderExpired = "OrderExpired"
	// ReasonVersionReplaced: another version is in service than the one that the step is about.
	ReasonVersionReplaced = "VersionReplaced"
	// ReasonUnknownVersion: the version is not one of the certificate, or is not stored.
	ReasonUnknownVersion = "UnknownVersion"
	// ReasonNamesPaused: the CA has paused these names for this account until somebody lifts it there.
	ReasonNamesPaused = "NamesPaused"
)

// Fault is the one error type that crosses a port. Adapters make it where they meet the outside world; nobody
// downstream parses error strings. Message is for people and MUST NOT hold a secret.
type Fault struct {
	Kind FaultKind `json:"kind"`
	// Reason is a stable CamelCase word for programs, for example "RateLimited" or "ChallengeNotVisible".
	Reason string `json:"reason"`
	// Message names the thing, the value and the fix.
	Message string `json:"message"`
	// RetryAfter is how long the other side asked us to wait; zero if it did not say.
	RetryAfter time.Duration `json:"retryAfter,omitempty"`
	// Final says that the same call would fail again in the same way: only a new attempt may help.
	Final bool `json:"final,omitempty"`
	// Step is the step that failed, where one activity does several.
	Step string `json:"step,omitempty"`

	cause error
}

// NewFault makes a fault; cause may be nil and is kept for errors.Is and errors.As.
func NewFault(kind FaultKind, reason string, cause error, format string, args ...any) *Fault {
	return &Fault{Kind: kind, Reason: reason, Message: fmt.Sprintf(format, args...), cause: cause}
}

// After returns f with the wait that the other side asked for.
func (f *Fault) After(wait time.Duration) *Fault {
	f.RetryAfter = wait
	return f
}

// ForGood returns f as final.
func (f *Fault) ForGood() *Fault {
	f.Final = true
	return f
}

// Error gives the message and, if there is one, the cause.
func (f *Fault) Error() string {
	if f.cause != nil {
		return f.Message + ": " + f.cause.Error()
	}
	return f.Message
}

// Unwrap gives the cause.
func (f *Fault) Unwrap() error { return f.cause }

// AsFault finds the fault in err's chain. An error that is none is the operator's: it was not foreseen.
func AsFault(err error) *Fault {
	var f *Fault
	if errors.As(err, &f) {
		return f
	}
	return NewFault(FaultOperator, "Unexpected", err, "unexpected error")
}

// Transient says whether trying the same call again shortly may help. A fault that carries RetryAfter is waited
// out on a timer and not retried in place.
func (f *Fault) Transient() bool {
	return (f.Kind == FaultWait || f.Kind == FaultCA) && f.RetryAfter == 0 && !f.Final
}
