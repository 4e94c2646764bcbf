package lifecycle

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
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"everleaf/domain"
	"everleaf/ports"
)

// corpus holds recorded histories, one folder a recording, and SHA256SUMS, which lists every one: a history that live
// workflows may still have is never replaced by a newer one nor left out, but joined by it in a new folder.
const corpus = "testdata/histories"

// TestReplay needs no server: what production has written must go on replaying.
func TestReplay(t *testing.T) {
	for name, path := range histories(t) {
		t.Run(name, func(t *testing.T) { require.NoError(t, replay(t, path, Register)) })
	}
}

// TestReplayCatchesABrokenWorkflow is why to trust TestReplay: two steps change places, and each history says so.
func TestReplayCatchesABrokenWorkflow(t *testing.T) {
	for name, path := range histories(t) {
		t.Run(name, func(t *testing.T) {
			err := replay(t, path, func(r worker.WorkflowRegistry) {
				r.RegisterWorkflowWithOptions(authorizesFirst, workflow.RegisterOptions{Name: ports.CertificateWorkflow})
			})
			require.ErrorContains(t, err, "TMPRL1100", "Temporal's code for non-determinism")
		})
	}
}

// authorizesFirst is Certificate with the first two steps in the wrong order.
func authorizesFirst(ctx workflow.Context, input domain.Certificate) error {
	c, err := setup(ctx, input)
	if err != nil {
		return err
	}
	if _, err := c.sleep(ctx); err != nil {
		return err
	}
	i := &issuance{certificate: c, spec: c.state.Spec.WithDefaults(), order: domain.Order{Status: domain.OrderPending}}
	if err := i.authorize(ctx); err != nil {
		return err
	}
	return i.place(ctx)
}

// histories are the recorded ones by name. It fails if one is missing, was changed, or is not listed.
func histories(t *testing.T) map[string]string {
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

// replay runs a history through what register registers, with the worker's options that matter to it.
func replay(t *testing.T, path string, register func(worker.WorkflowRegistry)) error {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	history, err := client.HistoryFromJSON(file, client.HistoryJSONOptions{})
	require.NoError(t, err)
	started := history.Events[0].GetWorkflowExecutionStartedEventAttributes()
	require.NotEmpty(t, started.GetWorkflowId(), "the workflow reads its ID, which the replayer would invent")
	replayer, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{DisableRegistrationAliasing: true})
	require.NoError(t, err)
	register(replayer)
	return replayer.ReplayWorkflowHistoryWithOptions(log.NewStructuredLogger(slog.New(slog.DiscardHandler)), history,
		worker.ReplayWorkflowHistoryOptions{OriginalExecution: workflow.Execution{ID: started.GetWorkflowId()}})
}
