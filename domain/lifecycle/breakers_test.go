package lifecycle

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"everleaf/domain"
)

// tamper breaks a machine on purpose: what it wants next (given a copy of it), what it answers, what it is after each
// event, what JSON keeps of it, and what the next run gets.
type tamper struct {
	next    func(w *world, m *Machine) Action
	answer  func(w *world, c caller, out Answer) Answer
	machine func(m *Machine)
	json    func(text []byte) []byte
	state   func(s *State)
}

// breakers are machines that break a rule each.
var breakers = []struct {
	rule   string
	tamper tamper
}{
	{"one action per lane", blind(func(m *Machine) { m.Running = nil })},
	{"nothing acts on a stale record", tamper{next: func(w *world, m *Machine) Action {
		if w.Heard < w.Signalled {
			m.Stale = false
		}
		return m.Next(w.situation())
	}}},
	{"what is revoked or superseded is not delivered", blind(func(m *Machine) {
		if m.Record != nil && m.Record.Issued != nil {
			issued := *m.Record.Issued
			issued.Revoked = false
			m.Record.Issued = &issued
		}
	})},
	{"what is served stays", tamper{next: func(w *world, m *Machine) Action {
		a := m.Next(w.situation())
		if a.Step == StepDeliver {
			a.Step = StepRemove
		}
		return a
	}}},
	{"a revocation is not lost", blind(func(m *Machine) {
		if m.Record != nil && m.ends() {
			m.Record.Revocations = nil
		}
	})},
	{"replaced before it is revoked", blind(func(m *Machine) {
		for i := 0; m.Record != nil && i < len(m.Record.Revocations); i++ {
			m.Record.Revocations[i].WithoutReplacement = true
		}
	})},
	{"delivered before it is revoked", blind(func(m *Machine) {
		for i := 0; m.Record != nil && i < len(m.Record.Revocations); i++ {
			m.Record.Revocations[i].After = time.Time{}
		}
	})},
	{"no wait for ever", waiting(func(*world) time.Time { return time.Time{} })},
	{"a wait is for later", waiting(func(w *world) time.Time { return w.Now })},
	{"nothing grows", tamper{machine: func(m *Machine) { m.Tickets = append(m.Tickets, Ticket{Recorded: true}) }}},
	{"no target is forgotten", tamper{machine: func(m *Machine) {
		m.Deliveries = slices.DeleteFunc(m.Deliveries,
			removing)
	}}},
	{"what is confirmed is there", tamper{machine: func(m *Machine) {
		for i := range m.Deliveries {
			if m.Deliveries[i].Failure != nil {
				m.Deliveries[i].Version = m.version()
			}
		}
	}}},
	{"what is in service stays", tamper{machine: func(m *Machine) {
		if m.Failure != nil && m.Record != nil {
			m.Record.Issued = nil
		}
	}}},
	{"what is answered is recorded", tamper{answer: func(*world, caller, Answer) Answer { return Answer{} }}},
	{"who is answered has what he asked for", tamper{answer: func(_ *world, c caller, out Answer) Answer {
		if c.Recorded {
			return Answer{}
		}
		return out
	}}},
	{"what is ensured after the end is not revoked", tamper{machine: func(m *Machine) {
		if m.Want != nil && m.Want.Reason == domain.WakeChanged && m.Record != nil && revoked(*m.Record) &&
			slices.Equal(m.Record.Issued.Names, m.Spec.Names) {
			m.Want = nil
		}
	}}},
	{"nobody is left behind", tamper{next: func(w *world, m *Machine) Action {
		if m.ends() {
			return Action{Do: End}
		}
		return m.Next(w.situation())
	}}},
	{"what is ensured is kept", tamper{next: func(w *world, m *Machine) Action {
		if a := m.Next(w.situation()); a.Do != Wait || len(w.Steps)+len(w.Callers) > 0 {
			return a
		}
		return Action{Do: End}
	}}},
	{"the mode follows the record", tamper{machine: func(m *Machine) {
		if m.Mode == Retiring && len(m.Running) == 0 {
			m.Mode = Active
		}
	}}},
	{"what is cancelled ends", tamper{machine: func(m *Machine) {
		if m.cancelled() && len(m.Running) > 0 {
			m.Mode = Active
		}
	}}},
	{"what is retired ends", tamper{machine: func(m *Machine) {
		if m.Failure != nil {
			failure := *m.Failure
			failure.Step = string(StepObtain)
			m.Failure = &failure
		}
	}}},
	{"what is obtained was recorded", blind(func(m *Machine) { m.Tickets = nil })},
	{"Next is pure", tamper{next: func(w *world, m *Machine) Action {
		w.Machine.Cycle++
		return m.Next(w.situation())
	}}},
	{"the machine survives JSON", tamper{json: func(text []byte) []byte {
		return bytes.ReplaceAll(text, []byte(`"stale":true`), []byte(`"stale":false`))
	}}},
	{"a caller gets an answer", tamper{answer: func(_ *world, c caller, out Answer) Answer {
		out.Wait = out.Wait || c.Request.Kind == domain.RequestRenew
		return out
	}}},
	{"all is done in the end", blind(func(m *Machine) { m.Deliveries = slices.DeleteFunc(m.Deliveries, removing) })},
	{"no hot loop", blind(func(m *Machine) { m.Failure, m.Away = nil, time.Time{} })},
	{"a spec has its own generation", tamper{machine: func(m *Machine) {
		if len(m.Spec.Deliveries) == 0 {
			m.Generation = 9
		}
	}}},
	{"continue-as-new loses nothing", tamper{state: func(s *State) { s.Want = nil }}},
}

func removing(d domain.Delivery) bool { return d.Removing }

// blind is a machine that does not see something when it is asked for the next action.
func blind(blinded func(m *Machine)) tamper {
	return tamper{next: func(w *world, m *Machine) Action {
		blinded(m)
		return m.Next(w.situation())
	}}
}

func waiting(until func(w *world) time.Time) tamper {
	return tamper{next: func(w *world, m *Machine) Action {
		a := m.Next(w.situation())
		if a.Do == Wait {
			a.At = until(w)
		}
		return a
	}}
}

func TestEachRuleCanBeBroken(t *testing.T) {
	for _, b := range breakers {
		t.Run(b.rule, func(t *testing.T) {
			e, err := newExplorer(2, &b.tamper)
			var way *node
			if err == nil {
				e.probe = 1
				way, err = e.explore()
			}
			switch {
			case err == nil:
				t.Fatalf("nothing found in %d worlds", e.states)
			case !strings.Contains(err.Error(), b.rule+":"):
				t.Fatalf("another rule is broken: %v", err)
			case way != nil:
				t.Logf("%v\nby way of %s", err, way.trace())
			}
		})
	}
}
