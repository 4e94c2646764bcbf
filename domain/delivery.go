package domain

import (
	"slices"
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
	// Removing says that the spec does not name the target any more.
	Removing bool `json:"removing,omitempty"`
}

// Due says when the delivery is to be tried next; ok is false if there is nothing to do. The zero instant means at once.
func (d Delivery) Due(inService *Issued) (at time.Time, ok bool) {
	switch {
	case !d.Removing && (inService == nil || d.Version == inService.Version):
		return time.Time{}, false
	case d.Failure != nil:
		return d.Failure.RetryAt, true
	default:
		return time.Time{}, true
	}
}

// TargetHost parts a delivery's name into the target's and the host's; host is empty for a target that every delivery
// worker reaches.
func TargetHost(delivery string) (target, host string) {
	target, host, _ = strings.Cut(delivery, "@")
	return target, host
}

// Deliver matches the state of deliveries with what a spec names: new ones are added, those that it names no more are to
// be removed, and one that is named again stays.
func (c *Certificate) Deliver() {
	for i := range c.Deliveries {
		d := &c.Deliveries[i]
		if removing := !slices.Contains(c.Spec.Deliveries, d.Target); removing != d.Removing {
			d.Removing, d.Failure = removing, nil
			if !removing {
				d.Version = "" // what a removal has begun is not known
			}
		}
	}
	for _, target := range c.Spec.Deliveries {
		if !slices.ContainsFunc(c.Deliveries, func(d Delivery) bool { return d.Target == target }) {
			c.Deliveries = append(c.Deliveries, Delivery{Target: target})
		}
	}
}

// Delivered says that the version in service is confirmed at every target.
func (c Certificate) Delivered() bool {
	for _, d := range c.Deliveries {
		if _, due := d.Due(c.Issued); due && !d.Removing {
			return false
		}
	}
	return true
}

// Outgrown is a failed delivery as it stands for a newer version: it is tried at once.
func (c *Certificate) Outgrown() {
	for i := range c.Deliveries {
		if !c.Deliveries[i].Removing {
			c.Deliveries[i].Failure = nil
		}
	}
}

// StillDelivered is the answer to whoever wants targets cleared of a certificate that is kept no more; nil if no target has it.
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
	return NewFault(FaultSpec, "StillDelivered", nil,
		"certificate %q is kept no more, and was left at its targets %s, which nobody clears now: ask for it again (Ensure), which clears "+
			"those that are not named, and retire it again with removeDeliveries", certificate, strings.Join(targets, ", "))
}
