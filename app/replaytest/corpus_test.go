package replaytest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"everleaf/app/replaytest/testdata/gated"
)

// The histories of a release move into a folder of its name as they are. They replay there, a recording leaves them
// alone, and a change of one is seen.
func TestReplayOfARelease(t *testing.T) {
	t.Parallel()
	const recorded, release = "testdata/gated/histories", "v0.1.0"
	register := func(r worker.WorkflowRegistry) {
		r.RegisterWorkflowWithOptions(gated.Bell, workflow.RegisterOptions{Name: gated.Name})
	}
	corpus := t.TempDir()
	released := filepath.Join(corpus, release)
	require.NoError(t, os.CopyFS(released, os.DirFS(recorded)))
	first, second := filepath.Join(released, "version-1.json"), filepath.Join(released, "version-2.json")
	require.Equal(t, []string{first, second}, Histories(t, corpus))
	t.Run("replays", func(t *testing.T) { Run(t, corpus, register) })

	Keep(t, corpus, "version-2", readTranscript(t, second).Run, Read(t, second), register)
	require.Equal(t, []string{first, second, filepath.Join(corpus, "version-2.json")}, Histories(t, corpus))

	transcript, err := os.ReadFile(transcriptOf(first))
	require.NoError(t, err)
	for what, change := range map[string]func() error{
		"changed": func() error { return os.WriteFile(transcriptOf(first), append(transcript, ' '), 0o600) },
		"removed": func() error { return os.Remove(transcriptOf(first)) },
		"added": func() error {
			return os.WriteFile(filepath.Join(released, "version-3.calls.json"), transcript,
				0o600)
		},
	} {
		require.NoError(t, change())
		_, err := list(corpus)
		require.ErrorContains(t, err, release, what)
		require.NoError(t, os.RemoveAll(released))
		require.NoError(t, os.CopyFS(released, os.DirFS(recorded)))
		require.Len(t, Histories(t, corpus), 3)
	}
}
