package lifecycle

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"everleaf/app/replaytest"
	"everleaf/domain/lifecycle"
	"everleaf/ports"
)

// corpus is where the recorded histories of this package's workflow are.
const corpus = "testdata/histories"

// TestReplay needs no server.
func TestReplay(t *testing.T) {
	t.Parallel()
	replaytest.Run(t, corpus, Register)
}

// A build with a higher version of the machine finds the runs that are open: it must do again what they have done, and only
// then hand over.
func TestReplayBegunUnderALowerVersion(t *testing.T) {
	t.Parallel()
	for _, path := range replaytest.Histories(t, corpus) {
		require.NoError(t, replaytest.ReplayBegunUnder(t, path, Register, machineGate, lifecycle.Version-1), path)
	}
}

// TestReplayCatchesABrokenWorkflow is why to trust TestReplay.
func TestReplayCatchesABrokenWorkflow(t *testing.T) {
	t.Parallel()
	replaytest.Fails(t, corpus, "TMPRL1100" /* Temporal's code for non-determinism */, func(r worker.WorkflowRegistry) {
		r.RegisterWorkflowWithOptions(sleepsFirst, workflow.RegisterOptions{Name: ports.CertificateWorkflow})
	})
}

func sleepsFirst(ctx workflow.Context, input converter.RawValue) error {
	if err := workflow.Sleep(ctx, 1); err != nil {
		return err
	}
	return Certificate(ctx, input)
}
