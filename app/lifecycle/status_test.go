package lifecycle

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
	"everleaf/ports"
)

func TestStatusInEachPhase(t *testing.T) {
	seen := map[string]domain.Status{}
	w := newWorld(t)
	look := func(when string) { seen[when] = w.status() }
	w.failing(nameFault, 2)
	place, authorize, finalize, plan, record := w.place, w.authorize, w.finalize, w.plan, w.record
	w.place = func(n int, in ports.PlaceOrderInput) (ports.PlaceOrderOutput, error) {
		w.inLoop(func() { look("place") })
		return place(n, in)
	}
	w.record = func(n int, in ports.RecordFailureInput) (ports.RecordFailureOutput, error) {
		w.inLoop(func() { look("record") })
		return record(n, in)
	}
	w.authorize = func(n int, in ports.AuthorizeOrderInput) (ports.AuthorizeOrderOutput, error) {
		w.inLoop(func() { look("authorize") })
		return authorize(n, in)
	}
	w.finalize = func(n int, in ports.FinalizeOrderInput) (ports.FinalizeOrderOutput, error) {
		w.inLoop(func() { look("finalize") })
		return finalize(n, in)
	}
	w.plan = func(n int, in ports.PlanRenewalInput) (ports.PlanRenewalOutput, error) {
		w.inLoop(func() { look("plan") })
		return plan(n, in)
	}
	w.env.RegisterDelayedCallback(func() { look("asleep") }, day)
	w.env.RegisterDelayedCallback(func() { look("failing") }, 60*day+time.Second)
	w.run(ready())

	for _, c := range []struct {
		when  string
		phase domain.Phase
		step  string
	}{
		{"asleep", domain.PhaseReady, ""},
		{"place", domain.PhaseIssuing, "PlaceOrder"},
		{"record", domain.PhaseIssuing, "PlaceOrder"},
		{"failing", domain.PhaseFailing, ""},
		{"authorize", domain.PhaseIssuing, "ObtainCertificate"},
		{"finalize", domain.PhaseIssuing, "ObtainCertificate"},
		{"plan", domain.PhaseIssuing, "ObtainCertificate"},
	} {
		got := seen[c.when]
		require.Equal(t, c.phase, got.Phase, c.when)
		require.Equal(t, c.step, got.Step, c.when)
		require.Equal(t, certName, got.Name)
		require.Equal(t, spec, got.Spec)
		require.Equal(t, 3, got.Cycle, c.when)
		require.NotNil(t, got.Issued, "the old certificate is in service: %s", c.when)
	}
	require.Equal(t, "CAA", seen["failing"].Failure.Fault.Reason)
	require.Nil(t, seen["asleep"].Failure)
}
