package lifecycle

import (
	"slices"
	"time"

	"everleaf/domain"
)

// maxFailures is how many failures a caller waits through: a CA that asks for one short wait after the other must not
// keep its callers, and they the run, for ever.
const maxFailures = 3

// Ticket is a request from its acceptance to its answer.
type Ticket struct {
	Request domain.Request `json:"request"`
	// Unattended reports whether nobody waits for the answer.
	Unattended bool `json:"unattended,omitempty"`
	// Recorded reports whether Postgres has it.
	Recorded bool `json:"recorded,omitempty"`
	// Tries counts the failures to record it, or what is before it; RetryAt is the next try.
	Tries   int       `json:"tries,omitempty"`
	RetryAt time.Time `json:"retryAt,omitzero"`
	// Fault is why it is refused.
	Fault *domain.Fault `json:"fault,omitempty"`
	// Changes are what an Ensure has changed, in words, or would change in a dry run; WouldIssue reports whether that
	// would obtain a certificate.
	Changes    []string `json:"changes,omitempty"`
	WouldIssue bool     `json:"wouldIssue,omitempty"`
	// Version is what a Revoke is about, and Serial its serial, empty if it is revoked already.
	Version string `json:"version,omitempty"`
	Serial  string `json:"serial,omitempty"`
	// Already reports whether a Retire found the certificate retired.
	Already bool `json:"already,omitempty"`
	// Failures is Machine.Failures when it was recorded.
	Failures int `json:"failures,omitempty"`
}

// Ask accepts a request of a caller.
func (m *Machine) Ask(request domain.Request) { m.ask(Ticket{Request: request}) }

// ask puts an Ensure before a plain start that is not at work: it says all that the start says, unless it is a dry run.
func (m *Machine) ask(t Ticket) {
	i := slices.IndexFunc(m.Tickets, func(t Ticket) bool {
		return starts(t) && !t.Request.Resume && !m.recording(t.Request.ID)
	})
	if t.Request.Kind != domain.RequestEnsure || t.Request.DryRun || i < 0 {
		i = len(m.Tickets)
	}
	m.Tickets = slices.Insert(m.Tickets, i, t)
}

func unrecorded(t Ticket) bool { return !t.Recorded && t.Fault == nil }

// starts reports whether the ticket is a plain start that is not recorded yet.
func starts(t Ticket) bool { return t.Request.Kind == domain.RequestStart && unrecorded(t) }

// Awaited reports whether a caller waits for an answer.
func (m *Machine) Awaited() bool {
	return slices.ContainsFunc(m.Tickets, func(t Ticket) bool { return !t.Unattended })
}

func (m *Machine) recording(id string) bool {
	return slices.ContainsFunc(m.Running, func(a Action) bool { return a.Request == id && a.Step == StepRecordRequest })
}

func (m *Machine) ticket(id string) *Ticket {
	i := slices.IndexFunc(m.Tickets, func(t Ticket) bool { return t.Request.ID == id })
	if i < 0 {
		return nil
	}
	return &m.Tickets[i]
}

// Forget drops a request whose caller has the answer. One that is being recorded is carried out all the same.
func (m *Machine) Forget(id string) {
	if t := m.ticket(id); t != nil && unrecorded(*t) && m.recording(id) {
		t.Unattended = true
		return
	}
	m.Tickets = slices.DeleteFunc(m.Tickets, func(t Ticket) bool { return t.Request.ID == id })
}

// Recorded takes the answer of an action of StepRecordRequest. The action of no request has only read.
func (m *Machine) Recorded(a Action, out domain.Recorded, now time.Time) {
	m.finish(a)
	if t := m.ticket(a.Request); t != nil {
		if out.Refused != nil {
			m.refuse(t, *out.Refused)
			m.correct(out)
			return
		}
		t.Recorded, t.Changes, t.Version, t.Failures = true, out.Changes, out.Version, m.Failures
		t.WouldIssue = t.Request.DryRun && out.Needed
		if !m.cancelled() && !t.Request.DryRun {
			m.carryOut(t, out, a.Reads != m.Reads)
		}
	}
	m.take(a, out.Record)
	m.forgetUnattended()
}

