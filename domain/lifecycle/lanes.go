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
	next = Action{Step: StepRecordFailure, Reason: string(failed.Step), Target: failed.Target, Version: failed.Version}
	return next, time.Time{}, true
}

// nextRequest records what callers asked for, in order, and reads the record where that is not known.
func (m *Machine) nextRequest() (next Action, at time.Time, ok bool) {
	if m.cancelled() || m.Mode == Refused {
		return Action{}, time.Time{}, false
	}
	if i := slices.IndexFunc(m.Tickets, unrecorded); i >= 0 {
		t := m.Tickets[i]
		return Action{Step: StepRecordRequest, Request: t.Request.ID, Reason: domain.WakeRequest}, t.RetryAt, true
	}
	if m.Unread != nil {
		at = m.Unread.RetryAt
	}
	return Action{Step: StepRecordRequest, Reason: domain.WakeRead}, at, !m.known() &&
		(m.Mode != Retired || m.Awaited())
}

// asked reports whether a request is not recorded yet: what it asks for comes first.
func (m *Machine) asked() bool { return slices.ContainsFunc(m.Tickets, unrecorded) }

// nextTarget delivers what is in service and clears what the spec does not name.
func (m *Machine) nextTarget() (next Action, at time.Time, ok bool) {
	if !m.known() || m.asked() || m.Mode != Active && m.Mode != Clearing {
		return Action{}, time.Time{}, false
	}
	for _, d := range m.Deliveries {
		action := Action{Step: StepDeliver, Target: d.Target, Version: m.version(), Reason: domain.WakeDelivery}
		if d.Removing {
			action.Step, action.Version = StepRemove, ""
		}
		if m.busy(action) || !d.Removing && (!m.deliverable() || d.Version == m.version()) {
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

// deliverable reports whether there is a certificate in service that was not revoked there and is not about to be.
func (m *Machine) deliverable() bool {
	r := m.revocation(m.version())
	return m.Issued() != nil && !m.Issued().Revoked && (r == nil || !r.WithoutReplacement)
}

// nextRevocation revokes what is replaced, or what is not to be replaced. What is in service, or could be, is left
// alone.
func (m *Machine) nextRevocation() (next Action, at time.Time, ok bool) {
	if !m.known() || m.Mode == Retired || m.cancelled() || m.Mode == Refused {
		return Action{}, time.Time{}, false
	}
	for _, r := range m.Record.Revocations {
		if m.replaces(r) {
			continue
		}
		due := r.After // the targets have until then
		if m.delivered() || r.WithoutReplacement || m.ends() {
			due = time.Time{}
		}
		if r.Failure != nil && r.Failure.RetryAt.After(due) {
			due = r.Failure.RetryAt
		}
		if !ok || due.Before(at) {
			next, at, ok = Action{Step: StepRevoke, Version: r.Issued.Version, Reason: domain.WakeRevocation}, due, true
		}
	}
	return next, at, ok
}

// nextOfAttempt goes on with the attempt, or begins one when a certificate is wanted.
func (m *Machine) nextOfAttempt() (next Action, at time.Time, ok bool) {
	if a := m.Attempt; a != nil {
		ok = a.Stage == StepObtain || a.Stage == StepReserve && m.known()
		return Action{Step: a.Stage, Reason: a.Want.Reason}, a.From, ok
	}
	if m.Mode != Active || m.asked() || !m.known() {
		return Action{}, time.Time{}, false
	}
	want, at := m.wanted()
	return Action{Step: StepReserve, Reason: want.Reason}, at, true
}

// wanted is why the next certificate is wanted, and from when on.
//
// What somebody asked for does not wait for the next try of a failure before, unless the policy says that it must. All
// else follows from the record, by which the policy decides whether it is needed.
func (m *Machine) wanted() (want domain.Want, at time.Time) {
	failure := m.Failure
	if m.Want != nil {
		if failure != nil && (m.Want.Tried || failure.Holds && !m.Want.Force) {
			at = failure.RetryAt
		}
		return *m.Want, at
	}
	var planned time.Time
	if m.Record != nil && m.Record.Renewal != nil {
		planned = m.Record.Renewal.At
	}
	switch revocation := m.revocation(m.version()); {
	case failure != nil:
		want.Reason = domain.WakeRetry
		if !planned.IsZero() && !failure.RetryAt.Before(planned) {
			want.Planned = planned
		}
		return want, failure.RetryAt
	case m.Issued() == nil:
		want.Reason = domain.WakeNotIssued
	case revocation != nil && m.replaces(*revocation):
		want.Reason, want.Replaces = domain.WakeRevocation, m.version()
	case planned.IsZero():
		want.Reason = domain.WakeUnplanned
	default:
		want.Reason, want.Planned = domain.WakeRenewal, planned
		return want, planned
	}
	return want, time.Time{}
}

// nextRelease is the last action: nothing else is left to do, or the workflow was cancelled.
func (m *Machine) nextRelease() (next Action, at time.Time, ok bool) {
	action := Action{Step: StepRelease, Reason: domain.WakeRetired}
	switch m.Mode {
	case Cancelled:
		return action, time.Time{}, len(m.Running) == 0
	case Retiring, Clearing:
		left := m.Attempt != nil || m.asked() || len(m.Deliveries) > 0 || len(m.Failed) > 0
		if left || !m.known() || m.revokes() {
			return Action{}, time.Time{}, false
		}
		if m.Failure != nil {
			at = m.Failure.RetryAt
		}
		return action, at, true
	default:
		return Action{}, time.Time{}, false
	}
}
