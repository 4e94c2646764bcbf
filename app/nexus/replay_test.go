package nexus

import (
	"testing"

	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"everleaf/app/replaytest"
	"everleaf/domain"
	"everleaf/ports"
)

// corpus is where the recorded histories of this package's workflow are.
const corpus = "testdata/histories"

// TestReplay needs no server.
func TestReplay(t *testing.T) {
	t.Parallel()
	replaytest.Run(t, corpus, Register)
}

// TestReplayCatchesABrokenWorkflow is why to trust TestReplay.
func TestReplayCatchesABrokenWorkflow(t *testing.T) {
	t.Parallel()
	replaytest.Fails(t, corpus, "TMPRL1100" /* Temporal's code for non-determinism */, func(r worker.WorkflowRegistry) {
		r.RegisterWorkflowWithOptions(sleepsFirst, workflow.RegisterOptions{Name: ports.NexusWorkflow})
	})
}

func sleepsFirst(ctx workflow.Context, request ports.NexusRequest) (domain.Status, error) {
	if err := workflow.Sleep(ctx, 1); err != nil {
		return domain.Status{}, err
	}
	return Request(ctx, request)
}