// carryOut does what a recorded request asks for. What was in service then counts; overlapped reports whether that may
// have changed.
func (m *Machine) carryOut(t *Ticket, out domain.Recorded, overlapped bool) {
	var version string
	if out.Record.Issued != nil {
		version = out.Record.Issued.Version
	}
	replaced := out.Version != "" && out.Version != version                 // since the request was recorded first
	first := version == "" && m.Failure == nil && out.Record.Failure == nil // it is wanted anyway
	if out.Superseded {
		m.Spec, m.Generation = *out.Spec, out.Generation
		m.startRecorded()
		if t.Request.Resume { // the requests behind it are for what is stored: perhaps it is retired
			m.follow(out.Record)
		}
		return
	}
	switch t.Request.Kind {
	case domain.RequestStart, domain.RequestEnsure:
		ended := m.ends()
		started := t.Request.Kind == domain.RequestStart || slices.ContainsFunc(m.Tickets, starts)
		changed := ended || started || len(out.Changes) > 0
		m.ensured(out, changed)
		comes := m.Want != nil || m.Attempt != nil || m.Failure != nil || out.Record.Failure != nil
		switch {
		case (ended || started) && (out.Needed && !first || revoked(out.Record)):
			m.want(domain.Want{Reason: domain.WakeChanged, Replaces: version})
		// The attempt may be for another spec than this; whether one more is needed is decided after it.
		case changed && (m.Attempt != nil || overlapped), out.Needed && !first && (changed || !comes):
			m.want(domain.Want{Reason: domain.WakeChanged})
		// Nobody wants that any more.
		case changed && !out.Needed && m.Want != nil && m.Want.Reason == domain.WakeChanged:
			if m.Want.Tried {
				m.Failure = nil
			}
			m.Want = nil
		}
	case domain.RequestRenew:
		switch {
		case m.ends():
			t.Fault = m.retiredFault()
		case !first && !replaced:
			m.want(domain.Want{Reason: domain.WakeRequested, Replaces: version, Force: t.Request.Force})
		}
	case domain.RequestRevoke:
		for _, r := range out.Record.Revocations {
			if r.Issued.Version == out.Version {
				t.Serial = r.Issued.Serial
			}
		}
		switch {
		case m.Mode == Retired:
			m.Mode = Retiring // once more something is left to do
		case m.Mode == Active && out.Needed && !replaced:
			m.want(domain.Want{Reason: domain.WakeRevocation, Replaces: version})
		}
	case domain.RequestRetire:
		t.Already = m.Mode == Retired
		m.follow(out.Record)
	}
}

// revoked reports whether what is in service is revoked or to be revoked.
func revoked(record domain.Record) bool {
	if record.Issued == nil {
		return false
	}
	pending := func(r domain.Revocation) bool { return r.Issued.Version == record.Issued.Version }
	return record.Issued.Revoked || slices.ContainsFunc(record.Revocations, pending)
}

// correct takes over the spec that is stored where a caller who expected another generation was refused. They differ
// after a reset to before a change that nobody asked for again.
func (m *Machine) correct(out domain.Recorded) {
	if out.Spec == nil || out.Generation == m.Generation || m.Mode == Refused {
		return
	}
	m.Spec, m.Generation = *out.Spec, out.Generation
	if m.Mode == Active {
		m.want(domain.Want{Reason: domain.WakeChanged}) // if what is in service does not fulfil it
	}
	m.reread()
}

// refuse answers with a fault; a refused start is the end of a workflow that was nothing before.
func (m *Machine) refuse(t *Ticket, fault domain.Fault) {
	t.Fault = &fault
	if t.Request.Kind == domain.RequestStart {
		m.Mode, m.Refusal = Refused, &fault
	}
	m.forgetUnattended()
}

// ensured takes over the spec.
func (m *Machine) ensured(out domain.Recorded, changed bool) {
	m.startRecorded()
	if m.ends() {
		m.Mode, m.Failure = Active, nil
	}
	if out.Spec != nil {
		m.Spec, m.Generation = *out.Spec, out.Generation
	}
	if changed && m.Attempt != nil && !m.busy(Action{Step: StepObtain}) {
		m.again() // it waits, and nothing was placed for it yet
	}
}

// startRecorded notes that a plain start is recorded: what else was recorded says all that the start says.
func (m *Machine) startRecorded() {
	for i := range m.Tickets {
		m.Tickets[i].Recorded = m.Tickets[i].Recorded || starts(m.Tickets[i])
	}
}

// want asks for a certificate; what was asked for before is a part of it.
func (m *Machine) want(want domain.Want) {
	if old := m.Want; old != nil {
		want.Force = want.Force || old.Force
		if want.Reason == domain.WakeChanged { // a request for another certificate stands when the change is taken back
			want.Reason, want.Replaces = old.Reason, old.Replaces
		}
	}
	m.Want = &want
}

// Unrecorded takes the failure of an action of StepRecordRequest. Postgres is away, most likely: the request stays and
// is tried again, and after some tries its caller is answered, and those who wait behind it.
func (m *Machine) Unrecorded(a Action, fault domain.Fault, now time.Time) {
	m.finish(a)
	m.away(a, fault, now)
	if a.Request == "" {
		tries := 1
		if m.Unread != nil {
			tries += m.Unread.Tries
		}
		m.Unread = &Unread{Tries: tries, RetryAt: now.UTC().Add(pauseAfter(tries)), Fault: fault}
		return
	}
	t := m.ticket(a.Request)
	if t == nil {
		return
	}
	t.RetryAt = now.UTC().Add(pauseAfter(t.Tries + 1))
	m.reread() // it may have been recorded all the same
	if fault.Kind == domain.FaultSpec {
		m.refuse(t, fault)
		return
	}
	for i := range m.Tickets {
		t := &m.Tickets[i]
		if t.Tries++; unrecorded(*t) && !starts(*t) && t.Tries >= maxFailures {
			t.Fault = &fault
			if m.Mode == Retired { // Postgres may have another mind by now
				m.Mode = Retiring
			}
		}
	}
	m.forgetUnattended()
}

// forgetUnattended drops what is done and for which nobody waits.
func (m *Machine) forgetUnattended() {
	m.Tickets = slices.DeleteFunc(m.Tickets, func(t Ticket) bool { return t.Unattended && !unrecorded(t) })
}

func pauseAfter(tries int) time.Duration { return min(pause<<min(tries-1, 4), undecidedPause) }
