package domain

import "time"

// Delivery is how one certificate stands at one of its targets.
type Delivery struct {
	// Target is the configured target's name, with "@host" where the target is on its own host.
	Target string `json:"target"`
	// Version is the version that is confirmed there; empty before the first.
	Version string `json:"version,omitempty"`
	// At is when it was confirmed.
	At time.Time `json:"at,omitzero"`
	// Failure is why the version in service is not there yet.
	Failure *Failure `json:"failure,omitempty"`
	// Contacted reports whether the target may have had the certificate: a step has contacted it.
	Contacted bool `json:"contacted,omitempty"`
	// Removing reports whether the spec does not name the target any more.
	Removing bool `json:"removing,omitempty"`
}
