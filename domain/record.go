package domain

import "time"

// Record is what Postgres stores of one certificate. It wins over what a workflow remembers: every step that touches
// Postgres answers with it.
type Record struct {
	// ReadBy is the run of the workflow that asked. After a reset it differs from the run that replays the answer.
	ReadBy string `json:"readBy,omitempty"`
	// Issued is the certificate in service, nil before the first.
	Issued *Issued `json:"issued,omitempty"`
	// Renewal says when Issued is to be replaced; nil until it is planned.
	Renewal *RenewalPlan `json:"renewal,omitempty"`
	// Failure is the last attempt's failure, nil after a success.
	Failure *Failure `json:"failure,omitempty"`
	// Revocations are the certificates that are still to be revoked, oldest first.
	Revocations []Revocation `json:"revocations,omitempty"`
	// Deliveries are the targets that a step has contacted for this certificate, in order of name.
	Deliveries []Delivery `json:"deliveries,omitempty"`
	// Retirement is how far it is retired; empty while it is kept in service.
	Retirement Retirement `json:"retirement,omitempty"`
}

// Retirement is how far a certificate is retired.
type Retirement string

const (
	// Retiring is what somebody asked for; targets keep the certificate.
	Retiring Retirement = "Retiring"
	// Clearing is Retiring, and the targets are cleared.
	Clearing Retirement = "Clearing"
	// Released is the end: the certificate was retired, or its workflow cancelled.
	Released Retirement = "Released"
)

// RequestKind is what a caller asks for.
type RequestKind string

const (
	// RequestStart is the input of a plain start: an Ensure that nobody waits for.
	RequestStart RequestKind = "Start"
	// RequestEnsure, RequestRenew, RequestRevoke and RequestRetire are the updates of the same names.
	RequestEnsure RequestKind = "Ensure"
	RequestRenew  RequestKind = "Renew"
	RequestRevoke RequestKind = "Revoke"
	RequestRetire RequestKind = "Retire"
)

// Request is one request of a caller as the workflow accepted it. Only the fields of its kind are set.
type Request struct {
	// ID is unique among the certificate's requests: it is the idempotency key.
	ID   string      `json:"id"`
	Kind RequestKind `json:"kind"`
	// At is when the workflow accepted it.
	At time.Time `json:"at"`
	// Note is kept for people.
	Note string `json:"note,omitempty"`
	// Caller names who asks, in the caller's own words.
	Caller string `json:"caller,omitempty"`
	// Spec is what Start and Ensure ask for.
	Spec *Spec `json:"spec,omitempty"`
	// ExpectedGeneration of a Start or Ensure refuses it unless the stored spec has that generation, 0 for none
	// stored; nil is any.
	ExpectedGeneration *int64 `json:"expectedGeneration,omitempty"`
	// Resume of a Start asks for nothing: the workflow goes on with what is stored.
	Resume bool `json:"resume,omitempty"`
	// DryRun of an Ensure says what it would change, and stores nothing.
	DryRun bool `json:"dryRun,omitempty"`
	// Force of a Renew does not wait for a CA's limit.
	Force bool `json:"force,omitempty"`
	// Reason, SignedBy and WithoutReplacement are those of a Revoke.
	Reason             RevocationReason `json:"reason,omitempty"`
	SignedBy           RevocationSigner `json:"signedBy,omitempty"`
	WithoutReplacement bool             `json:"withoutReplacement,omitempty"`
	// RemoveDeliveries of a Retire clears the targets first.
	RemoveDeliveries bool `json:"removeDeliveries,omitempty"`
}

// Want is why a certificate is wanted.
type Want struct {
	// Reason is one of the reasons to wake, such as WakeChanged.
	Reason string `json:"reason"`
	// Replaces is the version that must not stay in service; empty if there was none.
	Replaces string `json:"replaces,omitempty"`
	// Planned is the instant for which a renewal was planned; zero for what somebody asked for.
	Planned time.Time `json:"planned,omitzero"`
	// Force passes what holds back a Renew, and the count of failed validations, in the next attempt alone.
	Force bool `json:"force,omitempty"`
	// Tried reports whether an attempt at it has begun: when that fails, it waits for the failure's next try.
	Tried bool `json:"tried,omitempty"`
}
