package observability

import (
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/stretchr/testify/require"
)

// healthy is two workers' hour in which all is well: some names fail, and the CA now and then, as they do.
const healthy = `
everleaf_build_info{version="v1",instance="a"} 1x60
everleaf_build_info{version="v1",instance="b"} 1x60
everleaf_certificates_expiring{within="0s",instance="a"} 0x60
everleaf_certificates_expiring{within="0s",instance="b"} 0x60
everleaf_certificates_expiring{within="1d",instance="a"} 0x60
everleaf_certificates_expiring{within="30d",instance="a"} 40x60
everleaf_certificates{state="Ready",issuer="main",instance="a"} 100x60
everleaf_certificates{state="Ready",issuer="main",instance="b"} 100x60
everleaf_certificates{state="Failing",issuer="main",instance="a"} 2x60
everleaf_certificates{state="Failing",issuer="none",instance="a"} 1x60
everleaf_certificates{state="Revoked",issuer="main",instance="a"} 0x60
everleaf_fleet_stats_age_seconds{instance="a"} 30x60
everleaf_fleet_stats_age_seconds{instance="b"} 5000x60
everleaf_sweep_age_seconds{instance="a"} 400x60
everleaf_sweep_age_seconds{instance="b"} 90000x60
everleaf_sweep_interval_seconds{instance="a"} 600x60
everleaf_sweep_interval_seconds{instance="b"} 600x60
everleaf_deliveries_failing{instance="a"} 0x60
everleaf_deliveries_failing{instance="b"} 0x60
everleaf_certificates{state="Retiring",issuer="main",instance="a"} 2x60
everleaf_retirements_failing{instance="a"} 0x60
everleaf_delivery_failures_total{target="nginx",kind="Wait"} 0+1x60
everleaf_delivery_failures_total{target="nginx",kind="Operator"} 0x60
temporal_activity_execution_failed_total{activity_type="ObtainCertificate"} 0+1x60
temporal_activity_execution_failed_total{activity_type="SweepRenewals"} 0x30 1x30
everleaf_ari_checks_total{issuer="main",outcome="answered"} 0+100x60
everleaf_ari_checks_total{issuer="main",outcome="moved"} 0x60
everleaf_ari_checks_total{issuer="main",outcome="failed"} 0+1x60
everleaf_renewal_lag_seconds_bucket{issuer="main",le="60"} 0+1x60
everleaf_renewal_lag_seconds_bucket{issuer="main",le="3600"} 0+1x60
everleaf_renewal_lag_seconds_bucket{issuer="main",le="86400"} 0+1x60
everleaf_renewal_lag_seconds_bucket{issuer="main",le="+Inf"} 0+1x60
everleaf_attempts_failed_total{issuer="main",kind="Name"} 0+1x60
everleaf_attempts_failed_total{issuer="main",kind="CA"} 0+1x60
everleaf_attempts_failed_total{issuer="main",kind="Operator"} 0x60
everleaf_attempts_failed_total{issuer="main",kind="RateLimited"} 0x60
everleaf_issuance_duration_seconds_count{issuer="main"} 0+1x60
everleaf_issuance_duration_seconds_bucket{issuer="main",le="60"} 0+1x60
everleaf_issuance_duration_seconds_bucket{issuer="main",le="1800"} 0+1x60
everleaf_issuance_duration_seconds_bucket{issuer="main",le="3600"} 0+1x60
everleaf_issuance_duration_seconds_bucket{issuer="main",le="+Inf"} 0+1x60
temporal_num_pollers{task_queue="everleaf",poller_type="workflow_task"} 2x60
temporal_num_pollers{task_queue="everleaf-nexus",poller_type="workflow_task"} 5x60
temporal_num_pollers{task_queue="everleaf",poller_type="workflow_sticky_task"} 0x60
temporal_num_pollers{task_queue="everleaf-authorization",poller_type="activity_task"} 1 0 1 0x57
temporal_num_pollers{task_queue="everleaf-authorization",poller_type="activity_task",instance="b"} 2x60
temporal_workflow_task_execution_failed_total{task_queue="everleaf",failure_reason="NonDeterminismError"} 0x60
temporal_workflow_task_execution_failed_total{task_queue="everleaf",failure_reason="WorkflowError"} 0x60
temporal_unregistered_activity_invocation_total{task_queue="none",activity_type="none"} 0x60
temporal_worker_task_slots_available{task_queue="everleaf",worker_type="WorkflowWorker"} 100x60
temporal_worker_task_slots_used{task_queue="everleaf",worker_type="WorkflowWorker"} 3x60
temporal_workflow_task_schedule_to_start_latency_seconds_bucket{task_queue="everleaf",le="0.1"} 0+9x60
temporal_workflow_task_schedule_to_start_latency_seconds_bucket{task_queue="everleaf",le="30"} 0+9x60
temporal_workflow_task_schedule_to_start_latency_seconds_bucket{task_queue="everleaf",le="+Inf"} 0+9x60
temporal_activity_schedule_to_start_latency_seconds_bucket{task_queue="everleaf-authorization",le="1"} 0+9x60
temporal_activity_schedule_to_start_latency_seconds_bucket{task_queue="everleaf-authorization",le="300"} 0+9x60
temporal_activity_schedule_to_start_latency_seconds_bucket{task_queue="everleaf-authorization",le="+Inf"} 0+9x60
temporal_request_failure_total{operation="none"} 0x60
temporal_request_failure_total{operation="QueryWorkflow",status_code="NOT_FOUND"} 0+60x60
temporal_request_resource_exhausted_total{operation="none"} 0x60
`

