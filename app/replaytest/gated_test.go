package replaytest_test

import (
	"os/exec"
	"strings"
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
	firstCalls  = gatedCorpus + "/version-1.calls.json"
	secondRun   = gatedCorpus + "/version-2.json"
)

func as(bell func(workflow.Context, int) error) func(worker.WorkflowRegistry) {
	return func(r worker.WorkflowRegistry) {
		r.RegisterWorkflowWithOptions(bell, workflow.RegisterOptions{Name: gated.Name})
	}
}

// TestReplayGated: the release with both branches goes on with runs of both releases.
func TestReplayGated(t *testing.T) { replaytest.Run(t, gatedCorpus, as(gated.Bell)) }

// Without the old branch, the SDK sees nothing, as the names of all commands are the same. The length of the timer
// tells.
func TestReplayUngated(t *testing.T) {
	require.NoError(t, replaytest.Replay(t, secondRun, as(gated.Ungated)))
	err := replaytest.Replay(t, firstRun, as(gated.Ungated))
	require.EqualError(t, err, firstCalls+`:4: call 3 differs:
    recorded: {"do":"timer","value":1000000000}
         now: {"do":"timer","value":2000000000}`)
}

// A build without the old branch fails with few words, and the last of them say where, and what to do.
func TestReplaySaysWhatToDo(t *testing.T) {
	t.Parallel()
	overlay := replaytest.Overlay(t, map[string][2]string{"testdata/gated/gated.go": {"< 2 {", "< 1 {"}})
	replay := exec.CommandContext(t.Context(), "go", "test", "-vet=off", "-run=^TestReplayGated$", "-overlay", overlay,
		".")
	out, err := replay.CombinedOutput()
	require.Error(t, err)
	require.Less(t, strings.Count(string(out), "\n"), 20, "%s", out)
	_, closing, ok := strings.Cut(string(out), "1 of 2 histories do not replay. "+firstCalls+":4: call 3 differs\n")
	require.True(t, ok, "%s", out)
	for _, word := range []string{"make record", "raise the version", "app/replaytest/doc.go"} {
		require.Contains(t, closing, word)
	}
	require.NotContains(t, closing, "version-1")
}

// The build before the change can't go on with runs of the new release: a rollback waits for a build that can.
func TestReplayRolledBack(t *testing.T) {
	require.NoError(t, replaytest.Replay(t, firstRun, as(gated.First)))
	require.ErrorContains(t, replaytest.Replay(t, secondRun, as(gated.First)), "too old to support version 2")
}
