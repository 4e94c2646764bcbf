package lifecycle

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"everleaf/domain"
	"everleaf/ports"
)

func TestRetireEndsTheWorkflow(t *testing.T) {
	w := newWorld(t)
	asked := w.ask(day, ports.RetireUpdate, ports.RetireRequest{Note: "shop closed"})
	w.run(ports.StartInput{Spec: delivered})
	require.NoError(t, w.env.GetWorkflowError())
	status := asked.ok(t)
	require.Equal(t, domain.PhaseReleased, status.Phase)
	require.Len(t, status.Deliveries, 1, "the target keeps it")
	require.Equal(t, []string{"ObtainCertificate", "DeliverCertificate"}, w.steps())
	require.Equal(t, domain.Released, w.record.Retirement)
	require.Equal(t, day, w.since())
}

func TestRetireClearsTargets(t *testing.T) {
	w := newWorld(t)
	asked := w.ask(day, ports.RetireUpdate, ports.RetireRequest{RemoveDeliveries: true})
	w.run(ports.StartInput{Spec: delivered})
	require.NoError(t, w.env.GetWorkflowError())
	require.Empty(t, asked.ok(t).Deliveries)
	require.Equal(t, []string{"ObtainCertificate", "DeliverCertificate", "RemoveDelivery"}, w.steps())
}

// A target that cannot be cleared holds the end up; the caller gets the reason.
func TestRetireWaitsForTargets(t *testing.T) {
	w := newWorld(t)
	w.failures[ports.RemoveDelivery.Name] = []error{waitFault, waitFault}
	asked := w.ask(day, ports.RetireUpdate, ports.RetireRequest{RemoveDeliveries: true})
	w.run(ports.StartInput{Spec: delivered})
	require.NoError(t, w.env.GetWorkflowError())
	require.Equal(t, domain.ReasonDatabaseUnavailable, asked.problem(t).Reason)
	require.Equal(t, day+3*time.Minute, w.since())
	require.Empty(t, w.record.Deliveries)
}

func TestRetireCarriesOutRevocationsFirst(t *testing.T) {
	w := newWorld(t)
	w.at(time.Hour, func() { w.failures[ports.ObtainCertificate.Name] = []error{nameFault} })
	w.ask(day, ports.RevokeUpdate, ports.RevokeRequest{})
	asked := w.ask(day+time.Second, ports.RetireUpdate, ports.RetireRequest{})
	w.run(ports.StartInput{Spec: spec})
	require.NoError(t, w.env.GetWorkflowError())
	asked.ok(t)
	require.Equal(t, []string{"ObtainCertificate", "ObtainCertificate", "RevokeCertificate"}, w.steps())
	require.Equal(t, "RecordReleased@24h0m1s", w.calls[len(w.calls)-1])
}

// The last step of a certificate's life fails: it is tried again, and the end waits for it.
func TestReleaseFails(t *testing.T) {
	w := newWorld(t)
	w.failures[ports.RecordReleased.Name] = []error{waitFault}
	w.ask(day, ports.RetireUpdate, ports.RetireRequest{})
	w.run(ports.StartInput{Spec: spec})
	require.NoError(t, w.env.GetWorkflowError())
	require.Equal(t, domain.Released, w.record.Retirement)
	require.Len(t, inputsOf(w, ports.RecordReleased), 2)
	require.Greater(t, w.since(), day)
}

func TestEnsureKeepsWhatIsRetiring(t *testing.T) {
	w := newWorld(t)
	w.failures[ports.RemoveDelivery.Name] = []error{waitFault, waitFault, waitFault}
	w.ask(day, ports.RetireUpdate, ports.RetireRequest{RemoveDeliveries: true})
	kept := w.ask(day+time.Second, ports.EnsureUpdate, ports.EnsureRequest{Spec: delivered})
	w.lives(delivered, 2*day)
	require.Equal(t, "v1", kept.ok(t).Issued.Version)
	require.Equal(t, "v1", w.record.Deliveries[0].Version)
	require.Equal(t, "DeliverCertificate", w.steps()[len(w.steps())-1])
}

