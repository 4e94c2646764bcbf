package temporal

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The SDK panics on options that cannot work. What package app lets through, at its limits, must not be among them;
// and what it refuses because of the SDK must still be.
func TestOptionsThatAppLetsThroughDoNotPanic(t *testing.T) {
	t.Parallel()
	tuner, err := NewTuner(0.8, 0.9, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	s := dial(t, "127.0.0.1:1", "default") // lazy: nobody is contacted
	version := Versioning{Enabled: true, Deployment: "everleaf", BuildID: "1"}
	for _, o := range []WorkerOptions{
		{TaskQueue: "q", Workflows: true, Activities: true},
		{TaskQueue: "q", Activities: true},
		{TaskQueue: "q"},
		{TaskQueue: "q", Workflows: true, Slots: Slots{Workflow: 2, LocalActivity: 1, Activity: 1, Nexus: 1},
			MaxPollers: 1},
		{TaskQueue: "q", Workflows: true, Slots: Slots{Workflow: 100_000, LocalActivity: 100_000}, MaxPollers: 1000},
		{TaskQueue: "q", Workflows: true, Activities: true, Tuner: tuner, Slots: Slots{Workflow: 1}},
		{TaskQueue: "q", Workflows: true, Versioning: version, Tuner: tuner, Drain: time.Second, Release: time.Second},
	} {
		require.NotPanics(t, func() { NewWorker(s.client, o, nil) }, "%+v", o)
	}
	require.PanicsWithValue(t, "cannot set MaxConcurrentWorkflowTaskExecutionSize to 1", func() {
		NewWorker(s.client, WorkerOptions{TaskQueue: "q", Workflows: true, Slots: Slots{Workflow: 1}}, nil)
	})
	require.PanicsWithValue(t, "__temporal_ is a reserved prefix", func() {
		NewWorker(s.client, WorkerOptions{TaskQueue: "__temporal_q", Workflows: true}, nil)
	})
}
