package replaytest_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"everleaf/app/replaytest"
	"everleaf/app/replaytest/testdata/gated"
)

const (
	gatedCorpus = "testdata/gated/histories"
	firstRun    = gatedCorpus + "/version-1.json"
	secondRun   = gatedCorpus + "/version-2.json"
)

func as(bell func(workflow.Context, int) error) func(worker.WorkflowRegistry) {
	return func(r worker.WorkflowRegistry) {
		r.RegisterWorkflowWithOptions(bell, workflow.RegisterOptions{Name: gated.Name})
	}
}

// TestReplayGated: the release with both branches goes on with runs of both releases.
func TestReplayGated(t *testing.T) { replaytest.Run(t, gatedCorpus, as(gated.Bell)) }

// Without the old branch, the SDK sees nothing, as the names of all commands are the same. The length of the timer tells.
func TestReplayUngated(t *testing.T) {
	require.NoError(t, replaytest.Replay(t, secondRun, as(gated.Ungated)))
	err := replaytest.Replay(t, firstRun, as(gated.Ungated))
	require.EqualError(t, err, `call 3 differs:
    recorded: {"do":"timer","value":1000000000}
         now: {"do":"timer","value":2000000000}
Runs that are open in production would not go on as they did. If this is meant: keep the old branch behind a version (for a `+
		"certificate's workflow, raise lifecycle.Version), or, before the release, record again with `make record`. See package replaytest.")
}

// The build before the change can't go on with runs of the new release: a rollback waits for a build that can.
func TestReplayRolledBack(t *testing.T) {
	require.NoError(t, replaytest.Replay(t, firstRun, as(gated.First)))
	require.ErrorContains(t, replaytest.Replay(t, secondRun, as(gated.First)), "too old to support version 2")
}
