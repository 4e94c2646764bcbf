package app

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/interceptor"

	"everleaf/adapters/telemetry"
	"everleaf/adapters/telemetry/telemetrytest"
	"everleaf/app/lifecycle"
	"everleaf/app/replaytest"
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
	for name, path := range replaytest.Histories(t, filepath.Join("lifecycle", "testdata", "histories")) {
		require.NoError(t, replaytest.Replay(t, path, lifecycle.Register, tracing), name)
	}
	require.NoError(t, traces.Shutdown(t.Context()))
	require.Empty(t, receiver.Spans(), "a replay is no work")
}
