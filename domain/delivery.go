package domain

import (
	"strings"
	"time"
)

// Delivery is how one certificate stands at one of its targets.
type Delivery struct {
	// Target is the configured target's name, with "@host" where the target is on a host of its own.
	Target string `json:"target"`
	// Version is the version that is confirmed there; empty before the first.
	Version string `json:"version,omitempty"`
	// At is when it was confirmed.
	At time.Time `json:"at,omitzero"`
	// Failure is why the version in service is not there yet.
	Failure *Failure `json:"failure,omitempty"`
	// Met reports whether the target may have had the certificate: a step has met it.
	Met bool `json:"met,omitempty"`
	// Removing reports whether the spec does not name the target any more.
	Removing bool `json:"removing,omitempty"`
}

// TargetHost splits a delivery's name into the target's and the host's; host is empty for a target that every delivery
// worker reaches.
func TargetHost(delivery string) (target, host string) {
	target, host, _ = strings.Cut(delivery, "@")
	return target, host
}

// maxTargets bounds the list of targets in a message, in octets.
const maxTargets = 500

// StillDelivered refuses to say that targets are cleared which still have a retired certificate; nil if none has it.
func StillDelivered(certificate string, deliveries []Delivery) *Fault {
	var targets []string
	for _, d := range deliveries {
		if d.Version != "" {
			targets = append(targets, d.Target)
		}
	}
	if len(targets) == 0 {
		return nil
	}
	return specFault(ReasonStillDelivered,
		"certificate %s is retired and was left at its targets %s, which nobody clears now: ensure it, which clears those "+
			"that are not named, and retire it again with removeDeliveries", quote(certificate), andMore(targets, maxTargets))
}
