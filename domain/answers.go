package domain

import "time"

// Reserved is the answer of the step that decides whether a certificate has to be obtained. It is in recorded
// histories, as all answers of steps are: no field is renamed.
type Reserved struct {
	Record Record `json:"record"`
	// Needed reports whether a certificate has to be obtained.
	Needed bool `json:"needed,omitempty"`
	// Replaces is the version that it replaces; empty if there is none, or if only a plan is missing.
	Replaces string `json:"replaces,omitempty"`
	// NewKey reports whether the key in service must not be used again.
	NewKey bool `json:"newKey,omitempty"`
	// From is the instant from which the order may be placed; zero for at once.
	From time.Time `json:"from,omitzero"`
	// Tenant shares the workers with others fairly: at most 64 octets. Priority is 1 for what is urgent, to 5.
	Tenant   string `json:"tenant,omitempty"`
	Priority int    `json:"priority,omitempty"`
}

// Recorded is the answer of the step that records a request: the record with it, or why it is refused.
type Recorded struct {
	Record Record `json:"record"`
	// Spec is the spec of a Start or Ensure with defaults filled in and names as A-labels.
	Spec *Spec `json:"spec,omitempty"`
	// Generation is the stored spec's after a Start, Ensure or Retire, also one that changed nothing.
	Generation int64 `json:"generation,omitempty"`
	// Changes say what is new, in words.
	Changes []string `json:"changes,omitempty"`
	// Needed reports whether a certificate has to be obtained for it.
	Needed bool `json:"needed,omitempty"`
	// Version is what a Renew or Revoke is about: the version in service when it was first recorded, also in the
	// answer to a repeat; empty if there was none.
	Version string `json:"version,omitempty"`
	// Superseded reports whether a Start, Ensure or Retire changed nothing, since a later one of them is stored; Spec
	// is the stored one then.
	Superseded bool `json:"superseded,omitempty"`
	// Refused is why nothing was recorded: the caller must act. After a conflict of generations, Spec and Generation
	// are what is stored.
	Refused *Fault `json:"refused,omitempty"`
}
