package lifecycle

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
	"everleaf/ports"
)

func TestDeliveryToEachTarget(t *testing.T) {
	w := newWorld(t)
	two := domain.Spec{Names: spec.Names, Deliveries: []string{"lb", "nginx@web1"}}
	var status domain.Status
	w.at(day, func() { status = w.status() })
	w.lives(two, 61*day)
	require.Equal(t, []ports.DeliverCertificateInput{
		{Certificate: certName, Target: "lb", Version: "v1"},
		{Certificate: certName, Target: "nginx@web1", Version: "v1"},
		{Certificate: certName, Target: "lb", Version: "v2"},
		{Certificate: certName, Target: "nginx@web1", Version: "v2"},
	}, sortedByVersion(inputsOf(w, ports.DeliverCertificate)))
	require.Len(t, status.Deliveries, 2)
	for _, d := range status.Deliveries {
		require.Equal(t, "v1", d.Version)
		require.Equal(t, start, d.At.UTC())
	}
	w.optionsOn("everleaf-delivery")
	w.optionsOn("everleaf-delivery-web1")
	require.Len(t, w.timers, 2, "deliveries beside it do not set the renewal's timer again: %v", w.timers)
}

// A target that fails is nobody else's affair.
func TestFailedDeliveryIsTriedAgain(t *testing.T) {
	w := newWorld(t)
	w.failures[ports.DeliverCertificate.Name] = []error{waitFault}
	asked := w.ask(0, ports.EnsureUpdate, ports.EnsureRequest{Spec: delivered})
	w.lives(delivered, day)
	require.Equal(t, "v1", asked.ok(t).Issued.Version)
	require.Equal(t, []string{"ObtainCertificate", "DeliverCertificate", "DeliverCertificate"}, w.steps())
	failure := inputsOf(w, ports.RecordFailure)[0]
	require.Equal(t, "lb", failure.Target)
	require.Equal(t, "v1", failure.Version)
	require.Equal(t, ports.DeliverCertificate.Name, failure.Step)
	require.Equal(t, "v1", failure.Issued.Version)
	require.Empty(t, failure.Spec.Names)
}

func TestTargetThatIsDroppedIsCleared(t *testing.T) {
	w := newWorld(t)
	w.failures[ports.RemoveDelivery.Name] = []error{waitFault}
	asked := w.ask(day, ports.EnsureUpdate, ensure)
	w.lives(delivered, 2*day)
	require.Equal(t, []string{"deliveries"}, asked.ok(t).Changes)
	require.Equal(t, []string{"ObtainCertificate", "DeliverCertificate", "RemoveDelivery", "RemoveDelivery"}, w.steps())
	require.Empty(t, w.record.Deliveries)
}

// The sweep found that a target has lost its certificate: it stores that, and the workflow reads it.
func TestDriftIsDeliveredAgain(t *testing.T) {
	w := newWorld(t)
	w.at(day, func() {
		w.record.Deliveries[0].Version = ""
		w.env.SignalWorkflow(ports.RecordChangedSignal, nil)
	})
	w.lives(delivered, 2*day)
	require.Equal(t, []string{"ObtainCertificate", "DeliverCertificate", "DeliverCertificate"}, w.steps())
	require.Equal(t, "v1", w.record.Deliveries[0].Version)
}

func TestMovedPlanIsFollowed(t *testing.T) {
	w := newWorld(t)
	w.at(day, func() {
		w.record.Renewal = &domain.RenewalPlan{At: start.Add(10 * day), Reason: "ARIWindow"}
		w.env.SignalWorkflow(ports.RecordChangedSignal, nil)
	})
	w.lives(spec, 11*day)
	require.Contains(t, w.calls, "ObtainCertificate@240h0m0s")
}

// What a signal carries is not read: neither megabytes nor what another service may mean by it.
func TestSignalsCarryNothing(t *testing.T) {
	w := newWorld(t)
	w.at(day, func() {
		for range 100 {
			w.env.SignalWorkflow(ports.RecordChangedSignal, make([]byte, 1<<20))
			w.env.SignalWorkflow(ports.RecordChangedSignal, map[string]any{"version": []int{1}, "plan": "now"})
		}
	})
	var status domain.Status
	w.at(day+time.Minute, func() { status = w.status() })
	w.lives(spec, 2*day)
	require.Equal(t, domain.PhaseReady, status.Phase)
	require.Equal(t, []string{"ObtainCertificate"}, w.steps())
	require.Less(t, len(w.calls), 8, "signals are heard together: %v", w.calls)
}

func sortedByVersion(in []ports.DeliverCertificateInput) []ports.DeliverCertificateInput {
	for i := 0; i+1 < len(in); i += 2 {
		if in[i].Target > in[i+1].Target {
			in[i], in[i+1] = in[i+1], in[i]
		}
	}
	return in
}
