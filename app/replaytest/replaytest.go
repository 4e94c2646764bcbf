// Package replaytest replays recorded histories in tests: what production has written must go on replaying.
package replaytest

import (
	"crypto/sha256"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// Histories are the paths of a corpus' histories by name. A corpus has one folder a recording, and SHA256SUMS, which
// lists every history: one that live workflows may still have is never replaced by a newer one nor left out, but joined
// by it in a new folder. It fails if one is missing, was changed, or is not listed.
func Histories(t *testing.T, corpus string) map[string]string {
	t.Helper()
	sums, err := os.ReadFile(filepath.Join(corpus, "SHA256SUMS"))
	require.NoError(t, err)
	found := map[string]string{}
	for line := range strings.Lines(string(sums)) {
		sum, name, ok := strings.Cut(strings.TrimSpace(line), "  ")
		require.True(t, ok, line)
		content, err := os.ReadFile(filepath.Join(corpus, name))
		require.NoError(t, err, "a history is never taken out of the corpus while workflows may have it")
		require.Equal(t, sum, fmt.Sprintf("%x", sha256.Sum256(content)), "%s was changed: record into a new folder with `make record NEW=<folder>`", name)
		found[name] = filepath.Join(corpus, name)
	}
	files, err := filepath.Glob(filepath.Join(corpus, "*", "*"))
	require.NoError(t, err)
	require.Len(t, files, len(found), "every history is listed in SHA256SUMS, which `make record` does")
	require.NotEmpty(t, found)
	return found
}

// Replay runs a history through what register registers, with the worker's options that matter to it.
func Replay(t *testing.T, path string, register func(worker.WorkflowRegistry), interceptors ...interceptor.WorkerInterceptor) error {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	history, err := client.HistoryFromJSON(file, client.HistoryJSONOptions{})
	require.NoError(t, err)
	started := history.Events[0].GetWorkflowExecutionStartedEventAttributes()
	require.NotEmpty(t, started.GetWorkflowId(), "the workflow reads its ID, which the replayer would invent")
	replayer, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{
		DisableRegistrationAliasing: true, Interceptors: interceptors,
	})
	require.NoError(t, err)
	register(replayer)
	return replayer.ReplayWorkflowHistoryWithOptions(log.NewStructuredLogger(slog.New(slog.DiscardHandler)), history,
		worker.ReplayWorkflowHistoryOptions{OriginalExecution: workflow.Execution{ID: started.GetWorkflowId()}})
}
