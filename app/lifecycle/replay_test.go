package lifecycle

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"everleaf/app/replaytest"
	"everleaf/domain"
	"everleaf/ports"
)

// corpus is where the recorded histories of this package's workflow are.
const corpus = "testdata/histories"

// TestReplay needs no server: what production has written must go on replaying.
func TestReplay(t *testing.T) {
	for name, path := range replaytest.Histories(t, corpus) {
		t.Run(name, func(t *testing.T) { require.NoError(t, replaytest.Replay(t, path, Register)) })
	}
}

// TestReplayCatchesABrokenWorkflow is why to trust TestReplay: two steps change places, and each history says so.
func TestReplayCatchesABrokenWorkflow(t *testing.T) {
	for name, path := range replaytest.Histories(t, corpus) {
		t.Run(name, func(t *testing.T) {
			err := replaytest.Replay(t, path, func(r worker.WorkflowRegistry) {
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
