package lifecycle

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"everleaf/domain"
	"everleaf/ports"
)

// before makes the run one that began before version 1 of every gate.
func (w *world) before() *world {
	for _, gate := range []string{issuanceGate, releaseGate} {
		w.env.OnGetVersion(gate, workflow.DefaultVersion, workflow.Version(1)).Return(workflow.DefaultVersion)
	}
	return w
}

// The other tests take the newest branch of each gate; these are about the older ones.
func TestIssuanceBeforeItWasOneStep(t *testing.T) {
	t.Run("issues in three steps", func(t *testing.T) {
		w := newWorld(t).before()
		w.run(domain.Certificate{Spec: spec})
		require.Equal(t, []string{"PlaceOrder@0s", "AuthorizeOrder@0s", "FinalizeOrder@0s", "PlanRenewal@0s"}, w.story)
		require.Empty(t, w.obtained)
		state := w.next()
		require.Equal(t, "v1", state.Issued.Version)
		require.Equal(t, start.Add(60*day), state.Renewal.At)
	})
	t.Run("is not authorized when ready", func(t *testing.T) {
		w := newWorld(t).before()
		w.place = func(_ int, in ports.PlaceOrderInput) (ports.PlaceOrderOutput, error) {
			return ports.PlaceOrderOutput{Order: domain.Order{ID: "o", Issuer: in.Issuer, Status: domain.OrderReady}}, nil
		}
		w.run(domain.Certificate{Spec: spec})
		require.Equal(t, []string{"PlaceOrder@0s", "FinalizeOrder@0s", "PlanRenewal@0s"}, w.story)
	})
	t.Run("waits while the CA is processing", func(t *testing.T) {
		w := newWorld(t).before()
		finalize := w.finalize
		w.finalize = func(n int, in ports.FinalizeOrderInput) (ports.FinalizeOrderOutput, error) {
			if n == 1 {
				return ports.FinalizeOrderOutput{RetryAfter: 20 * time.Second}, nil
			}
			return finalize(n, in)
		}
		w.run(domain.Certificate{Spec: spec})
		require.Equal(t, []string{"PlaceOrder@0s", "AuthorizeOrder@0s", "FinalizeOrder@0s", "FinalizeOrder@20s", "PlanRenewal@20s"}, w.story)
	})
	t.Run("ends without a word when cancelled", func(t *testing.T) {
		w := newWorld(t).before()
		w.env.RegisterDelayedCallback(w.env.CancelWorkflow, day)
		w.run(ready())
		require.True(t, temporal.IsCanceledError(w.env.GetWorkflowError()))
		require.Empty(t, w.story)
	})
	t.Run("says in which step it failed", func(t *testing.T) {
		w := newWorld(t).before()
		w.authorize = func(n int, _ ports.AuthorizeOrderInput) (out ports.AuthorizeOrderOutput, err error) {
			if n == 1 {
				err = failed(nameFault)
			}
			return out, err
		}
		w.run(domain.Certificate{Spec: spec})
		require.Equal(t, ports.AuthorizeOrder.Name, w.recorded[0].Failure.Step)
		require.Equal(t, 1, w.next().Cycle)
	})
}
