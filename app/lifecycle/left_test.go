package lifecycle

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"everleaf/domain"
	"everleaf/ports"
)

// remembers has the first order come with targets at which an earlier workflow has left the certificate.
func (w *world) remembers(targets ...string) {
	place := w.place
	w.place = func(n int, in ports.PlaceOrderInput) (ports.PlaceOrderOutput, error) {
		out, err := place(n, in)
		for _, target := range targets[:len(targets)*max(2-n, 0)] { // what is cleared is not told again
			out.Delivered = append(out.Delivered, domain.Delivery{Target: target, Version: "v0"})
		}
		return out, err
	}
}

func TestTakenUpAgainClearsWhatItsSpecDoesNotName(t *testing.T) {
	named := domain.Certificate{Spec: domain.Spec{Names: spec.Names, Deliveries: []string{"disk"}}}
	t.Run("with what is issued", func(t *testing.T) {
		w := newWorld(t)
		w.remembers("disk", "hook@h1")
		w.run(named)
		require.Equal(t, []ports.RemoveDeliveryInput{{Certificate: certName, Target: "hook@h1"}}, w.removed)
		require.Len(t, w.delivered, 1)
		require.Equal(t, []domain.Delivery{{Target: "disk", Version: "v1", At: start}}, w.next().Deliveries)
	})
	t.Run("also if nothing can be issued", func(t *testing.T) {
		w := newWorld(t)
		w.remembers("hook@h1")
		w.authorize = func(n int, _ ports.AuthorizeOrderInput) (out ports.AuthorizeOrderOutput, err error) {
			if n == 1 {
				err = failed(nameFault)
			}
			return out, err
		}
		w.run(domain.Certificate{Spec: spec})
		require.Equal(t, []string{"PlaceOrder@0s", "AuthorizeOrder@0s", "RecordFailure@0s", "RemoveDelivery@0s"}, w.story[:4])
		require.Len(t, w.removed, 1)
		require.Empty(t, w.next().Deliveries)
	})
	t.Run("but for what is named meanwhile", func(t *testing.T) {
		w := newWorld(t)
		w.remembers("disk")
		w.remove = func(n int, _ ports.RemoveDeliveryInput) (out ports.RemoveDeliveryOutput, err error) {
			if n == 1 {
				w.askNow(ports.EnsureUpdate, ports.EnsureRequest{Spec: named.Spec})
			}
			return out, err
		}
		w.run(domain.Certificate{Spec: spec})
		require.Equal(t, []domain.Delivery{{Target: "disk"}}, w.next().Deliveries, "the next run delivers there")
	})
	t.Run("not when it is given up meanwhile, unless that is asked for", func(t *testing.T) {
		for _, clear := range []bool{false, true} {
			w := newWorld(t)
			var told *answer
			place := w.place
			w.place = func(n int, in ports.PlaceOrderInput) (ports.PlaceOrderOutput, error) {
				told = w.askNow(ports.RetireUpdate, ports.RetireRequest{RemoveDeliveries: clear})
				out, err := place(n, in)
				out.Delivered = []domain.Delivery{{Target: "hook@h1", Version: "v0"}}
				return out, err
			}
			w.run(domain.Certificate{Spec: spec})
			require.NoError(t, told.err)
			require.Equal(t, clear, len(w.removed) == 1)
			require.Equal(t, clear, len(told.status.Deliveries) == 0)
		}
	})
}

// A workflow that took the certificate up before this was read knows nothing of it: what is stored tells.
func TestRetiredIsNotSaidToBeClearedWhileItIsDelivered(t *testing.T) {
	for _, clear := range []bool{false, true} {
		w := newWorld(t)
		w.release = func(int, ports.RecordReleasedInput) (ports.RecordReleasedOutput, error) {
			return ports.RecordReleasedOutput{Delivered: []domain.Delivery{{Target: "forgotten", Version: "v0"}}}, nil
		}
		told := w.ask(day, ports.RetireUpdate, ports.RetireRequest{RemoveDeliveries: clear})
		w.run(delivering("disk"))
		require.NoError(t, w.env.GetWorkflowError())
		if clear {
			require.Equal(t, "StillDelivered", told.problem(t).Reason)
			continue
		}
		require.Equal(t, []domain.Delivery{{Target: "disk", Version: "v3"}, {Target: "forgotten", Version: "v0"}}, told.status.Deliveries)
	}
}

// Somebody may think better of it before the end: the targets that were to keep the certificate are not forgotten.
func TestWhatWasToBeLeftIsTakenBack(t *testing.T) {
	// holdUp keeps the workflow from its end by a revocation, until something is asked for.
	holdUp := func(w *world) domain.Certificate {
		w.revoke = func(n int, _ ports.RevokeCertificateInput) (out ports.RevokeCertificateOutput, err error) {
			if n == 1 {
				err = failed(nameFault)
			}
			return out, err
		}
		state := delivering("disk", "hook@h1")
		old := *state.Issued
		old.Version = "v2"
		state.Revoking = []domain.Revocation{{Issued: old, After: start.Add(2 * day)}}
		w.ask(day, ports.RetireUpdate, ports.RetireRequest{})
		return state
	}
	t.Run("by a request that names one of them", func(t *testing.T) {
		w := newWorld(t)
		state := holdUp(w)
		w.ask(day+time.Second, ports.EnsureUpdate, ports.EnsureRequest{Spec: delivering("disk").Spec})
		w.run(state)
		require.Equal(t, []ports.RemoveDeliveryInput{{Certificate: certName, Target: "hook@h1"}}, w.removed)
		require.Len(t, w.next().Deliveries, 1)
		require.Equal(t, "v3", w.next().Deliveries[0].Version)
	})
	for version, removed := range map[workflow.Version]int{workflow.DefaultVersion: 0, 1: 2} {
		t.Run("by one that wants them cleared", func(t *testing.T) {
			w := newWorld(t)
			w.env.OnGetVersion(leftGate, workflow.DefaultVersion, workflow.Version(1)).Return(version)
			state := holdUp(w)
			w.ask(day+time.Second, ports.RetireUpdate, ports.RetireRequest{RemoveDeliveries: true})
			w.run(state)
			require.NoError(t, w.env.GetWorkflowError())
			require.Len(t, w.removed, removed)
			require.Len(t, w.released, 1)
		})
	}
}
