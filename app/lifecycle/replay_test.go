package lifecycle

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"everleaf/domain"
	"everleaf/ports"
)

// scenarios must be in each folder of recorded histories, one folder a recording. A history that live workflows may
// still have is never replaced by a newer one, but joined by it in a new folder.
var scenarios = []string{"issuance.json", "renewal.json", "failure-and-recovery.json", "continue-as-new.json", "ladder.json"}

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

// histories finds the recorded histories by file name and fails if a scenario is missing.
func histories(t *testing.T) map[string]string {
	t.Helper()
	recordings, err := filepath.Glob(filepath.Join("testdata", "histories", "*"))
	require.NoError(t, err)
	require.NotEmpty(t, recordings, "record them with `make record NEW=<folder>`")
	found := map[string]string{}
	for _, folder := range recordings {
		paths, err := filepath.Glob(filepath.Join(folder, "*.json"))
		require.NoError(t, err)
		for _, path := range paths {
			found[filepath.Join(filepath.Base(folder), filepath.Base(path))] = path
		}
		for _, scenario := range scenarios {
			require.Contains(t, found, filepath.Join(filepath.Base(folder), scenario))
		}
	}
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
