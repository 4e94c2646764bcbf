package lifecycle

import (
	"slices"
	"time"

	"everleaf/domain"
)

const (
	// pause is the first wait after Postgres did not answer.
	pause = 5 * time.Second
	// undecidedPause is the wait after a failure for which no policy could be asked.
	undecidedPause = time.Minute
)

// away leaves Postgres alone for a while after a local step that it did not answer.
func (m *Machine) away(a Action, fault domain.Fault, now time.Time) {
	if a.local() && fault.Kind == domain.FaultWait {
		m.Away = now.UTC().Add(pause)
	}
}

// finish takes the action off the running ones.
func (m *Machine) finish(a Action) {
	m.Running = slices.DeleteFunc(m.Running, func(r Action) bool { return r == a })
}

// take makes record the one that holds. One that was read while something changed may be older than that: it is read
// again.
func (m *Machine) take(a Action, record domain.Record) {
	overlapped := a.Reads != m.Reads
	m.Reads++ // the step itself may have changed something
	if overlapped {
		m.Stale = true
		return
	}
	before := m.version()
	for i := range record.Revocations {
		r := &record.Revocations[i]
		if old := m.revocation(r.Issued.Version); old != nil {
			r.Failure = latestFailure(old.Failure, r.Failure)
		}
	}
	m.Record, m.Stale, m.Unread = &record, false, nil
	if m.version() != before {
		for i := range m.Deliveries {
			m.Deliveries[i].Failure = nil
		}
	}
	if !m.asked() {
		m.follow(record)
	}
	if !m.ends() { // then it is that of the release
		m.Failure = latestFailure(m.Failure, record.Failure)
	}
	m.merge(record.Deliveries)
	m.reconcile()
}

// follow takes over from the record whether the certificate is kept in service: a Retire or an Ensure may be stored
// though its answer was lost, and a workflow may have been reset to before one.
func (m *Machine) follow(record domain.Record) {
	switch stored := record.Retirement; {
	case m.cancelled() || m.Mode == Refused:
	case stored == "":
		if m.ends() {
			m.Mode, m.Failure = Active, nil
		}
	case stored != domain.Released:
		m.end(Mode(stored))
	// Nothing is cleared that was left since.
	case m.Mode == Active, len(record.Revocations) == 0:
		m.end(Retired)
	}
}

// end leaves the certificate to its retirement. What was wanted is dropped; an attempt at work goes on.
func (m *Machine) end(mode Mode) {
	if m.Mode == Active {
		m.giveUp()
	}
	m.Mode = mode
}

// Notice is word from outside that the record has changed. What it says is not believed: it is read.
func (m *Machine) Notice() { m.reread() }

// reread has the record read again. What a step that is at work has read may be older than the reason to do so.
func (m *Machine) reread() {
	m.Stale = true
	m.Reads++
}

// Cancel has the workflow end as soon as what is at work has ended.
func (m *Machine) Cancel() {
	switch m.Mode {
	case Refused, Cancelled, Ended:
	case Retired: // that is recorded
		m.Mode = Ended
	default:
		m.Mode = Cancelled
		m.Failed, m.Attempt = nil, nil
	}
}

// giveUp drops what was wanted. An attempt at work goes on to its end.
func (m *Machine) giveUp() {
	m.Want, m.Failure = nil, nil
	if !m.busy(Action{Step: StepObtain}) {
		m.Attempt = nil
	}
}

// Reserved takes the answer of StepReserve.
func (m *Machine) Reserved(a Action, out domain.Reserved) {
	m.finish(a)
	m.take(a, out.Record)
	m.Tenant = out.Tenant
	attempt := m.Attempt
	switch {
	case attempt == nil:
	case m.ends():
		m.Attempt = nil
	case m.Stale && len(attempt.Tried) > 0: // the same issuer is asked once the record is known
	case m.Stale: // something changed meanwhile, perhaps the spec
		m.again()
	case !out.Needed:
		m.satisfied()
	default:
		attempt.Want.Replaces, attempt.NewKey, attempt.From = out.Replaces, out.NewKey, out.From
		attempt.Stage, m.Priority = StepObtain, out.Priority
	}
}

// again drops an attempt of which nothing is done yet. What it was for is wanted as before.
func (m *Machine) again() {
	if m.Want != nil {
		untried := *m.Want
		untried.Tried, untried.Force = false, untried.Force || m.Attempt.Want.Force
		m.Want = &untried
	}
	m.Attempt = nil
}

// satisfied ends an attempt that has what it was for.
func (m *Machine) satisfied() {
	m.Failure, m.Attempt = nil, nil
	if m.Want != nil && m.Want.Tried {
		m.Want = nil
	}
}

// ObtainedCertificate takes the answer of StepObtain: the record with a certificate in service that is not the one that
// was to be replaced.
func (m *Machine) ObtainedCertificate(a Action, record domain.Record) {
	m.finish(a)
	if m.Attempt == nil || m.Attempt.Want.Reason != domain.WakeUnplanned {
		m.Cycle++
	}
	m.satisfied()
	m.Obtained++
	m.take(a, record)
}

// Delivered takes the answer of StepDeliver.
func (m *Machine) Delivered(a Action, now time.Time) {
	m.finish(a)
	m.Reads++
	m.meets(a)
	if d := m.delivery(a.Target); d != nil && !d.Removing {
		d.Version, d.At, d.Failure, d.Contacted = a.Version, now.UTC(), nil, true
	}
	m.reconcile()
	if m.Attempt == nil && m.delivered() {
		m.Priority = 0
	}
}

// meets has the record read again after a delivery to a target that is to be cleared by now, or the other way round:
// only the record says what the target has.
func (m *Machine) meets(a Action) {
	d := m.delivery(a.Target)
	if d == nil && a.Step == StepDeliver || d != nil && d.Removing != (a.Step == StepRemove) {
		m.reread()
	}
}

// Removed takes the answer of StepRemove.
func (m *Machine) Removed(a Action) {
	m.finish(a)
	m.Reads++
	m.Deliveries = slices.DeleteFunc(m.Deliveries, func(d domain.Delivery) bool { return d.Target == a.Target })
	m.reconcile()
}

// Revoked takes the answer of StepRevoke: the record without the revocation, or with the one that holds now.
func (m *Machine) Revoked(a Action, record domain.Record) {
	m.finish(a)
	m.take(a, record)
}

// Released takes the answer of StepRelease.
func (m *Machine) Released(a Action, record domain.Record) {
	m.finish(a)
	m.take(a, record)
	switch {
	case m.Mode == Cancelled:
		m.Mode = Ended
	case m.ends() && !m.asked() && m.known() && !m.revokes():
		m.Mode = Retired
	}
}
