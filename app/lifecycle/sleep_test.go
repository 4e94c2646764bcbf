package lifecycle

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
	"everleaf/ports"
)

// askWhenGrown sends an Ensure whose workflow task brings the server's suggestion to end the run.
func (w *world) askWhenGrown(after time.Duration, request ports.EnsureRequest) *answer {
	a := &answer{}
	w.env.RegisterDelayedCallback(func() {
		w.send(ports.EnsureUpdate, request, a, func() { w.env.SetContinueAsNewSuggested(true) })
	}, after)
	return a
}

// The server takes 2000 updates a run: a certificate that callers ask about every few minutes must hand over in its
// sleep.
func TestSleepHandsOverWhenTheHistoryHasGrown(t *testing.T) {
	w := newWorld(t)
	told := w.askWhenGrown(day, ensure)
	w.run(ready())
	require.NoError(t, told.err)
	require.Equal(t, "v3", told.status.Issued.Version)
	require.Empty(t, w.story)
	require.Equal(t, ready(), w.next())
	require.Equal(t, day, w.since())
}

// A request that is held back by a rate limit goes along.
func TestHandOverKeepsARequest(t *testing.T) {
	w := newWorld(t)
	w.failing(limitedFault, 100)
	told := w.askWhenGrown(time.Hour, ensureChanged)
	w.run(domain.Certificate{Spec: spec})
	require.Equal(t, "RateLimited", told.problem(t).Reason)
	state := w.next()
	require.True(t, state.Reissue)
	require.Equal(t, changed, state.Spec)
	require.Equal(t, start.Add(3*time.Hour), state.Failure.RetryAt)

	later := newWorld(t)
	later.run(state)
	require.Equal(t, "PlaceOrder@3h0m0s", later.story[0])
	require.Equal(t, changed, later.next().Spec)
	require.False(t, later.next().Reissue)
}

// A run that has grown long tells who waits through a short problem, and hands over: callers must not keep it from
// ending until the server ends it.
func TestHandOverTellsThePatient(t *testing.T) {
	w := newWorld(t)
	w.env.SetContinueAsNewSuggested(true)
	w.failing(briefFault, 3)
	told := w.ask(0, ports.EnsureUpdate, ensure)
	w.run(domain.Certificate{Spec: spec})
	require.Equal(t, "Busy", told.problem(t).Reason)
	require.Zero(t, told.at)
	require.Equal(t, 0, w.next().Cycle)
	require.Equal(t, start.Add(30*time.Second), w.next().Failure.RetryAt)
}

// A CA that asks for one short wait after the other does not keep a caller for ever.
func TestPatienceEnds(t *testing.T) {
	w := newWorld(t)
	w.failing(briefFault, 10)
	told := w.ask(0, ports.EnsureUpdate, ensure)
	w.run(domain.Certificate{Spec: spec})
	require.Equal(t, "Busy", told.problem(t).Reason)
	require.Equal(t, time.Minute, told.at, "at the third failure")
	require.Equal(t, 1, w.next().Cycle, "the workflow goes on")
}

// A renewal that is due the moment it is planned (the CA's window has passed, or its clock is wrong) keeps neither the
// caller of this one waiting nor the run waiting for the caller.
func TestRenewalThatIsDueAtOnce(t *testing.T) {
	w := newWorld(t)
	w.plan = func(int, ports.PlanRenewalInput) (ports.PlanRenewalOutput, error) {
		return ports.PlanRenewalOutput{Plan: domain.RenewalPlan{At: start, Reason: "ARIWindowPassed"}}, nil
	}
	told := w.ask(0, ports.EnsureUpdate, ensure)
	w.run(domain.Certificate{Spec: spec})
	require.NoError(t, told.err)
	require.Equal(t, "v1", told.status.Issued.Version)
	require.Len(t, w.placed, 1, "the next issuance is the next run's")
	require.Equal(t, domain.RenewalPlan{At: start, Reason: "ARIWindowPassed"}, *w.next().Renewal)
}

// A certificate without a plan, or with one that is past, is in service: who asks is told so while it is renewed.
func TestOverdueRenewalGoesAheadAtOnce(t *testing.T) {
	for name, renewal := range map[string]*domain.RenewalPlan{"overdue": {At: start.Add(-day)}, "unplanned": nil} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			state := ready()
			state.Renewal = renewal
			w.run(state)
			require.Empty(t, w.timers)
			require.Equal(t, "PlaceOrder@0s", w.story[0])
			require.Equal(t, 4, w.next().Cycle)
		})
	}
}

// Several requests that change nothing about the wait start no attempt and leave no timer behind.
func TestHeldBackRequestsDoNotSpin(t *testing.T) {
	w := newWorld(t)
	w.failing(limitedFault, 2)
	cancelled := 0
	w.env.SetOnTimerCanceledListener(func(string) { cancelled++ })
	for i := range 5 {
		w.ask(time.Duration(i+1)*time.Minute, ports.RenewUpdate, ports.RenewRequest{})
	}
	w.run(domain.Certificate{Spec: spec})
	require.Equal(t, []time.Duration{180 * time.Minute, 179 * time.Minute, 178 * time.Minute, 177 * time.Minute, 176 * time.Minute, 175 * time.Minute}, w.timers)
	require.Equal(t, len(w.timers)-1, cancelled)
	require.Equal(t, 2, len(w.placed))
	require.Equal(t, 1, w.next().Cycle)
}
