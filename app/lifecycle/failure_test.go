package lifecycle

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"everleaf/domain"
	"everleaf/ports"
)

// failing makes PlaceOrder fail until its how-manieth call.
func (w *world) failing(fault *domain.Fault, until int) {
	place := w.place
	w.place = func(n int, in ports.PlaceOrderInput) (ports.PlaceOrderOutput, error) {
		if n < until {
			return ports.PlaceOrderOutput{}, failed(fault)
		}
		return place(n, in)
	}
}

func TestFailuresClimbTheLadderAndASuccessEndsThem(t *testing.T) {
	w := newWorld(t)
	w.failing(nameFault, 6)
	w.run(domain.Certificate{Spec: spec})
	require.Equal(t, []time.Duration{time.Minute, 10 * time.Minute, 100 * time.Minute, day, day}, w.timers)
	for i, in := range w.recorded {
		require.Equal(t, i+1, in.Failure.Attempts)
		require.Equal(t, domain.Failure{
			Fault: domain.Fault{Kind: domain.FaultName, Reason: "CAA", Message: nameFault.Message}, Step: ports.PlaceOrder.Name,
			Attempts: i + 1, At: in.Failure.At, RetryAt: in.Failure.At.Add(w.timers[i]),
		}, in.Failure)
		require.Equal(t, spec.WithDefaults(), in.Spec)
	}
	for _, in := range w.placed {
		require.Equal(t, chain+"/1", in.Key, "every attempt at one issuance has one key")
	}
	state := w.next()
	require.Nil(t, state.Failure)
	require.Equal(t, 1, state.Cycle)
}

func TestRetryAfterIsWaitedExactly(t *testing.T) {
	for _, fault := range []*domain.Fault{limitedFault, briefFault} {
		t.Run(fault.Reason, func(t *testing.T) {
			w := newWorld(t)
			w.failing(fault, 3)
			w.run(ready())
			require.Equal(t, []time.Duration{60 * day, fault.RetryAfter, fault.RetryAfter}, w.timers)
			require.Equal(t, 4, w.next().Cycle)
		})
	}
}

// What no gate has classified must be readable all the same.
func TestUnforeseenErrorsAreTheOperators(t *testing.T) {
	for _, c := range []struct {
		name         string
		err          error
		kind         domain.FaultKind
		reason, says string
	}{
		{"an error without a fault", temporal.NewNonRetryableApplicationError("nil map", "panic", nil), domain.FaultOperator, "Unexpected", "nil map"},
		{"details that are no fault", temporal.NewApplicationErrorWithOptions("odd", "Odd", temporal.ApplicationErrorOptions{NonRetryable: true,
			Details: []any{"a string"}}), domain.FaultOperator, "Unexpected", "odd"},
		{"a time-out", temporal.NewTimeoutError(1, errors.New("too slow")), domain.FaultWait, "StepTimedOut", "did not finish in time"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			place := w.place
			w.place = func(n int, in ports.PlaceOrderInput) (ports.PlaceOrderOutput, error) {
				if len(w.recorded) == 0 {
					return ports.PlaceOrderOutput{}, overWire(c.err)
				}
				return place(n, in)
			}
			w.run(domain.Certificate{Spec: spec})
			require.NotEmpty(t, w.recorded)
			fault := w.recorded[0].Failure.Fault
			require.Equal(t, c.kind, fault.Kind)
			require.Equal(t, c.reason, fault.Reason)
			require.Contains(t, fault.Message, c.says)
		})
	}
}

func TestFailureThatCannotBeRecordedIsStateAllTheSame(t *testing.T) {
	w := newWorld(t)
	w.failing(nameFault, 2)
	w.record = func(int, ports.RecordFailureInput) (ports.RecordFailureOutput, error) {
		return ports.RecordFailureOutput{}, failed(domain.NewFault(domain.FaultOperator, "SchemaTooOld", nil, "migrate first"))
	}
	told := w.ask(0, ports.EnsureUpdate, ports.EnsureRequest{Spec: spec})
	w.run(domain.Certificate{Spec: spec})
	require.Equal(t, "CAA", told.problem(t).Reason)
	require.Equal(t, []time.Duration{time.Minute}, w.timers)
	require.Equal(t, 1, w.next().Cycle)
}

