package lifecycle

import (
	"strings"

	"everleaf/domain"
)

// Ticket is the request of this ID; ok is false for one that is not there, or was answered.
func (m *Machine) Ticket(id string) (ticket Ticket, ok bool) {
	if t := m.ticket(id); t != nil {
		return *t, true
	}
	return Ticket{}, false
}

// Previous is the failure that stands in the lane of an action, nil if there is none.
func (m *Machine) Previous(a Action) *domain.Failure {
	switch a.Step {
	case StepDeliver, StepRemove:
		if d := m.delivery(a.Target); d != nil {
			return d.Failure
		}
		return nil
	case StepRevoke:
		if r := m.revocation(a.Version); r != nil {
			return r.Failure
		}
		return nil
	default:
		return m.Failure
	}
}

// TargetHost splits a delivery's name into the target's and the host's; host is empty for a target that every delivery
// worker reaches.
func TargetHost(delivery string) (target, host string) {
	target, host, _ = strings.Cut(delivery, "@")
	return target, host
}
