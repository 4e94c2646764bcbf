package lifecycle

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
	"everleaf/ports"
)

var (
	ensure        = ports.EnsureRequest{Spec: spec}
	ensureChanged = ports.EnsureRequest{Spec: changed}
)

func TestEnsureWaitsUntilIssued(t *testing.T) {
	w := newWorld(t)
	told := w.ask(0, ports.EnsureUpdate, ensure)
	w.run(domain.Certificate{Spec: spec})
	require.NoError(t, told.err)
	require.Equal(t, domain.PhaseReady, told.status.Phase)
	require.Equal(t, "v1", told.status.Issued.Version)
	require.Equal(t, start.Add(60*day), told.status.Renewal.At)
	require.Len(t, w.placed, 1)
	require.Equal(t, 1, w.next().Cycle)
}

func TestEnsureOfWhatIsReadyAnswersAtOnce(t *testing.T) {
	w := newWorld(t)
	same := ports.EnsureRequest{Spec: spec.WithDefaults()}
	told := []*answer{w.ask(day, ports.EnsureUpdate, ensure), w.ask(2*day, ports.EnsureUpdate, same)}
	w.run(ready())
	for i, a := range told {
		require.NoError(t, a.err)
		require.Equal(t, time.Duration(i+1)*day, a.at)
		require.Equal(t, "v3", a.status.Issued.Version)
		require.Equal(t, domain.PhaseReady, a.status.Phase)
	}
	require.Equal(t, []time.Duration{60 * day}, w.timers, "the sleep is not disturbed")
	require.Equal(t, "PlaceOrder@1440h0m0s", w.story[0])
}

func TestEnsureOfAChangedSpecCutsTheSleepShort(t *testing.T) {
	w := newWorld(t)
	told := w.ask(day, ports.EnsureUpdate, ensureChanged)
	w.run(ready())
	require.Contains(t, w.story[:2], "PlaceOrder@24h0m0s", "beside the record of the change")
	require.Equal(t, changed.WithDefaults(), w.placed[0].Spec)
	require.NoError(t, told.err)
	require.Equal(t, day, told.at)
	require.Equal(t, "v1", told.status.Issued.Version)
	require.Equal(t, changed, told.status.Spec)
	state := w.next()
	require.Equal(t, changed, state.Spec)
	require.Equal(t, 4, state.Cycle)
	require.False(t, state.Reissue)
}

func TestEnsureRefusesABadSpecBeforeItIsHistory(t *testing.T) {
	w := newWorld(t)
	told := w.ask(day, ports.EnsureUpdate, ports.EnsureRequest{Spec: domain.Spec{Names: []string{"a.example.com", "a_b.example.com"}}})
	w.run(ready())
	require.False(t, told.accepted)
	fault := told.problem(t)
	require.Equal(t, domain.FaultSpec, fault.Kind)
	for _, says := range []string{"names[1]", `"a_b.example.com"`, `use "-" instead`} { // field, value, fix
		require.Contains(t, fault.Message, says)
	}
	require.Equal(t, spec, w.next().Spec)
}

func TestProblemsThatSomebodyMustSolveAreToldAtOnce(t *testing.T) {
	for _, fault := range []*domain.Fault{
		nameFault, limitedFault,
		domain.NewFault(domain.FaultOperator, "SealingKeyWrong", nil, "the sealing key is another one"),
		domain.NewFault(domain.FaultSpec, "RejectedIdentifier", nil, "the CA will not have this name"),
	} {
		t.Run(fault.Reason, func(t *testing.T) {
			w := newWorld(t)
			w.failing(fault, 2)
			waiting := w.ask(0, ports.EnsureUpdate, ensure)
			later := w.ask(10*time.Second, ports.EnsureUpdate, ensure)
			w.run(domain.Certificate{Spec: spec})
			for at, a := range map[time.Duration]*answer{0: waiting, 10 * time.Second: later} {
				told := a.problem(t)
				require.Equal(t, fault.Reason, told.Reason)
				require.Contains(t, told.Message, fault.Message)
				require.Contains(t, told.Message, start.Add(w.timers[0]).Format(time.RFC3339), "when it is tried again")
				require.Equal(t, at, a.at)
			}
			require.Equal(t, 1, w.next().Cycle)
		})
	}
}

