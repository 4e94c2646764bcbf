package lifecycle

import (
	"slices"
	"time"

	"everleaf/domain"
)

// Each lane answers with its next action and the instant from which it is due; the zero instant is at once. ok reports
// whether there is one.

// nextFailed has the policy decide about what failed.
func (m *Machine) nextFailed() (next Action, at time.Time, ok bool) {
	if len(m.Failed) == 0 {
		return Action{}, time.Time{}, false
	}
	failed := m.Failed[0].Action
	return Action{Step: StepRecordFailure, Reason: string(failed.Step), Target: failed.Target, Version: failed.Version}, time.Time{}, true
}

// nextRequest records what callers asked for, in order; on the way to the end it also reads a record that is stale.
func (m *Machine) nextRequest() (next Action, at time.Time, ok bool) {
	if m.Mode == Cancelled || m.Mode == Refused {
		return Action{}, time.Time{}, false
	}
	if i := slices.IndexFunc(m.Tickets, func(t Ticket) bool { return !t.Recorded }); i >= 0 {
		return Action{Step: StepRecordRequest, Request: m.Tickets[i].Request.ID, Reason: domain.WakeRequest}, m.Tickets[i].RetryAt, true
	}
	reads := !m.known() && m.ends() && m.Mode != Retired && m.Attempt == nil
	return Action{Step: StepRecordRequest, Reason: domain.WakeRead}, time.Time{}, reads
}

// asked reports whether a request is not recorded yet: what it asks for comes first.
func (m *Machine) asked() bool {
	return slices.ContainsFunc(m.Tickets, func(t Ticket) bool { return !t.Recorded })
}

// nextTarget delivers what is in service and clears what the spec does not name.
func (m *Machine) nextTarget(time.Time) func() (next Action, at time.Time, ok bool) {
	return func() (next Action, at time.Time, ok bool) {
		if !m.known() || m.Mode != Active && m.Mode != Clearing {
			return Action{}, time.Time{}, false
		}
		for _, d := range m.Deliveries {
			action := Action{Step: StepDeliver, Target: d.Target, Version: m.version(), Reason: domain.WakeDelivery}
			if d.Removing {
				action.Step, action.Version = StepRemove, ""
			}
			if m.busy(action) || !d.Removing && (m.issued() == nil || d.Version == m.version()) {
				continue
			}
			due := time.Time{}
			if d.Failure != nil {
				due = d.Failure.RetryAt
			}
			if !ok || due.Before(at) {
				next, at, ok = action, due, true
			}
		}
		return next, at, ok
	}
}

// nextRevocation revokes what is replaced, or what is not to be replaced. What is in service, or could be, is left alone.
func (m *Machine) nextRevocation(time.Time) func() (next Action, at time.Time, ok bool) {
	return func() (next Action, at time.Time, ok bool) {
		if !m.known() || m.Mode == Retired || m.Mode == Cancelled || m.Mode == Refused {
			return Action{}, time.Time{}, false
		}
		for _, r := range m.Record.Revocations {
			if !r.WithoutReplacement && (m.issued() == nil || m.version() == r.Issued.Version) {
				continue
			}
			due := r.After // the targets have until then
			if m.delivered() || r.WithoutReplacement || m.ends() {
				due = time.Time{}
			}
			if r.Failure != nil {
				due = r.Failure.RetryAt
			}
			if !ok || due.Before(at) {
				next, at, ok = Action{Step: StepRevoke, Version: r.Issued.Version, Reason: domain.WakeRevocation}, due, true
			}
		}
		return next, at, ok
	}
}

// nextOfAttempt goes on with the attempt, or begins one when a certificate is wanted.
func (m *Machine) nextOfAttempt() (next Action, at time.Time, ok bool) {
	if a := m.Attempt; a != nil {
		return Action{Step: a.Stage, Reason: a.Want.Reason}, a.From, a.Stage != StepRecordFailure
	}
	if m.Mode != Active || m.asked() {
		return Action{}, time.Time{}, false
	}
	want, at, ok := m.wanted()
	return Action{Step: StepReserve, Reason: want.Reason}, at, ok
}

// wanted is why the next certificate is wanted, and from when on.
//
// What somebody asked for does not wait for a failure's next try, unless the policy says that it must.
func (m *Machine) wanted() (want domain.Want, at time.Time, ok bool) {
	issued, failure := m.issued(), m.Failure
	derived := domain.Want{Replaces: m.version()}
	var planned time.Time
	if m.Record != nil && m.Record.Renewal != nil {
		planned = m.Record.Renewal.At
	}
	switch {
	case m.Want != nil && (failure == nil || !failure.Holds || m.Want.Force):
		return *m.Want, time.Time{}, true
	case !m.known():
		return domain.Want{Reason: domain.WakeRead}, time.Time{}, true
	case m.Want != nil:
		return *m.Want, failure.RetryAt, true
	case failure != nil:
		derived.Reason = domain.WakeRetry
		if !planned.IsZero() && !failure.RetryAt.Before(planned) {
			derived.Planned = planned
		}
		return derived, failure.RetryAt, true
	case issued == nil:
		derived.Reason = domain.WakeNotIssued
		return derived, time.Time{}, true
	case planned.IsZero():
		return domain.Want{Reason: domain.WakeUnplanned}, time.Time{}, true
	default:
		derived.Reason, derived.Planned = domain.WakeRenewal, planned
		return derived, planned, true
	}
}

// nextRelease is the last action: nothing else is left to do, or the workflow was cancelled.
func (m *Machine) nextRelease() (next Action, at time.Time, ok bool) {
	action := Action{Step: StepRelease, Reason: domain.WakeRetired}
	switch m.Mode {
	case Cancelled:
		return action, time.Time{}, len(m.Running) == 0
	case Retiring, Clearing:
		left := m.Attempt != nil || m.asked() || len(m.Deliveries) > 0 || len(m.Failed) > 0
		if left || !m.known() || len(m.Record.Revocations) > 0 {
			return Action{}, time.Time{}, false
		}
		if m.Failure != nil {
			return action, m.Failure.RetryAt, true
		}
		return action, time.Time{}, true
	default:
		return Action{}, time.Time{}, false
	}
}
