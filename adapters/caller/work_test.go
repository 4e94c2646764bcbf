package caller

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"everleaf/domain"
	"everleaf/ports"
)

// What a step is doing shows without the workflow: before a worker takes it, and after a try that waits for the next.
func TestWorkIsSeenFromOutside(t *testing.T) {
	t.Parallel()
	s := connect(t)
	ctx, name := bounded(t, time.Minute), unique(t)
	_, err := s.keeper.Work(ctx, name)
	requireFault(t, err, domain.FaultSpec, "UnknownCertificate", name)

	look := domain.Look{For: "the issuer main", Seen: "not yet", Since: time.Now().UTC().Truncate(time.Second),
		Until: time.Now().UTC().Add(time.Hour).Truncate(time.Second)}
	w := worker.New(s.client, s.queue, worker.Options{DisableWorkflowWorker: false, LocalActivityWorkerOnly: true})
	w.RegisterWorkflowWithOptions(func(ctx workflow.Context) error {
		ctx = workflow.WithActivityOptions(ctx,
			workflow.ActivityOptions{StartToCloseTimeout: time.Hour, TaskQueue: s.queue + "-steps"})
		return workflow.ExecuteActivity(ctx, "ObtainCertificate").Get(ctx, nil)
	}, workflow.RegisterOptions{Name: ports.CertificateWorkflow})
	require.NoError(t, w.Start())
	defer w.Stop()
	_, err = s.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: ports.WorkflowID(name), TaskQueue: s.queue},
		ports.CertificateWorkflow)
	require.NoError(t, err)
	work := func(done func(domain.Work) bool) (found domain.Work) {
		t.Helper()
		require.Eventually(t, func() bool {
			all, err := s.keeper.Work(ctx, name)
			if err != nil || len(all) != 1 {
				return false
			}
			found = all[0]
			return done(found)
		}, 30*time.Second, 20*time.Millisecond)
		return found
	}
	waiting := work(func(domain.Work) bool { return true })
	require.Equal(t, "ObtainCertificate", waiting.Step)
	require.False(t, waiting.Started)
	require.Empty(t, waiting.Worker)
	require.WithinDuration(t, time.Now(), waiting.Since, time.Minute)

	steps := worker.New(s.client, s.queue+"-steps", worker.Options{DisableWorkflowWorker: true, Identity: "the worker"})
	steps.RegisterActivityWithOptions(func(ctx context.Context) error {
		activity.RecordHeartbeat(ctx, look)
		return temporal.NewApplicationErrorWithOptions("the issuer says: later", "Wait",
			temporal.ApplicationErrorOptions{NextRetryDelay: time.Hour})
	}, activity.RegisterOptions{Name: "ObtainCertificate"})
	require.NoError(t, steps.Start())
	defer steps.Stop()
	tried := work(func(w domain.Work) bool { return w.Failure != "" && !w.Started })
	require.Equal(t, "the issuer says: later", tried.Failure)
	require.Equal(t, look, tried.Look)
	require.Equal(t, "the worker", tried.Worker)
	require.Equal(t, 2, tried.Attempt)
	require.False(t, tried.Since.After(time.Now()), "not the next try's")
	require.WithinDuration(t, time.Now().Add(time.Hour), tried.NextTry, time.Minute)

	require.NoError(t, s.client.TerminateWorkflow(ctx, ports.WorkflowID(name), "", "test"))
	_, err = s.keeper.Work(ctx, name)
	requireFault(t, err, domain.FaultSpec, "WorkflowEnded", "is terminated")
}
