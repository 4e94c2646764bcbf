package lifecycle

import (
	"slices"
	"time"

	"everleaf/domain"
)

// patience is through how many failures a caller waits: a CA that asks for one short wait after the other must not keep
// its callers, and they the run, for ever.
const patience = 3

// Ticket is a request from its acceptance to its answer.
type Ticket struct {
	Request domain.Request `json:"request"`
	// Recorded reports whether Postgres has it.
	Recorded bool `json:"recorded,omitempty"`
	// Tries counts the failures to record it, RetryAt is the next try.
	Tries   int       `json:"tries,omitempty"`
	RetryAt time.Time `json:"retryAt,omitzero"`
	// Fault is why it is refused.
	Fault *domain.Fault `json:"fault,omitempty"`
	// Changes are what an Ensure has changed, in words.
	Changes []string `json:"changes,omitempty"`
	// Version is what a Revoke is about.
	Version string `json:"version,omitempty"`
	// Already reports whether a Retire found the certificate retired.
	Already bool `json:"already,omitempty"`
	// Failures is Machine.Failures when it was recorded.
	Failures int `json:"failures,omitempty"`
}

// Recorded is the answer of StepRecordRequest.
type Recorded struct {
	Record domain.Record
	// Spec is the request's spec with defaults and names as A-labels; nil where the kind has none.
	Spec *domain.Spec
	// Changes say what is new, in words.
	Changes []string
	// Needed reports whether a certificate has to be obtained.
	Needed bool
	// Version is what a Revoke is about.
	Version string
	// Refused is why the request can't be carried out; nothing was recorded then.
	Refused *domain.Fault
}

// Ask accepts a request of a caller.
func (m *Machine) Ask(request domain.Request) {
	if request.Kind == domain.RequestEnsure { // it says all that a plain start says
		m.Tickets = slices.DeleteFunc(m.Tickets, func(t Ticket) bool {
			return t.Request.Kind == domain.RequestStart && !t.Recorded && t.Fault == nil && !m.recording(t.Request.ID)
		})
	}
	m.ask(request)
}

func (m *Machine) ask(request domain.Request) {
	m.Tickets = append(m.Tickets, Ticket{Request: request})
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

// Forget drops a request whose caller has the answer, or is gone.
func (m *Machine) Forget(id string) {
	m.Tickets = slices.DeleteFunc(m.Tickets, func(t Ticket) bool { return t.Request.ID == id && (t.Recorded || t.Fault != nil || !m.recording(id)) })
}

// Recorded takes the answer of an action of StepRecordRequest. The action of no request has only read.
func (m *Machine) Recorded(a Action, out Recorded, now time.Time) {
	m.finish(a)
	t := m.ticket(a.Request)
	if t != nil && out.Refused != nil {
		m.refuse(t, *out.Refused)
		return
	}
	fresh := m.Record == nil
	m.take(a, out.Record)
	if t == nil {
		return
	}
	t.Recorded, t.Changes, t.Version, t.Failures = true, out.Changes, out.Version, m.Failures
	switch t.Request.Kind {
	case domain.RequestStart, domain.RequestEnsure:
		m.ensured(out, fresh)
	case domain.RequestRenew:
		m.renewed(t)
	case domain.RequestRevoke:
		if out.Needed && m.Mode == Active {
			m.want(domain.Want{Reason: domain.WakeRevocation, Replaces: out.Version})
		}
	case domain.RequestRetire:
		m.retire(t)
	}
	m.reconcile()
	if !t.waits() {
		m.Forget(t.Request.ID)
	}
}

// waits reports whether a caller wants the answer.
func (t *Ticket) waits() bool { return t.Request.Kind != domain.RequestStart }

// refuse answers with a fault; a refused start is the end of a workflow that was nothing before.
func (m *Machine) refuse(t *Ticket, fault domain.Fault) {
	t.Fault = &fault
	if t.Request.Kind == domain.RequestStart {
		m.Mode, m.Refusal = Refused, &fault
		m.Forget(t.Request.ID)
	}
}

func (m *Machine) ensured(out Recorded, fresh bool) {
	resumed := m.Mode != Active || fresh
	m.Mode = Active
	if out.Spec != nil {
		m.Spec = *out.Spec
	}
	switch {
	case out.Needed && (resumed || len(out.Changes) > 0):
		if m.issued() == nil && m.Failure == nil {
			return // the first one is wanted anyway
		}
		m.want(domain.Want{Reason: domain.WakeChanged, Replaces: m.version()})
	case len(out.Changes) > 0 || resumed:
		m.Want = nil
		if m.Attempt == nil {
			m.Failure = nil // it was about a certificate that nobody wants any more
		}
	}
}

func (m *Machine) renewed(t *Ticket) {
	if m.ends() {
		fault := *refused("GivenUp", "certificate %q is retired: nothing is issued for it; ensure it to keep it in service", m.Name)
		t.Fault = &fault
		return
	}
	if m.issued() == nil && m.Failure == nil {
		return // the first one is on its way
	}
	m.want(domain.Want{Reason: domain.WakeRequested, Replaces: m.version(), Force: t.Request.Force})
}

// want asks for a certificate; what was asked for before is a part of it.
func (m *Machine) want(want domain.Want) {
	if m.Want != nil {
		want.Force = want.Force || m.Want.Force
	}
	m.Want = &want
}

func (m *Machine) retire(t *Ticket) {
	t.Already = m.Mode == Retired
	if t.Already {
		return
	}
	m.Mode, m.Want, m.Failure = Retiring, nil, nil
	if t.Request.RemoveDeliveries {
		m.Mode = Clearing
	}
	if m.Attempt != nil && !m.busy(Action{Step: StepObtain}) {
		m.Attempt = nil
	}
}

// Unrecorded takes the failure of an action of StepRecordRequest. Postgres is away, most likely: the request stays and is
// tried again, and its caller is answered after some tries.
func (m *Machine) Unrecorded(a Action, fault domain.Fault, now time.Time) {
	m.finish(a)
	t := m.ticket(a.Request)
	if t == nil {
		return
	}
	t.Tries++
	if fault.Kind == domain.FaultSpec || t.waits() && t.Tries >= patience {
		m.refuse(t, fault)
		return
	}
	t.RetryAt = now.Add(min(pause<<min(t.Tries-1, 4), undecidedPause))
}