// What is revoked, or about to be, is replaced when somebody wants it again, also when its retirement is not at its
// end.
func TestEnsureReplacesWhatIsRetiringAndRevoked(t *testing.T) {
	for title, failing := range map[string]string{"about to be": ports.RevokeCertificate.Name,
		"already": ports.RemoveDelivery.Name} {
		t.Run(title, func(t *testing.T) {
			w := newWorld(t)
			w.failures[failing] = []error{waitFault, waitFault, waitFault}
			w.ask(day, ports.RevokeUpdate, ports.RevokeRequest{WithoutReplacement: true})
			w.ask(day+time.Second, ports.RetireUpdate, ports.RetireRequest{RemoveDeliveries: true})
			kept := w.ask(day+2*time.Second, ports.EnsureUpdate, ports.EnsureRequest{Spec: delivered})
			w.lives(delivered, 2*day)
			require.Equal(t, "v2", kept.ok(t).Issued.Version)
			require.Equal(t, "v2", w.record.Deliveries[0].Version)
			require.Contains(t, w.steps(), "RevokeCertificate")
		})
	}
}

func TestCancellation(t *testing.T) {
	for title, prepare := range map[string]func(*world){
		"while it sleeps":     func(w *world) { w.at(day, w.env.CancelWorkflow) },
		"at the first record": func(w *world) { w.meanwhile[ports.RecordRequest.Name] = cancel(w) },
		"while it reserves":   func(w *world) { w.meanwhile[ports.ReserveOrder.Name] = cancel(w) },
		"while it obtains":    func(w *world) { w.meanwhile[ports.ObtainCertificate.Name] = cancel(w) },
		"while it delivers":   func(w *world) { w.meanwhile[ports.DeliverCertificate.Name] = cancel(w) },
		"while it decides": func(w *world) {
			w.failures[ports.ObtainCertificate.Name] = []error{nameFault}
			w.meanwhile[ports.RecordFailure.Name] = cancel(w)
		},
		"while it revokes": func(w *world) {
			w.ask(day, ports.RevokeUpdate, ports.RevokeRequest{})
			w.meanwhile[ports.RevokeCertificate.Name] = cancel(w)
		},
		"while it waits to try again": func(w *world) {
			w.failures[ports.ObtainCertificate.Name] = []error{nameFault}
			w.at(time.Second, w.env.CancelWorkflow)
		},
		"while it clears": func(w *world) {
			w.ask(day, ports.RetireUpdate, ports.RetireRequest{RemoveDeliveries: true})
			w.meanwhile[ports.RemoveDelivery.Name] = cancel(w)
		},
		"while the release fails": func(w *world) {
			w.failures[ports.RecordReleased.Name] = []error{waitFault}
			w.at(day, w.env.CancelWorkflow)
		},
	} {
		t.Run(title, func(t *testing.T) {
			w := newWorld(t)
			prepare(w)
			w.run(ports.StartInput{Spec: delivered})
			require.True(t, temporal.IsCanceledError(w.env.GetWorkflowError()), "%v", w.env.GetWorkflowError())
			require.Len(t, inputsOf(w, ports.RecordReleased), 1)
			require.Contains(t, w.calls[len(w.calls)-1], "RecordReleased", "%v", w.calls)
			require.LessOrEqual(t, w.since(), day+time.Second)
		})
	}
}

// cancel cancels the workflow from within a step, once.
func cancel(w *world) func() {
	cancelled := false
	return func() {
		if !cancelled {
			cancelled = true
			w.inLoop(w.env.CancelWorkflow)
		}
	}
}

// Those who wait when the workflow is cancelled get an answer.
func TestCancellationAnswersCallers(t *testing.T) {
	w := newWorld(t)
	w.at(time.Hour, func() { w.failures[ports.ObtainCertificate.Name] = []error{briefFault, briefFault} })
	asked := map[string]*answer{
		"ensure": w.ask(day, ports.EnsureUpdate, ensureChanged),
		"renew":  w.ask(day, ports.RenewUpdate, ports.RenewRequest{}),
		"revoke": w.ask(day, ports.RevokeUpdate, ports.RevokeRequest{}),
	}
	w.lives(spec, day+time.Second)
	for title, a := range asked {
		require.Error(t, a.err, title)
		require.Equal(t, day+time.Second, a.at, title)
		a.problem(t)
	}
	require.Len(t, w.record.Revocations, 1, "it stays pending")
}
