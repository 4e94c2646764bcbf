package lifecycle

import (
	"fmt"
	"strings"
	"time"

	"everleaf/domain"
)

// Answer is what a caller gets: nothing yet, a fault, a failure that stands, or else the status.
type Answer struct {
	Wait    bool
	Fault   *domain.Fault
	Failure *domain.Failure
}

// Answer is the answer to the request of this ID. It is asked again after each change.
func (m *Machine) Answer(id string, s Situation) Answer {
	t := m.ticket(id)
	switch {
	case m.Mode == Refused:
		return Answer{Fault: m.Refusal}
	case t == nil:
		return Answer{Fault: refused(domain.ReasonUnknownRequest, "request %s: it is not one of this run", id)}
	case t.Fault != nil:
		return Answer{Fault: t.Fault}
	case m.cancelled() && !m.recording(id):
		return Answer{Fault: m.retiredFault()}
	case !t.Recorded:
		return Answer{Wait: true}
	case t.Request.DryRun:
		return Answer{}
	case !m.known() && m.Unread != nil && m.Unread.Tries >= maxFailures:
		return Answer{Fault: &m.Unread.Fault}
	}
	switch t.Request.Kind {
	case domain.RequestRetire:
		return m.answerRetire(t)
	case domain.RequestRevoke:
		return m.answerRevoke(t, s)
	default:
		return m.settled(t, s)
	}
}

// settled waits until the certificate is in service as asked for, or a problem stands that the caller would wait long
// for.
func (m *Machine) settled(t *Ticket, s Situation) Answer {
	switch {
	case m.ends():
		return Answer{Fault: m.retiredFault()}
	case m.Attempt != nil:
		return Answer{Wait: true}
	case m.Failure != nil:
		_, at := m.wanted()
		waiting := m.Failures-t.Failures < maxFailures && !s.Suggested
		if waiting && !m.Failure.Answer || !at.After(s.Now) {
			return Answer{Wait: true}
		}
		return Answer{Failure: m.Failure}
	case m.Want != nil || m.Issued() == nil || m.Stale:
		return Answer{Wait: true}
	default:
		return Answer{}
	}
}

// answerRevoke waits for the replacement first, unless none is wanted, and then until the revocation is not pending.
func (m *Machine) answerRevoke(t *Ticket, s Situation) Answer {
	r := m.revocation(t.Version)
	switch {
	case m.Stale:
		return Answer{Wait: true}
	case r == nil:
		return Answer{}
	case r.Failure != nil:
		return Answer{Failure: r.Failure}
	case m.replaces(*r):
		settled := m.settled(t, s) // not replaced: the revocation stays pending
		settled.Wait = settled.Failure == nil && settled.Fault == nil
		return settled
	case len(m.Running) == 0 && len(m.Failed) == 0 && !m.ends() && r.After.After(s.Now) && !m.delivered():
		return Answer{Fault: &domain.Fault{Kind: domain.FaultWait, Reason: domain.ReasonReplacementNotDelivered,
			Message: fmt.Sprintf(
				"certificate %q is replaced, and the old one is revoked as soon as all targets have the new one, at %s at the "+
					"latest",
				m.Name, r.After.UTC().Format(time.RFC3339))}}
	default:
		return Answer{Wait: true}
	}
}

// retiredFault is the answer to a caller that waits for a certificate that is retired.
func (m *Machine) retiredFault() *domain.Fault {
	return refused(domain.ReasonRetired, "certificate %q is retired: nothing is issued for it; ensure it to keep it in "+
		"service", m.Name)
}

// answerRetire waits for the end, or for what holds it up.
func (m *Machine) answerRetire(t *Ticket) Answer {
	switch m.Mode {
	case Active:
		return Answer{Fault: refused(domain.ReasonNotRetired,
			"certificate %q: somebody ensured it meanwhile, so it is kept in service", m.Name)}
	case Retired:
		if t.Request.RemoveDeliveries {
			return Answer{Fault: StillDelivered(m.Name, m.Left())}
		}
		return Answer{}
	}
	if len(m.Running) > 0 || len(m.Failed) > 0 {
		return Answer{Wait: true}
	}
	if failure := m.stuck(); failure != nil {
		return Answer{Failure: failure}
	}
	return Answer{Wait: true}
}

// stuck is what keeps a certificate from its retirement, nil if nothing does.
func (m *Machine) stuck() *domain.Failure {
	for _, d := range m.Deliveries {
		if d.Failure != nil {
			failure := *d.Failure
			failure.Fault.Message = fmt.Sprintf("certificate %q is not retired yet, since its target %s cannot be cleared: %s; "+
				"to leave it there, retire the certificate again without removeDeliveries (`everleaf cert retire %s`)",
				m.Name, d.Target, strings.TrimRight(failure.Fault.Message, ". "), m.Name)
			return &failure
		}
	}
	if m.Record != nil {
		for _, r := range m.Record.Revocations {
			if r.Failure != nil {
				return r.Failure
			}
		}
	}
	return m.Failure
}

// Left are the targets that keep a retired certificate, also those that may: a step has contacted them and did not end
// well.
func (m *Machine) Left() []domain.Delivery {
	if m.Record == nil {
		return nil
	}
	return m.Record.Deliveries
}

// maxTargets bounds the list of targets in a message, in octets.
const maxTargets = 500

// StillDelivered refuses to say that targets are cleared which still have a retired certificate, or may have it; nil if
// left is empty.
func StillDelivered(certificate string, left []domain.Delivery) *domain.Fault {
	if len(left) == 0 {
		return nil
	}
	var targets string
	for i, d := range left {
		if len(targets)+len(d.Target) > maxTargets {
			targets += fmt.Sprintf("and %d more, ", len(left)-i)
			break
		}
		targets += d.Target + ", "
	}
	return refused(domain.ReasonStillDelivered,
		"certificate %q is retired and was left at its targets %swhich nobody clears now: ensure it, "+
			"which clears those that are not named, and retire it again with removeDeliveries", certificate, targets)
}
