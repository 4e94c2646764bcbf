package domain

import (
	"slices"
	"time"
)

// Delivery is how one certificate stands at one of its targets.
type Delivery struct {
	// Target is the configured target's name, with "@host" where the target is on its own host.
	Target string `json:"target"`
	// Version is the version that is confirmed there; empty before the first.
	Version string `json:"version,omitempty"`
	// At is when it was confirmed.
	At time.Time `json:"at,omitzero"`
	// Failure is why the version in service is not there yet, or, while Removing, why the target is not cleared.
	Failure *Failure `json:"failure,omitempty"`
	// Contacted reports whether the target may have had the certificate: a step has contacted it.
	Contacted bool `json:"contacted,omitempty"`
	// Removing reports whether the target is to be cleared: the spec does not name it any more, or the certificate is
	// retired with its targets.
	Removing bool `json:"removing,omitempty"`
}

// RemovalStep is the name of the step that clears a target, ports.RemoveDelivery: a failure is known by it.
const RemovalStep = "RemoveDelivery"

// OfRemoval reports whether it is a target that could not be cleared.
func (f *Failure) OfRemoval() bool { return f != nil && f.Step == RemovalStep }

// Removes reports whether the certificate is to be cleared from a target where it may be: by how far it is retired and
// by the spec that was asked for last.
func Removes(retirement Retirement, asked Spec, target string) bool {
	switch retirement {
	case Clearing:
		return true
	case "":
		return !slices.Contains(asked.Deliveries, target)
	default: // it is left there
		return false
	}
}
