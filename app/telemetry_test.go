package app

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"everleaf/adapters/telemetry"
	"everleaf/adapters/telemetry/telemetrytest"
	"everleaf/app/lifecycle"
)

// Traces may be turned on and off at any time: what was recorded without them replays with them.
func TestHistoriesReplayWithTraces(t *testing.T) {
	receiver := telemetrytest.Start(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.HTTP)
	traces, err := telemetry.NewTraces(t.Context(), quiet())
	require.NoError(t, err)
	interceptors, err := traces.Interceptors()
	require.NoError(t, err)
	tracing, ok := interceptors[0].(interceptor.WorkerInterceptor)
	require.True(t, ok, "the client's interceptor is its workers' too")
	paths, err := filepath.Glob(filepath.Join("lifecycle", "testdata", "histories", "*", "*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, path := range paths {
		file, err := os.Open(path)
		require.NoError(t, err)
		history, err := client.HistoryFromJSON(file, client.HistoryJSONOptions{})
		require.NoError(t, file.Close())
		require.NoError(t, err)
		replayer, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{
			DisableRegistrationAliasing: true, Interceptors: []interceptor.WorkerInterceptor{tracing},
		})
		require.NoError(t, err)
		lifecycle.Register(replayer)
		id := history.Events[0].GetWorkflowExecutionStartedEventAttributes().GetWorkflowId()
		require.NoError(t, replayer.ReplayWorkflowHistoryWithOptions(sdklog.NewStructuredLogger(quiet()), history,
			worker.ReplayWorkflowHistoryOptions{OriginalExecution: workflow.Execution{ID: id}}), path)
	}
	require.NoError(t, traces.Shutdown(t.Context()))
	require.Empty(t, receiver.Spans(), "a replay is no work")
}
