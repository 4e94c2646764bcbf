package e2e

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"everleaf/adapters/servertest"
	"everleaf/app/replaytest"
	"everleaf/app/replaytest/testdata/gated"
)

// TestRecordGated lives through both branches of the example of a gated change. With -record, the histories join its
// corpus.
func TestRecordGated(t *testing.T) {
	t.Parallel()
	corpus := "../../../app/replaytest/testdata/gated/histories"
	if !*record {
		corpus = t.TempDir()
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := client.Dial(client.Options{HostPort: servertest.Setting(t, "EVERLEAF_TEST_TEMPORAL"), Logger: quiet{}})
	require.NoError(t, err)
	defer c.Close()
	for name, bell := range map[string]func(workflow.Context, int) error{"version-1": gated.First,
		"version-2": gated.Bell} {
		w := worker.New(c, "gated-"+name, worker.Options{})
		w.RegisterWorkflowWithOptions(bell, workflow.RegisterOptions{Name: gated.Name})
		w.RegisterActivity(gated.Ring)
		require.NoError(t, w.Start())
		run, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{TaskQueue: "gated-" + name}, gated.Name, 2)
		require.NoError(t, err)
		require.NoError(t, run.Get(ctx, nil))
		w.Stop()
		s := &stack{t: t, temporal: c}
		replaytest.Keep(t, corpus, name, run.GetRunID(), s.history(run.GetID(), run.GetRunID()),
			func(r worker.WorkflowRegistry) {
				r.RegisterWorkflowWithOptions(bell, workflow.RegisterOptions{Name: gated.Name})
			})
	}
}
