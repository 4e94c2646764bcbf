package lifecycle

import (
	"slices"
	"time"

	"everleaf/domain"
)

// Machine is one run of a certificate's life cycle. The executor asks Next for an action, calls Begin, runs the
// action's step and hands the outcome to one of the methods of outcome.go; requests and notices come in between at any
// time.
//
// All of it is plain data, so that a test can store, compare and continue any moment of it.
type Machine struct {
	State
	Name string `json:"name"`

	// Record is what Postgres answered last, nil before the first answer. Stale reports whether it has to be read again
	// before anything is done.
	Record *domain.Record `json:"record,omitempty"`
	Stale  bool           `json:"stale,omitempty"`
	// Reads counts what has changed the record, or may have: an answer of a step that began before may be older than
	// that.
	Reads int `json:"reads,omitempty"`
	// Unread is the failure to read the record, nil after a success.
	Unread *Unread `json:"unread,omitempty"`
	// Away is until when Postgres is left alone after a local step that it did not answer, zero if it answers.
	// Otherwise one such step after the other would hold the same workflow task, and with it all callers.
	Away time.Time `json:"away,omitzero"`
	// Denied is the last action whose version its step did not find in service.
	Denied Action `json:"denied,omitzero"`

	// Failure is the last attempt's failure, nil after a success; on the way to the end, that of the release.
	Failure *domain.Failure `json:"failure,omitempty"`
	// Attempt is the attempt at work, nil without one.
	Attempt *Attempt `json:"attempt,omitempty"`
	// Deliveries are the targets that are to have the certificate, and those that are to be cleared.
	Deliveries []domain.Delivery `json:"deliveries,omitempty"`
	// Running are the actions at work; there is one for each lane at most.
	Running []Action `json:"running,omitempty"`
	// Failed are the actions that failed and for which the policy has not decided yet.
	Failed []FailedAction `json:"failed,omitempty"`
	// Tickets are the requests that are not answered yet, oldest first.
	Tickets []Ticket `json:"tickets,omitempty"`

	// Obtained counts the certificates of this run, Failures its failed attempts.
	Obtained int `json:"obtained,omitempty"`
	Failures int `json:"failures,omitempty"`
	// Refusal is why the first input is refused.
	Refusal *domain.Fault `json:"refusal,omitempty"`
}

// Attempt obtains one certificate, from one issuer after the other.
type Attempt struct {
	// Stage is the step that is next or at work: StepReserve, StepObtain, or StepRecordFailure after one of them
	// failed.
	Stage Step `json:"stage"`
	// Spec is what the certificate is for. A change meanwhile is for the next one, and waits until this attempt ends,
	// also while it waits for a CA: an order that may be about to succeed is not given up.
	Spec domain.Spec `json:"spec"`
	Want domain.Want `json:"want"`
	// Issuer is the one that is asked; empty is the spec's first.
	Issuer string `json:"issuer,omitempty"`
	// NewKey reports whether the key in service must not be used again.
	NewKey bool `json:"newKey,omitempty"`
	// From is the instant from which the order may be placed.
	From time.Time `json:"from,omitzero"`
	// Tried are the issuers that failed in this attempt.
	Tried []domain.Failure `json:"tried,omitempty"`
}

// Unread is a record that could not be read.
type Unread struct {
	Tries   int          `json:"tries"`
	RetryAt time.Time    `json:"retryAt"`
	Fault   domain.Fault `json:"fault"`
}

// FailedAction is an action with why it failed.
type FailedAction struct {
	Action Action       `json:"action"`
	Fault  domain.Fault `json:"fault"`
	At     time.Time    `json:"at"`
}

// New makes the machine of a run that began under this version of the rules, also on a build that has a higher one.
// start identifies a plain start among the requests.
func New(name string, state State, began int, start string, now time.Time) *Machine {
	m := &Machine{State: state, Name: name}
	m.Expected = nil
	if state.Machine == 0 {
		spec := state.Spec
		m.State = State{Spec: spec, Mode: Active}
		request := domain.Request{ID: start, Kind: domain.RequestStart, At: now, Caller: state.Caller}
		if request.Resume = state.Resume; !state.Resume {
			request.Spec, request.ExpectedGeneration = &spec, state.Expected
		}
		m.ask(Ticket{Unattended: true, Request: request})
	}
	m.Machine = began
	return m
}

// Refuse makes the machine of a run whose input can never be carried out.
func Refuse(name string, fault domain.Fault) *Machine {
	return &Machine{Name: name, State: State{Machine: Version, Mode: Refused}, Refusal: &fault}
}

// Issued is the certificate in service, nil if there is none or nobody knows yet.
func (m *Machine) Issued() *domain.Issued {
	if m.Record == nil {
		return nil
	}
	return m.Record.Issued
}

// version is the version in service, empty if there is none.
func (m *Machine) version() string {
	if issued := m.Issued(); issued != nil {
		return issued.Version
	}
	return ""
}

// known reports whether the record may be acted upon.
func (m *Machine) known() bool { return m.Record != nil && !m.Stale }

// ends reports whether the workflow is on its way to its end.
func (m *Machine) ends() bool { return m.Mode != Active }

// cancelled reports whether the workflow was cancelled: then nothing that is asked for is done any more.
func (m *Machine) cancelled() bool { return m.Mode == Cancelled || m.Mode == Ended }

func (m *Machine) delivery(target string) *domain.Delivery {
	i := slices.IndexFunc(m.Deliveries, func(d domain.Delivery) bool { return d.Target == target })
	if i < 0 {
		return nil
	}
	return &m.Deliveries[i]
}

func (m *Machine) revocation(version string) *domain.Revocation {
	if m.Record == nil {
		return nil
	}
	i := slices.IndexFunc(m.Record.Revocations, func(r domain.Revocation) bool { return r.Issued.Version == version })
	if i < 0 {
		return nil
	}
	return &m.Record.Revocations[i]
}

// replaces reports whether a certificate that is to be revoked has to be replaced first.
func (m *Machine) replaces(r domain.Revocation) bool {
	return !r.WithoutReplacement && (m.Issued() == nil || m.version() == r.Issued.Version)
}

// revokes reports whether something is still to be revoked that need not be replaced first. On the way to the end that
// is all: with the Retire, Postgres has noted that nothing replaces it.
func (m *Machine) revokes() bool {
	due := func(r domain.Revocation) bool { return !m.replaces(r) }
	return m.Record != nil && slices.ContainsFunc(m.Record.Revocations, due)
}

// delivered reports whether every target that is to have the certificate in service has it.
func (m *Machine) delivered() bool {
	behind := func(d domain.Delivery) bool { return !d.Removing && d.Version != m.version() }
	return !slices.ContainsFunc(m.Deliveries, behind)
}
