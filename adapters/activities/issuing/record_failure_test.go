package issuing

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
	"everleaf/ports"
)

func TestRecordFailure(t *testing.T) {
	failure := domain.Failure{Fault: *caFault, Attempts: 2, At: now, RetryAt: now.Add(10 * time.Minute), Step: ports.FinalizeOrder.Name}
	in := ports.RecordFailureInput{Certificate: certName, Spec: spec, OrderID: orderID, Failure: failure}

	t.Run("recorded with the order whose tokens go", func(t *testing.T) {
		r := newRig(t)
		previous := failure
		previous.Attempts = 1
		in := in
		in.Previous = &previous
		var stored domain.Failure
		r.certificates.EXPECT().RecordFailure(anything, certName, spec, orderID, anything).Times(2).DoAndReturn(
			func(_ context.Context, _ string, _ domain.Spec, _ string, f domain.Failure) error {
				stored = f
				return nil
			})
		out, err := call(r, ports.RecordFailure, in)
		require.NoError(t, err)
		require.Equal(t, stored, *out.Failure, "what people read is what the workflow does")
		require.Equal(t, 2, stored.Attempts)
		require.GreaterOrEqual(t, stored.RetryAt.Sub(now), 10*time.Minute)
		require.LessOrEqual(t, stored.RetryAt.Sub(now), 11*time.Minute, "jitter")
		again, err := call(r, ports.RecordFailure, in)
		require.NoError(t, err)
		require.Equal(t, out, again, "a repeat decides the same")
	})
	t.Run("a fallback is a part of the story and no state", func(t *testing.T) {
		r := newRig(t)
		in := in
		in.Next = "other"
		r.certificates.EXPECT().RecordFallback(anything, certName, orderID, "other", failure)
		out, err := call(r, ports.RecordFailure, in)
		require.NoError(t, err)
		require.Nil(t, out.Failure)
	})
	for fault, retryable := range map[*domain.Fault]bool{waitFault: true, operatorFault: false} {
		t.Run(fault.Reason, func(t *testing.T) {
			r := newRig(t)
			r.certificates.EXPECT().RecordFailure(anything, anything, anything, anything, anything).Return(fault)
			_, err := call(r, ports.RecordFailure, in)
			wire(t, err, fault, retryable)
		})
	}
}

func TestRecordFailureTriesAgainBeforeItDecidesAlone(t *testing.T) {
	away := domain.NewFault(domain.FaultWait, "DatabaseUnavailable", nil, "Postgres is out of reach")
	r := newRig(t)
	r.certificates.EXPECT().RecordFailure(anything, anything, anything, anything, anything).AnyTimes().Return(away)
	previous := domain.Failure{Fault: *away, Attempts: 4, At: now, RetryAt: now}
	in := ports.RecordFailureInput{Certificate: certName, Spec: spec, Previous: &previous,
		Failure: domain.NextFailure(now, &previous, away, ports.PlaceOrder.Name, nil)}
	_, err := call(r, ports.RecordFailure, in)
	wire(t, err, away, true)
}
