package app

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
	"everleaf/ports"
)

func TestExplainARetirementThatIsStuck(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	fails := func(kind domain.FaultKind, reason domain.Reason) *Failure {
		return &Failure{Fault: Fault{Kind: kind, Reason: reason, Message: "it says no."}, Attempts: 2, At: now.Add(-time.Hour),
			RetryAt: now.Add(time.Hour), Step: domain.RemovalStep}
	}
	event := func(kind, target, step string, ago time.Duration) ports.Event {
		detail, err := json.Marshal(map[string]string{"target": target, "step": step})
		require.NoError(t, err)
		return ports.Event{Type: kind, Detail: detail, At: now.Add(-ago)}
	}
	timeline := ports.Timeline{
		CertificateRecord: Record{Name: "web", Phase: domain.PhaseReady, Retirement: domain.Clearing,
			Spec: Spec{Deliveries: []string{"disk", "edge"}}, Issued: &Issued{Version: "v1", NotAfter: now.Add(time.Minute)},
			Failure: &Failure{Fault: Fault{Kind: domain.FaultCA}}, Renewal: &RenewalPlan{At: now}},
		Deliveries: []domain.Delivery{{Target: "disk", Failure: fails(domain.FaultOperator, domain.ReasonUnknownTarget)},
			{Target: "edge", Version: "v1"}},
		Events: []ports.Event{
			event("delivery_failed", "disk", domain.RemovalStep, time.Hour),
			event("delivered", "edge", "", 2*time.Hour),
			event("delivery_failed", "disk", domain.RemovalStep, 3*time.Hour),
			event("delivery_failed", "disk", "DeliverCertificate", 4*time.Hour),
		},
	}
	e := Explain(now, timeline)
	require.Equal(t, domain.SeverityInfo, e.Severity)
	require.Nil(t, e.Failure, "nothing is obtained any more")
	require.Equal(t, PhaseRetiring, e.Status().Phase)
	require.Nil(t, e.Status().Renewal)
	require.True(t, e.Deliveries[0].Removing && e.Deliveries[1].Removing)
	require.Equal(t, []Next{
		{At: now.Add(time.Hour), What: "The certificate is cleared from disk: Everleaf tries again. The last try failed at " +
			"2026-11-23T11:00:00Z (it has failed since 2026-11-23T09:00:00Z): it says no (Operator/UnknownTarget). What to do: " +
			"The operator of Everleaf must configure the target at a delivery worker until it is cleared. When that is done, " +
			"everleaf cert retire web --remove-deliveries tries at once. If the target is gone, or may keep the certificate: " +
			"everleaf cert retire web, without that flag, leaves it there."},
		{What: "The certificate is cleared from edge."},
		{What: "When all that is done, the certificate is released: nobody keeps it, and nobody renews it. To keep it after " +
			"all, run everleaf cert ensure web."},
	}, e.Next)

	// Retired again, and left there: what failed is not tried again.
	timeline.Retirement = domain.Retiring
	e = Explain(now, timeline)
	require.Equal(t, domain.SeverityNone, e.Severity)
	require.Equal(t, []Next{{What: "The certificate is released: nobody keeps it, and nobody renews it."}}, e.Next)
	require.False(t, e.Deliveries[0].Removing || e.Deliveries[1].Removing)
	require.Nil(t, e.Deliveries[0].Failure)

	// Kept, by a spec that does not name the target any more.
	timeline.Retirement, timeline.Asked = "", &Spec{Deliveries: []string{"edge"}}
	timeline.Deliveries[0].Failure = fails(domain.FaultWait, domain.ReasonStepTimedOut)
	timeline.Events = nil
	e = Explain(now, timeline)
	require.Contains(t, e.Next, Next{At: now.Add(time.Hour), What: "The certificate is cleared from disk, which the spec no " +
		"longer names: Everleaf tries again. The last try failed at 2026-11-23T11:00:00Z: it says no (Wait/StepTimedOut). " +
		"What to do: The operator of Everleaf must run a delivery worker on the task queue that the message names until the " +
		"target is cleared."})
}
