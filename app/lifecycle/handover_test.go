package lifecycle

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"everleaf/domain"
	"everleaf/domain/lifecycle"
	"everleaf/ports"
)

// A run sleeps through its renewals and continues as new every fourth.
func TestFourCyclesARun(t *testing.T) {
	w := newWorld(t)
	w.tenant = "team"
	w.run(ports.StartInput{Spec: spec})
	state := w.next()
	require.Equal(t, 4*renewal, w.since())
	require.Len(t, inputsOf(w, ports.ObtainCertificate), 4)
	require.Equal(t, lifecycle.Version, state.Machine)
	require.Equal(t, spec.WithDefaults(), state.Spec)
	require.Equal(t, lifecycle.Active, state.Mode)
	require.Equal(t, 4, state.Cycle)
	require.Equal(t, "team", state.Tenant)
	require.Nil(t, state.Want)

	later := w.again(0)
	later.run(state)
	require.Equal(t, 8, later.next().Cycle)
	require.Equal(t, "v8", w.record.Issued.Version)
}

// A signal that nobody reads makes the history longer, too: the server ends a workflow whose history is too long.
func TestSuggestedHandOver(t *testing.T) {
	for _, signal := range []string{ports.RecordChangedSignal, "Unknown"} {
		t.Run(signal, func(t *testing.T) {
			w := newWorld(t)
			w.at(day, func() {
				w.env.SetContinueAsNewSuggested(true)
				w.env.SignalWorkflow(signal, nil)
			})
			w.run(ports.StartInput{Spec: spec})
			require.Equal(t, 1, w.next().Cycle)
			require.Equal(t, day, w.since())
		})
	}
}

// Nobody who waits is left without an answer: the run first answers, also those who would wait longer, and then hands
// over.
func TestHandOverAnswersFirst(t *testing.T) {
	w := newWorld(t)
	w.failures[ports.ObtainCertificate.Name] = []error{briefFault, briefFault, briefFault}
	w.env.SetContinueAsNewSuggested(true)
	asked := w.ask(0, ports.EnsureUpdate, ensure)
	w.run(ports.StartInput{Spec: spec})
	require.Equal(t, domain.ReasonBusy, asked.problem(t).Reason)
	require.Zero(t, w.next().Cycle)
	require.Zero(t, w.since())
}

// A signal that comes with the last task of a run is not lost: the next run reads the record first.
func TestSignalAtTheHandOver(t *testing.T) {
	w := newWorld(t)
	w.at(day, func() {
		w.record.Renewal = &domain.RenewalPlan{At: start.Add(10 * day), Reason: "ARIWindow"}
		w.env.SetContinueAsNewSuggested(true)
		w.env.SignalWorkflow(ports.RecordChangedSignal, nil)
	})
	w.run(ports.StartInput{Spec: spec})
	later := w.again(0)
	later.at(11*day, later.env.CancelWorkflow)
	later.run(w.next())
	require.Contains(t, later.calls, "ObtainCertificate@240h0m0s")
}

// What was asked for goes along.
func TestHandOverKeepsAWant(t *testing.T) {
	w := newWorld(t)
	w.at(time.Hour, func() {
		w.failures[ports.ObtainCertificate.Name] = []error{limitedFault}
	})
	w.ask(day, ports.EnsureUpdate, ensureChanged)
	w.at(day+time.Minute, func() {
		w.env.SetContinueAsNewSuggested(true)
		w.env.SignalWorkflow(ports.RecordChangedSignal, nil)
	})
	w.run(ports.StartInput{Spec: spec})
	state := w.next()
	require.Equal(t, changed.Names, state.Spec.Names)
	later := w.again(0)
	later.at(day, later.env.CancelWorkflow)
	later.run(state)
	require.Equal(t, changed.Names, w.record.Issued.Names)
}

// A retirement that is not done goes on in the next run.
func TestHandOverKeepsARetirement(t *testing.T) {
	w := newWorld(t)
	w.failures[ports.RemoveDelivery.Name] = []error{waitFault}
	w.ask(day, ports.RetireUpdate, ports.RetireRequest{RemoveDeliveries: true})
	w.at(day+time.Second, func() {
		w.env.SetContinueAsNewSuggested(true)
		w.env.SignalWorkflow(ports.RecordChangedSignal, nil)
	})
	w.run(ports.StartInput{Spec: delivered})
	state := w.next()
	require.Equal(t, lifecycle.Clearing, state.Mode)
	later := w.again(0)
	later.run(state)
	require.NoError(t, later.env.GetWorkflowError())
	require.Equal(t, domain.Released, w.record.Retirement)
	require.Empty(t, w.record.Deliveries)
}

// A run that began under a lower version of the machine hands over before it acts.
func TestOutdatedRun(t *testing.T) {
	w := newWorld(t)
	w.env.OnGetVersion(machineGate, workflow.Version(1),
		workflow.Version(lifecycle.Version)).Return(workflow.Version(lifecycle.Version - 1))
	w.run(ports.StartInput{Spec: spec})
	require.Equal(t, spec.WithDefaults(), w.next().Spec)
	require.Equal(t, lifecycle.Version-1, w.next().Machine, "the rules that wrote the state")
	require.Empty(t, w.steps())
}

// It sleeps on where nothing is due.
func TestOutdatedRunSleeps(t *testing.T) {
	first := newWorld(t)
	first.lives(spec, day)
	first.record.Retirement = ""
	w := first.again(0)
	w.env.OnGetVersion(machineGate, workflow.Version(1),
		workflow.Version(lifecycle.Version)).Return(workflow.Version(lifecycle.Version - 1))
	w.run(lifecycle.State{Machine: 1, Spec: spec, Mode: lifecycle.Active})
	w.next()
	require.Empty(t, w.steps())
	require.Equal(t, renewal, w.since())
}
