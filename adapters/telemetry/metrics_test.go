package telemetry

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Dashboards and alerts know the SDK's metrics by these names.
func TestSDKMetricsAreExportedByTheirNames(t *testing.T) {
	t.Parallel()
	m := newMetrics(t)
	handler := m.Temporal("default", "q").WithTags(map[string]string{"task_queue": "q"})
	handler.Counter("temporal_workflow_failed").Inc(2)
	handler.Gauge("temporal_num_pollers").Update(3)
	handler.Timer("temporal_request_latency").Record(20 * time.Millisecond)
	handler.Timer("temporal_request_latency_attempt").Record(20 * time.Millisecond)
	handler.Timer("temporal_workflow_endtoend_latency").Record(40 * 24 * time.Hour)

	got := scrape(t, m)
	require.Equal(t, 2.0, find(t, got["temporal_workflow_failed_total"], "task_queue", "q").GetCounter().GetValue())
	require.Equal(t, 3.0, find(t, got["temporal_num_pollers"], "task_queue", "q").GetGauge().GetValue())
	latency := find(t, got["temporal_request_latency_seconds"], "task_queue", "q").GetHistogram()
	require.Equal(t, 0.001, latency.GetBucket()[0].GetUpperBound(), "seconds")
	require.InDelta(t, 0.02, latency.GetSampleSum(), 1e-9)
	require.NotContains(t, got, "temporal_request_latency_attempt_seconds")
	length := find(t, got["temporal_workflow_endtoend_latency_seconds"], "task_queue", "q").GetHistogram()
	require.Equal(t, 90*86400.0, length.GetBucket()[len(length.GetBucket())-2].GetUpperBound(),
		"a run is as long as a certificate's life")
}

// An alert on an increase must see the first trouble, so its series is there before.
func TestTroubleIsCountedFromZero(t *testing.T) {
	t.Parallel()
	m := newMetrics(t)
	m.Temporal("default", "q")
	got := scrape(t, m)
	for workflow, queue := range map[string]string{"Certificate": "q", "NexusRequest": "q-nexus"} {
		require.Zero(t, find(t, got["temporal_workflow_task_execution_failed_total"], "namespace", "default",
			"client_name", "temporal_go",
			"worker_type", "none", "activity_type", "none", "workflow_type", workflow, "task_queue", queue,
			"failure_reason", "NonDeterminismError").GetCounter().GetValue())
	}
	require.Contains(t, got, "temporal_unregistered_activity_invocation_total")
	require.Contains(t, got, "temporal_request_failure_total")
}

func TestProcessAndBuildAreShown(t *testing.T) {
	t.Parallel()
	got := scrape(t, newMetrics(t))
	require.Contains(t, got, "go_goroutines")
	require.Contains(t, got, "process_resident_memory_bytes")
	require.Len(t, got["everleaf_build_info"].GetMetric(), 1)
	require.NotContains(t, got, "target_info")
}

// What the SDK does for each task: a handler with the task's tags, then a count and a time.
func BenchmarkTemporalHandler(b *testing.B) {
	m := newMetrics(b)
	handler := m.Temporal("default", "q").WithTags(map[string]string{"namespace": "default",
		"client_name": "temporal_go", "task_queue": "everleaf"})
	for b.Loop() {
		task := handler.WithTags(map[string]string{"activity_type": "ObtainCertificate",
			"workflow_type": "Certificate"})
		task.Counter("temporal_activity_execution_failed").Inc(1)
		task.Timer("temporal_activity_execution_latency").Record(time.Millisecond)
	}
}
