package nexus

import (
	"crypto/sha256"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"everleaf/domain"
	"everleaf/ports"
)

// corpus holds recorded histories as app/lifecycle's does: listed in SHA256SUMS, never replaced.
const corpus = "testdata/histories"

// TestReplay needs no server.
func TestReplay(t *testing.T) {
	for _, name := range histories(t) {
		t.Run(name, func(t *testing.T) { require.NoError(t, replay(t, name, Register)) })
	}
}

// TestReplayCatchesABrokenWorkflow is why to trust TestReplay.
func TestReplayCatchesABrokenWorkflow(t *testing.T) {
	for _, name := range histories(t) {
		t.Run(name, func(t *testing.T) {
			err := replay(t, name, func(r worker.WorkflowRegistry) {
				r.RegisterWorkflowWithOptions(sleepsFirst, workflow.RegisterOptions{Name: ports.NexusWorkflow})
			})
			require.ErrorContains(t, err, "TMPRL1100", "Temporal's code for non-determinism")
		})
	}
}

func sleepsFirst(ctx workflow.Context, request ports.NexusRequest) (domain.Status, error) {
	if err := workflow.Sleep(ctx, 1); err != nil {
		return domain.Status{}, err
	}
	return Request(ctx, request)
}

// histories are the recorded ones. It fails if one is missing, was changed, or is not listed.
func histories(t *testing.T) (names []string) {
	t.Helper()
	sums, err := os.ReadFile(filepath.Join(corpus, "SHA256SUMS"))
	require.NoError(t, err)
	for line := range strings.Lines(string(sums)) {
		sum, name, ok := strings.Cut(strings.TrimSpace(line), "  ")
		require.True(t, ok, line)
		content, err := os.ReadFile(filepath.Join(corpus, name))
		require.NoError(t, err)
		require.Equal(t, sum, fmt.Sprintf("%x", sha256.Sum256(content)), "%s was changed", name)
		names = append(names, name)
	}
	files, err := filepath.Glob(filepath.Join(corpus, "*", "*"))
	require.NoError(t, err)
	require.Len(t, files, len(names), "every history is listed in SHA256SUMS, which `make record` does")
	require.NotEmpty(t, names)
	return names
}

func replay(t *testing.T, name string, register func(worker.WorkflowRegistry)) error {
	t.Helper()
	replayer, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{DisableRegistrationAliasing: true})
	require.NoError(t, err)
	register(replayer)
	return replayer.ReplayWorkflowHistoryFromJSONFile(log.NewStructuredLogger(slog.New(slog.DiscardHandler)), filepath.Join(corpus, name))
}