// trouble is, for each alert, what replaces or joins the healthy series when it must fire.
var trouble = map[string]string{
	"EverleafCertificateExpired":    `everleaf_certificates_expiring{within="0s",instance="b"} 0x59 1`,
	"EverleafCertificateNearExpiry": `everleaf_certificates_expiring{within="1d",instance="a"} 0x30 3x30`,
	"EverleafManyFailing":           `everleaf_certificates{state="Failing",issuer="main",instance="a"} 9x60`,
	"EverleafRevokedInService":      `everleaf_certificates{state="Revoked",issuer="main",instance="b"} 0x40 1x20`,
	"EverleafRenewalLate": `
everleaf_renewal_lag_seconds_bucket{issuer="main",le="60"} 0x60
everleaf_renewal_lag_seconds_bucket{issuer="main",le="3600"} 0x60`,
	"EverleafSweepLate":       `everleaf_sweep_age_seconds{instance="a"} 400+60x60`,
	"EverleafSweepFails":      `temporal_activity_execution_failed_total{activity_type="SweepDeliveries"} 0x20 1x10 2x10 3x20`,
	"EverleafDeliveriesFail":  `everleaf_deliveries_failing{instance="b"} 0x30 2x30`,
	"EverleafRetirementStuck": `everleaf_retirements_failing{instance="a"} 0x10 1x50`,
	"EverleafTargetRefuses":   `everleaf_delivery_failures_total{target="nginx",kind="Operator"} 0x55 1x5`,
	"EverleafOperatorMustAct": `everleaf_attempts_failed_total{issuer="main",kind="Operator"} 0x55 1x5`,
	"EverleafCAFailing":       `everleaf_issuance_duration_seconds_count{issuer="main"} 70x60`,
	"EverleafRateLimited":     `everleaf_attempts_failed_total{issuer="main",kind="RateLimited"} 0x50 1x10`,
	"EverleafIssuanceSlow": `
everleaf_issuance_duration_seconds_bucket{issuer="main",le="60"} 0x60
everleaf_issuance_duration_seconds_bucket{issuer="main",le="1800"} 0x60`,
	"EverleafNoWorker":       `temporal_num_pollers{task_queue="everleaf",poller_type="workflow_task"} 2x55 0x5`,
	"EverleafQueueNotPolled": `temporal_num_pollers{task_queue="everleaf-authorization",poller_type="activity_task",instance="b"} 2x50 0x10`,
	// The pods are gone, and their series with them.
	"EverleafNoAuthorizationWorker": `
temporal_num_pollers{task_queue="everleaf-authorization",poller_type="activity_task"} 1x30
temporal_num_pollers{task_queue="everleaf-authorization",poller_type="activity_task",instance="b"} 2x30`,
	"EverleafNonDeterminism":    `temporal_workflow_task_execution_failed_total{task_queue="everleaf",failure_reason="NonDeterminismError"} 0x59 1`,
	"EverleafWorkflowTasksFail": `temporal_workflow_task_execution_failed_total{task_queue="everleaf",failure_reason="WorkflowError"} 0x55 0+1x5`,
	// Its first invocation begins the series.
	"EverleafUnknownActivity": `temporal_unregistered_activity_invocation_total{task_queue="everleaf",activity_type="New"} _x58 1 1`,
	"EverleafSlotsExhausted": `
temporal_worker_task_slots_available{task_queue="everleaf",worker_type="WorkflowWorker"} 0x60
temporal_worker_task_slots_used{task_queue="everleaf",worker_type="WorkflowWorker"} 200x60`,
	"EverleafTasksWait":       `temporal_activity_schedule_to_start_latency_seconds_bucket{task_queue="everleaf-authorization",le="1"} 0x60`,
	"EverleafTemporalFails":   `temporal_request_failure_total{operation="RespondActivityTaskCompleted",status_code="UNAVAILABLE"} 0+60x60`,
	"EverleafTemporalLimits":  `temporal_request_resource_exhausted_total{operation="StartWorkflowExecution"} 0+5x60`,
	"EverleafFleetStatsStale": `everleaf_fleet_stats_age_seconds{instance="a"} 30+60x60`,
}

