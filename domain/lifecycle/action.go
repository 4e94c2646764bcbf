package lifecycle

import (
	"slices"
	"time"

	"everleaf/domain"
)

// Step names what an action runs; the executor has a typed step for each.
type Step string

const (
	StepRecordRequest Step = "RecordRequest"
	StepReserve       Step = "ReserveOrder"
	StepObtain        Step = "ObtainCertificate"
	StepRecordFailure Step = "RecordFailure"
	StepDeliver       Step = "DeliverCertificate"
	StepRemove        Step = domain.RemovalStep
	StepRevoke        Step = "RevokeCertificate"
	StepRelease       Step = "RecordReleased"
)

// Do is what the executor is to do.
type Do string

const (
	// Run a step; the run goes on meanwhile.
	Run Do = "Run"
	// Wait until Action.At or until something comes in; the zero instant is for ever.
	Wait Do = "Wait"
	// ContinueAsNew with Machine.State.
	ContinueAsNew Do = "ContinueAsNew"
	// End the workflow.
	End Do = "End"
	// Fail the workflow with Machine.Refusal.
	Fail Do = "Fail"
)

// Action is what comes next.
type Action struct {
	Do   Do   `json:"do"`
	Step Step `json:"step,omitempty"`
	// At is until when to wait, Reason why, for people.
	At     time.Time `json:"at,omitzero"`
	Reason string    `json:"reason,omitempty"`
	// Request is what StepRecordRequest records: the ID of its ticket.
	Request string `json:"request,omitempty"`
	// Target is where to deliver or what to clear, Version what to deliver or to revoke.
	Target  string `json:"target,omitempty"`
	Version string `json:"version,omitempty"`
	// Reads is Machine.Reads when it began.
	Reads int `json:"reads,omitempty"`
}

// lane is what an action occupies: there is one action at a time in each.
func (a Action) lane() string {
	switch a.Step {
	case StepReserve, StepObtain:
		return "attempt"
	case StepRecordRequest, StepRelease: // an Ensure that meets the release is recorded after it
		return "record"
	case StepDeliver, StepRemove:
		return "target " + a.Target
	default:
		return string(a.Step)
	}
}

// local reports whether the step touches Postgres alone: it runs within the workflow task, which waits for it.
func (a Action) local() bool {
	return a.Step == StepRecordRequest || a.Step == StepReserve || a.Step == StepRecordFailure || a.Step == StepRelease
}

// Situation is what the machine cannot know by itself.
type Situation struct {
	// Now is the workflow's clock.
	Now time.Time
	// Suggested reports whether the server wants a shorter history.
	Suggested bool
	// Outdated reports whether this run began under a lower Version than the worker's.
	Outdated bool
}

// cycles is after how many certificates a run continues as new: a short history is cheap to replay.
const cycles = 4

// Next is what to do now. It changes nothing: the same machine in the same situation gives the same action.
func (m *Machine) Next(s Situation) Action {
	idle := len(m.Running) == 0 && len(m.Failed) == 0
	switch {
	case m.Mode == Refused && m.Awaited():
		return Action{Do: Wait, Reason: "callers"}
	case m.Mode == Refused:
		return Action{Do: Fail}
	case (m.Mode == Retired || m.Mode == Ended) && idle && !m.Awaited():
		return Action{Do: End}
	}
	action, at, reason := m.due(s.Now)
	renews := len(m.Tickets) == 0 && idle && m.Mode != Retired && !m.cancelled()
	fresh := m.Record == nil // nothing was done yet in this run
	switch {
	case renews && !fresh && (s.Suggested || (s.Outdated || m.Obtained >= cycles) && action != nil):
		return Action{Do: ContinueAsNew}
	case action != nil:
		action.Do, action.Reads = Run, m.Reads
		return *action
	default:
		return Action{Do: Wait, At: at, Reason: reason}
	}
}

// Begin notes that the action's step is at work.
func (m *Machine) Begin(a Action, now time.Time) {
	if a.Step == StepReserve && m.Attempt == nil {
		want, _ := m.wanted()
		m.Attempt = &Attempt{Spec: m.Spec, Want: want}
		if len(m.Spec.Issuers) > 0 {
			m.Attempt.Issuer = m.Spec.Issuers[0]
		}
		if m.Want != nil { // from here on, a request is for the certificate after this one
			tried := *m.Want
			tried.Tried, tried.Force = true, false
			m.Want = &tried
		}
	}
	if m.Attempt != nil && a.lane() == "attempt" {
		m.Attempt.Stage = a.Step
	}
	if a.local() {
		m.Away = time.Time{}
	}
	m.Running = append(m.Running, a)
}

// busy reports whether something is at work in the action's lane, or failed there and is not decided yet.
func (m *Machine) busy(a Action) bool {
	return slices.ContainsFunc(m.Running, func(r Action) bool { return r.lane() == a.lane() }) ||
		slices.ContainsFunc(m.Failed, func(f FailedAction) bool { return f.Action.lane() == a.lane() })
}

// due is the action to run now, else the earliest instant at which there will be one, and why.
func (m *Machine) due(now time.Time) (action *Action, at time.Time, reason string) {
	later := func(when time.Time, why string) {
		if at.IsZero() || when.Before(at) {
			at, reason = when, why
		}
	}
	lanes := []func() (Action, time.Time, bool){
		m.nextFailed, m.nextRequest, m.nextTarget, m.nextRevocation, m.nextOfAttempt, m.nextRelease,
	}
	for _, lane := range lanes {
		next, when, ok := lane()
		if next.local() && when.Before(m.Away) {
			when = m.Away
		}
		switch {
		case !ok || m.busy(next):
		case !when.After(now):
			next.At = time.Time{}
			return &next, time.Time{}, ""
		default:
			later(when, next.Reason)
		}
	}
	return nil, at, reason
}
