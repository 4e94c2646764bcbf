package lifecycle

import (
	"time"

	"everleaf/domain"
)

// FailedWith takes the fault of any step but StepRecordRequest and StepRecordFailure; the policy is asked next.
func (m *Machine) FailedWith(a Action, fault domain.Fault, now time.Time) {
	m.finish(a)
	m.away(a, fault, now)
	switch {
	case m.Mode == Cancelled && a.Step == StepRelease:
		m.Mode = Ended // it was asked to end; what is stored says otherwise, and a reconciliation finds that
	case m.cancelled():
	case a.Step == StepRelease:
		failure := unasked(a, fault, now)
		m.Failure = &failure
	case m.denied(a, fault):
	// Nobody waits for it, unless the record says otherwise.
	case a.Step == StepDeliver && uncontacted(m.delivery(a.Target)) && !m.named(a.Target):
		m.meets(a)
		m.reconcile()
	default:
		m.Failed = append(m.Failed, FailedAction{Action: a, Fault: fault, At: now})
		if m.Attempt != nil && a.lane() == "attempt" {
			m.Attempt.Stage = StepRecordFailure
		}
	}
}

// denied has the record read again if the step did not find the action's version in service. It reports whether that is
// all that follows: when the step says so again after a new read, it is a failure like any other.
func (m *Machine) denied(a Action, fault domain.Fault) bool {
	if fault.Reason != domain.ReasonVersionReplaced && fault.Reason != domain.ReasonUnknownVersion {
		return false
	}
	again := m.Denied.Version == a.Version && m.Denied.Reads < a.Reads
	m.Denied = a
	m.reread()
	return !again
}

// Decided takes the policy's answer about the oldest failed action.
func (m *Machine) Decided(a Action, decision domain.Decision) {
	m.finish(a)
	if len(m.Failed) == 0 {
		return // cancelled meanwhile
	}
	m.Reads++
	failed := m.Failed[0]
	m.Failed = m.Failed[1:]
	failure := decision.Failure
	switch failed.Action.lane() {
	case "attempt":
		m.decided(failure, decision.Next)
	case string(StepRevoke):
		if r := m.revocation(failed.Action.Version); r != nil {
			r.Failure = &failure
		}
	default:
		d := m.delivery(failed.Action.Target)
		outgrown := failed.Action.Step == StepDeliver && failed.Action.Version != m.version()
		if d != nil && d.Removing == (failed.Action.Step == StepRemove) && !outgrown {
			d.Failure = &failure
		}
		m.meets(failed.Action)
		m.reconcile()
	}
}

// decided ends the attempt, or goes on with the next issuer.
func (m *Machine) decided(failure domain.Failure, next string) {
	switch {
	case m.Attempt == nil:
	case m.ends():
		m.Attempt = nil
	case next != "":
		m.Attempt.Tried = append(m.Attempt.Tried, failure)
		m.Attempt.Issuer, m.Attempt.Stage, m.Attempt.From = next, StepReserve, time.Time{}
	default:
		m.Failure, m.Attempt = &failure, nil
		m.Failures++
	}
}

// Undecided takes the failure of StepRecordFailure: without a policy's answer, it is tried again in a minute.
func (m *Machine) Undecided(a Action, fault domain.Fault, now time.Time) {
	var decision domain.Decision
	if len(m.Failed) > 0 {
		decision.Failure = unasked(m.Failed[0].Action, m.Failed[0].Fault, now)
	}
	m.Decided(a, decision)
	m.away(a, fault, now)
}

// unasked is a failure for which the policy was not asked.
func unasked(a Action, fault domain.Fault, now time.Time) domain.Failure {
	return domain.Failure{
		Fault: fault, Attempts: 1, At: now.UTC(), RetryAt: now.UTC().Add(undecidedPause), Step: string(a.Step),
		Answer: true, Undecided: true,
	}
}

// latestFailure returns the failure that Postgres has, or the known one if it is later and could not be stored.
func latestFailure(known, stored *domain.Failure) *domain.Failure {
	if known != nil && known.Undecided && (stored == nil || stored.At.Before(known.At)) {
		return known
	}
	return stored
}