// withoutWorkers is what is left where only responders run.
const withoutWorkers = `
temporal_num_pollers{task_queue="everleaf",poller_type="workflow_task"} 2x30
temporal_num_pollers{task_queue="everleaf-nexus",poller_type="workflow_task"} 5x30`

// Every alert fires in its trouble, and no alert in health; what another team's workers do changes neither.
func TestAlertsFire(t *testing.T) {
	t.Parallel()
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 1e6, Timeout: time.Minute})
	fires := func(expr string, series memory) bool {
		query, err := engine.NewInstantQuery(t.Context(), series, nil, expr, time.UnixMilli(0).Add(time.Hour))
		require.NoError(t, err)
		defer query.Close()
		vector, err := query.Exec(t.Context()).Vector()
		require.NoError(t, err, expr)
		return len(vector) > 0
	}
	rules := alerts(t)
	require.Len(t, trouble, len(rules), "a trouble for each alert")
	for name, rule := range rules {
		well := memory{}
		well.load(t, healthy)
		require.False(t, fires(rule.Expr, well), "%s fires in health", name)
		well.loadForeign(t, healthy)
		well.loadForeign(t, trouble[name])
		require.False(t, fires(rule.Expr, well), "%s fires for another team's trouble", name)
		sick := memory{}
		sick.load(t, healthy)
		sick.load(t, trouble[name])
		require.True(t, fires(rule.Expr, sick), "%s does not fire in its trouble", name)
		sick.loadForeign(t, healthy)
		require.True(t, fires(rule.Expr, sick), "%s is silenced by another team's health", name)
	}

	// An incident at the CA: a third of the fleet moves at once, and is replaced weeks before its time. That is no
	// alarm.
	incident := memory{}
	incident.load(t, healthy+`
everleaf_ari_checks_total{issuer="main",outcome="moved"} 0x30 300x30
everleaf_certificates{state="Issuing",issuer="main",instance="a"} 0x30 300x5 0x25
everleaf_issuance_duration_seconds_count{issuer="main"} 0+1x30 330+1x30
everleaf_issuance_duration_seconds_bucket{issuer="main",le="60"} 0+1x30 330+1x30
everleaf_issuance_duration_seconds_bucket{issuer="main",le="1800"} 0+1x30 330+1x30
everleaf_issuance_duration_seconds_bucket{issuer="main",le="3600"} 0+1x30 330+1x30
everleaf_issuance_duration_seconds_bucket{issuer="main",le="+Inf"} 0+1x30 330+1x30
everleaf_renewal_lag_seconds_bucket{issuer="main",le="60"} 0+1x30 330+1x30
everleaf_renewal_lag_seconds_bucket{issuer="main",le="3600"} 0+1x30 330+1x30
everleaf_renewal_lag_seconds_bucket{issuer="main",le="86400"} 0+1x30 330+1x30
everleaf_renewal_lag_seconds_bucket{issuer="main",le="+Inf"} 0+1x30 330+1x30`)
	// No sweep is wanted: none is late.
	unswept := memory{}
	unswept.load(t, healthy+trouble["EverleafSweepLate"]+`
everleaf_sweep_interval_seconds{instance="a"} 0x60
everleaf_sweep_interval_seconds{instance="b"} 0x60`)
	for name, rule := range rules {
		require.False(t, fires(rule.Expr, incident), "%s fires in an incident that is handled", name)
		require.False(t, fires(rule.Expr, unswept), "%s fires where no sweep is wanted", name)
	}

	// One cause, one page: who has no worker at all does not miss the authorization's in particular.
	none := memory{}
	none.load(t, healthy+trouble["EverleafNoAuthorizationWorker"]+withoutWorkers)
	for _, workers := range []memory{{}, none} {
		require.True(t, fires(rules["EverleafNoWorker"].Expr, workers))
		require.False(t, fires(rules["EverleafNoAuthorizationWorker"].Expr, workers))
	}
	// Another installation's authorization workers do not stand in for the missing ones.
	two := memory{}
	two.load(t, healthy+trouble["EverleafNoAuthorizationWorker"]+`
everleaf_build_info{instance="c"} 1x60
temporal_num_pollers{task_queue="second",poller_type="workflow_task",instance="c"} 2x60
temporal_num_pollers{task_queue="second-authorization",poller_type="activity_task",instance="c"} 2x60`)
	require.True(t, fires(rules["EverleafNoAuthorizationWorker"].Expr, two))
}