func TestProblemThatPassesInSecondsIsWaitedThrough(t *testing.T) {
	w := newWorld(t)
	w.failing(briefFault, 3)
	told := w.ask(0, ports.EnsureUpdate, ensure)
	later := w.ask(10*time.Second, ports.EnsureUpdate, ensure)
	w.run(domain.Certificate{Spec: spec})
	for _, a := range []*answer{told, later} {
		require.NoError(t, a.err)
		require.Equal(t, time.Minute, a.at)
		require.Equal(t, "v1", a.status.Issued.Version)
	}
}

// A changed spec that arrives while an issuance is at work is not lost, whichever step is at work.
func TestEnsureDuringAnIssuanceIsFollowedByAnother(t *testing.T) {
	for _, c := range []struct {
		step string
		hold func(w *world, middle func())
	}{
		{ports.PlaceOrder.Name, func(w *world, middle func()) {
			run := w.place
			w.place = func(n int, in ports.PlaceOrderInput) (ports.PlaceOrderOutput, error) { middle(); return run(n, in) }
		}},
		{ports.AuthorizeOrder.Name, func(w *world, middle func()) {
			run := w.authorize
			w.authorize = func(n int, in ports.AuthorizeOrderInput) (ports.AuthorizeOrderOutput, error) {
				middle()
				return run(n, in)
			}
		}},
		{ports.FinalizeOrder.Name, func(w *world, middle func()) {
			run := w.finalize
			w.finalize = func(n int, in ports.FinalizeOrderInput) (ports.FinalizeOrderOutput, error) {
				middle()
				return run(n, in)
			}
		}},
		{ports.PlanRenewal.Name, func(w *world, middle func()) {
			run := w.plan
			w.plan = func(n int, in ports.PlanRenewalInput) (ports.PlanRenewalOutput, error) { middle(); return run(n, in) }
		}},
	} {
		t.Run(c.step, func(t *testing.T) {
			w := newWorld(t)
			var told *answer
			c.hold(w, func() {
				if told == nil {
					told = w.askNow(ports.EnsureUpdate, ensureChanged)
				}
			})
			first := w.ask(0, ports.EnsureUpdate, ensure)
			w.run(domain.Certificate{Spec: spec})
			require.Len(t, w.placed, 2)
			require.Equal(t, spec.WithDefaults(), w.placed[0].Spec, "what is at work is finished as begun")
			require.Equal(t, changed.WithDefaults(), w.placed[1].Spec)
			require.Equal(t, []string{chain + "/1", chain + "/2"}, []string{w.placed[0].Key, w.placed[1].Key})
			require.NoError(t, first.err)
			require.Equal(t, "v2", told.status.Issued.Version)
			state := w.next()
			require.Equal(t, changed, state.Spec)
			require.Equal(t, 2, state.Cycle)
		})
	}
}

func TestEnsureDuringAFailingAttemptIsTriedAtOnce(t *testing.T) {
	w := newWorld(t)
	var told *answer
	place := w.place
	w.place = func(n int, in ports.PlaceOrderInput) (ports.PlaceOrderOutput, error) {
		if n == 1 {
			told = w.askNow(ports.EnsureUpdate, ensureChanged)
			return ports.PlaceOrderOutput{}, failed(nameFault)
		}
		return place(n, in)
	}
	w.run(domain.Certificate{Spec: spec})
	require.NoError(t, told.err)
	require.Empty(t, w.timers)
	require.Equal(t, changed.WithDefaults(), w.placed[1].Spec)
	require.Equal(t, changed, w.next().Spec)
}