// The old certificate stays in service while its renewal fails, also over a run's end.
func TestFailingRenewalKeepsTheCertificate(t *testing.T) {
	w := newWorld(t)
	before := ready()
	before.Renewal.At = start
	w.failing(nameFault, 100)
	w.env.SetContinueAsNewSuggested(true)
	w.run(before)
	after := w.next()
	require.Equal(t, before.Issued, after.Issued)
	require.Equal(t, 3, after.Cycle)
	require.Equal(t, 1, after.Failure.Attempts)

	// The next run waits for what is left and goes on with the same issuance.
	later := newWorld(t)
	later.run(after)
	require.Equal(t, []time.Duration{time.Minute}, later.timers)
	require.Equal(t, chain+"/4", later.placed[0].Key)
	require.Equal(t, 4, later.next().Cycle)
}

func TestCancelledInTheMiddle(t *testing.T) {
	for _, c := range []struct {
		step    string
		hold    func(w *world, middle func())
		orderID string
	}{
		{ports.PlaceOrder.Name, func(w *world, middle func()) {
			w.place = func(int, ports.PlaceOrderInput) (ports.PlaceOrderOutput, error) {
				middle()
				return ports.PlaceOrderOutput{}, failed(nameFault)
			}
		}, ""},
		{ports.ObtainCertificate.Name, func(w *world, middle func()) {
			w.authorize = func(int, ports.AuthorizeOrderInput) (ports.AuthorizeOrderOutput, error) {
				middle()
				return ports.AuthorizeOrderOutput{}, nil
			}
		}, "order " + chain + "/1"},
		{ports.ObtainCertificate.Name, func(w *world, middle func()) {
			w.finalize = func(int, ports.FinalizeOrderInput) (ports.FinalizeOrderOutput, error) {
				middle()
				return ports.FinalizeOrderOutput{RetryAfter: time.Minute}, nil
			}
		}, "order " + chain + "/1"},
	} {
		t.Run(c.step, func(t *testing.T) {
			w := newWorld(t)
			c.hold(w, func() { w.inLoop(w.env.CancelWorkflow) })
			w.run(domain.Certificate{Spec: spec})
			require.True(t, temporal.IsCanceledError(w.env.GetWorkflowError()), "%v", w.env.GetWorkflowError())
			require.Len(t, w.recorded, 1, "its challenges are removed")
			require.Equal(t, c.orderID, w.recorded[0].OrderID)
			require.Equal(t, c.step, w.recorded[0].Failure.Step)
			require.Equal(t, "Cancelled", w.recorded[0].Failure.Fault.Reason)
		})
	}
	t.Run("between looks at an order in processing", func(t *testing.T) {
		w := newWorld(t)
		w.finalize = func(int, ports.FinalizeOrderInput) (ports.FinalizeOrderOutput, error) {
			return ports.FinalizeOrderOutput{RetryAfter: time.Hour}, nil
		}
		w.env.RegisterDelayedCallback(w.env.CancelWorkflow, time.Minute)
		w.run(domain.Certificate{Spec: spec})
		require.True(t, temporal.IsCanceledError(w.env.GetWorkflowError()))
		require.Equal(t, "Cancelled", w.recorded[0].Failure.Fault.Reason)
		require.Equal(t, ports.FinalizeOrder.Name, w.recorded[0].Failure.Step)
	})
	t.Run("while a caller waits", func(t *testing.T) {
		w := newWorld(t)
		w.failing(briefFault, 100)
		told := w.ask(0, ports.EnsureUpdate, ensure)
		w.env.RegisterDelayedCallback(w.env.CancelWorkflow, 10*time.Second)
		w.run(domain.Certificate{Spec: spec})
		require.True(t, temporal.IsCanceledError(w.env.GetWorkflowError()))
		require.True(t, temporal.IsCanceledError(told.err), "%v", told.err)
	})
	t.Run("asleep", func(t *testing.T) {
		w := newWorld(t)
		w.env.RegisterDelayedCallback(w.env.CancelWorkflow, day)
		w.run(ready())
		require.True(t, temporal.IsCanceledError(w.env.GetWorkflowError()))
		require.Equal(t, []string{"RecordReleased@24h0m0s"}, w.story)
		require.Equal(t, []ports.RecordReleasedInput{{Certificate: certName}}, w.released)
	})
	t.Run("while failing", func(t *testing.T) {
		w := newWorld(t)
		w.failing(nameFault, 100)
		w.env.RegisterDelayedCallback(w.env.CancelWorkflow, time.Hour)
		w.run(domain.Certificate{Spec: spec})
		require.True(t, temporal.IsCanceledError(w.env.GetWorkflowError()))
		require.Len(t, w.recorded, 3)
	})
}
