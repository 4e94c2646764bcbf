package telemetry

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
	"everleaf/ports"
)

func TestObserverCountsFromZero(t *testing.T) {
	t.Parallel()
	m := newMetrics(t)
	_, err := NewObserver(m, []string{"main"}, []string{"nginx"})
	require.NoError(t, err)
	got := scrape(t, m)
	for _, kind := range []string{"RateLimited", "Wait", "Name", "CA", "Operator", "Spec"} {
		require.Zero(t, find(t, got["everleaf_attempts_failed_total"], "issuer", "main", "kind",
			kind).GetCounter().GetValue())
	}
	require.Zero(t, find(t, got["everleaf_orders_placed_total"], "issuer", "main", "resumed",
		"true").GetCounter().GetValue())
	require.Len(t, got["everleaf_revocations_total"].GetMetric(), 5)
	require.Zero(t, find(t, got["everleaf_sweeps_total"]).GetCounter().GetValue())
	require.Zero(t, find(t, got["everleaf_delivery_failures_total"], "target", "other", "kind",
		"Operator").GetCounter().GetValue())
	require.Zero(t, find(t, got["everleaf_deliveries_total"], "target", "nginx").GetCounter().GetValue())
	require.Zero(t, find(t, got["everleaf_delivery_drifts_total"], "target", "nginx").GetCounter().GetValue())
	require.Zero(t, find(t, got["everleaf_delivery_failures_total"], "target", "nginx", "kind",
		"Wait").GetCounter().GetValue())
}

func TestObserverCounts(t *testing.T) {
	t.Parallel()
	m := newMetrics(t)
	o, err := NewObserver(m, []string{"main"}, []string{"nginx"})
	require.NoError(t, err)
	ctx := t.Context()
	o.OrderPlaced(ctx, "main", false)
	o.OrderPlaced(ctx, "main", true)
	o.CertificateIssued(ctx, "main", 4*time.Second)
	o.RenewalStarted(ctx, "main", -time.Second)
	fault := domain.NewFault(domain.FaultName, "ChallengeNotVisible", nil, "http://www.example.com: 404")
	o.AttemptFailed(ctx, "main", *fault)
	for _, made := range []string{"up-1", "up-2"} {
		o.AttemptFailed(ctx, made, *domain.NewFault(domain.FaultOperator, "UnknownIssuer", nil, "%s", made))
	}
	o.CertificateRevoked(ctx, "main", "")
	o.ARIChecked(ctx, "main", ports.ARICheckMoved)
	o.swept.Store(new(time.Now().Add(-time.Hour)))
	require.InDelta(t, 3600, find(t, scrape(t, m)["everleaf_sweep_age_seconds"]).GetGauge().GetValue(), 60)
	o.Swept(ctx)
	require.NoError(t, ShowSweepInterval(m, 10*time.Minute))
	o.CertificateDelivered(ctx, "nginx@west")
	o.DeliveryFailed(ctx, "made-up", *domain.NewFault(domain.FaultOperator, "UnknownTarget", nil, "made-up"))
	o.DeliveryDrifted(ctx, "nginx")

	got := scrape(t, m)
	require.Equal(t, 1.0, find(t, got["everleaf_orders_placed_total"], "issuer", "main", "resumed",
		"false").GetCounter().GetValue())
	require.Equal(t, 1.0, find(t, got["everleaf_orders_placed_total"], "issuer", "main", "resumed",
		"true").GetCounter().GetValue())
	took := find(t, got["everleaf_issuance_duration_seconds"], "issuer", "main").GetHistogram()
	require.EqualValues(t, 1, took.GetSampleCount())
	require.Equal(t, 4.0, took.GetSampleSum())
	require.Zero(t, find(t, got["everleaf_renewal_lag_seconds"], "issuer", "main").GetHistogram().GetSampleSum(),
		"early is not late")
	require.Equal(t, 1.0, find(t, got["everleaf_attempts_failed_total"], "issuer", "main", "kind",
		"Name").GetCounter().GetValue())
	require.Equal(t, 2.0, find(t, got["everleaf_failure_reasons_total"], "issuer", "other", "kind", "Operator",
		"reason", "UnknownIssuer").
		GetCounter().GetValue(), "what callers make up is no label")
	require.Equal(t, 1.0, find(t, got["everleaf_ari_checks_total"], "issuer", "main", "outcome",
		"moved").GetCounter().GetValue())
	require.Zero(t, find(t, got["everleaf_ari_checks_total"], "issuer", "main", "outcome",
		"failed").GetCounter().GetValue())
	require.Less(t, find(t, got["everleaf_sweep_age_seconds"]).GetGauge().GetValue(), 60.0)
	require.Equal(t, 1.0, find(t, got["everleaf_sweeps_total"]).GetCounter().GetValue())
	require.Equal(t, 600.0, find(t, got["everleaf_sweep_interval_seconds"]).GetGauge().GetValue())
	require.Equal(t, 1.0, find(t, got["everleaf_revocations_total"], "issuer", "main", "reason",
		"unspecified").GetCounter().GetValue())
	require.Equal(t, 1.0, find(t, got["everleaf_deliveries_total"], "target", "nginx").GetCounter().GetValue(),
		"whatever the host")
	require.Equal(t, 1.0, find(t, got["everleaf_delivery_failures_total"], "target", "other", "kind",
		"Operator").GetCounter().GetValue())
	require.Equal(t, 1.0, find(t, got["everleaf_delivery_drifts_total"], "target", "nginx").GetCounter().GetValue())
}
