package lifecycle

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"everleaf/domain"
)

// world is a certificate's workflow with all that it meets: Postgres, a CA, targets and callers, in a few lines of
// each. It has its own executor, which does what app/lifecycle does. Each thing that can happen is an event; see
// events_test.go.
type world struct {
	plain
	// tamper breaks the machine on purpose, in tests of the tests; nil otherwise.
	tamper *tamper
	// begun are the actions that were begun since the last event, for those who look for repetitions.
	begun []Action
}

// plain is what the next event depends on.
type plain struct {
	Now     time.Time
	Machine *Machine
	Store   store
	// Served is what the targets have, in order of name.
	Served []served
	// Steps are at work. Callers wait for an answer.
	Steps   []step
	Callers []caller
	// Next numbers the versions, Asked the requests.
	Next, Asked int
	// Stored counts what others changed in Postgres, Signalled what of it a signal has reported to the machine, and
	// Heard what is in the record that it took; Signal says that a signal is under way.
	Stored, Signalled, Heard int
	Signal                   bool
	// Suggested and Outdated are those of Situation.
	Suggested, Outdated bool
	// Shown says that the run has shown a certificate in service.
	Shown bool
	// Cancelled says that the workflow was cancelled. Over is how it ended.
	Cancelled bool
	Over      Do
	// Until is how long the workflow waits.
	Until time.Time
	// Revoke are the versions whose revocation was accepted, Revoked those that are, at the CA. Alone are those for
	// which nobody wanted a replacement.
	Revoke, Revoked, Alone []string
}

// served is what a target has.
type served struct{ Target, Version string }

// step is an action at work. Once its Answer is there, all of its effects are, too.
type step struct {
	Action Action
	Answer *answer
}

// answer is what a step answers; Seen is world.Stored at that moment.
type answer struct {
	Record   domain.Record
	Recorded *domain.Recorded
	Reserved *domain.Reserved
	Decision *domain.Decision
	Fault    *domain.Fault
	Seen     int
}

// caller waits for the answer to a request. What was in service when it was recorded is Version.
type caller struct {
	Request  domain.Request
	Recorded bool
	Version  string
	// Kept says that an Ensure was recorded after it, Given that a Retire was. Void says that what was in service was
	// given up by then, and revoked or to be revoked.
	Kept, Given, Void bool
}

var epoch = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)

const name = "www"

// begin is a workflow that was started for spec and has done nothing yet.
func begin(spec domain.Spec) *world {
	w := &world{plain: plain{Now: epoch}}
	state, err := Decode(must(json.Marshal(State{Spec: spec})), false)
	if err != nil {
		panic(err)
	}
	w.Machine = New(name, state, Version, w.id(), w.Now)
	return w
}

// again starts a workflow for a certificate whose workflow has ended.
func (w *world) again(spec domain.Spec) {
	next := begin(spec)
	next.Store, next.Served, next.Next, next.Asked = w.Store, w.Served, w.Next, w.Asked
	next.Revoke, next.Revoked, next.Alone, next.Now, next.tamper = w.Revoke, w.Revoked, w.Alone, w.Now, w.tamper
	next.Store.Requests = nil
	next.Machine = New(name, State{Spec: spec, Mode: Active}, Version, next.id(), w.Now)
	*w = *next
}

func (w *world) clone() *world { return &world{plain: deep(w.plain), tamper: w.tamper} }

func (w *world) id() string {
	w.Asked++
	return "r" + strconv.Itoa(w.Asked)
}

func (w *world) situation() Situation {
	return Situation{Now: w.Now, Suggested: w.Suggested, Outdated: w.Outdated}
}

// settle is the executor: it goes on until the machine waits. The error is a rule that is broken.
func (w *world) settle() error {
	w.begun = nil
	for range 40 {
		answered, err := w.answer()
		if err != nil {
			return err
		}
		switch next := w.next(); next.Do {
		case Run:
			if err := w.checkBegin(next); err != nil {
				return err
			}
			w.Machine.Begin(next, w.Now)
			w.Steps = append(w.Steps, step{Action: next})
			w.begun = append(w.begun, next)
		case Wait:
			w.Until = next.At
			if answered {
				continue
			}
			if w.tamper != nil && w.tamper.machine != nil {
				w.tamper.machine(w.Machine)
			}
			return w.check()
		case ContinueAsNew:
			if err := w.continueAsNew(); err != nil {
				return err
			}
		default:
			w.Over, w.Until = next.Do, time.Time{}
			return w.checkOver()
		}
	}
	return broken("no hot loop", "no end of actions without an outcome: %v", w.begun)
}

// next is what the machine wants to be done.
func (w *world) next() Action {
	if w.tamper != nil && w.tamper.next != nil {
		return w.tamper.next(w, deep(w.Machine))
	}
	return w.Machine.Next(w.situation())
}

// throughJSON is what JSON keeps of a machine.
func (w *world) throughJSON(m *Machine) *Machine {
	text := must(json.Marshal(m))
	if w.tamper != nil && w.tamper.json != nil {
		text = w.tamper.json(text)
	}
	var read Machine
	if err := json.Unmarshal(text, &read); err != nil {
		panic(err)
	}
	return &read
}

// answer gives callers their answers. It reports whether one has his.
func (w *world) answer() (answered bool, err error) {
	for _, c := range slices.Clone(w.Callers) {
		out := w.Machine.Answer(c.Request.ID, w.situation())
		if w.tamper != nil && w.tamper.answer != nil {
			out = w.tamper.answer(w, c, out)
		}
		if out.Wait {
			continue
		}
		if err := w.checkAnswer(c, out); err != nil {
			return true, err
		}
		w.Machine.Forget(c.Request.ID)
		w.Callers = slices.DeleteFunc(w.Callers, func(o caller) bool { return o.Request.ID == c.Request.ID })
		w.Store.forget(c.Request.ID)
		answered = true
	}
	return answered, nil
}

// continueAsNew has the next run begin with what this one hands on.
func (w *world) continueAsNew() error {
	if len(w.Steps) > 0 || len(w.Callers) > 0 {
		return fmt.Errorf("continues as new beside %d steps and %d callers", len(w.Steps), len(w.Callers))
	}
	handed := w.Machine.State
	if w.tamper != nil && w.tamper.state != nil {
		w.tamper.state(&handed)
	}
	state, err := Decode(must(json.Marshal(handed)), true)
	if err != nil {
		return fmt.Errorf("the next run cannot read the state: %w", err)
	}
	w.Machine, w.Suggested, w.Outdated, w.Shown, w.Heard = New(name, state, Version, w.id(), w.Now), false, false,
		false, -1
	return nil
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
