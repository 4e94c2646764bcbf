package caller

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"everleaf/domain"
	"everleaf/ports"
)

// A request that nobody would carry out is known before it is made, and a certificate on another queue by both names.
func TestAQueueThatNobodyPolls(t *testing.T) {
	t.Parallel()
	s := connect(t)
	ctx, name := bounded(t, time.Minute), unique(t)
	for _, namespace := range []string{"", client.DefaultNamespace} {
		queue, err := New(s.client, Options{TaskQueue: s.queue, Namespace: namespace}).CheckQueue(ctx, name)
		requireFault(t, err, domain.FaultWait, "NoWorker", s.queue)
		require.ErrorContains(t, err, "--task-queue (EVERLEAF_TASK_QUEUE)")
		require.Equal(t, s.queue, queue)
	}
	short, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	_, err := New(s.client, Options{TaskQueue: s.queue, Namespace: client.DefaultNamespace}).
		Ensure(short, unique(t), domain.Spec{Names: []string{"www.example.com"}})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	requireFault(t, err, domain.FaultWait, "NoWorker", s.queue)
	wrong := New(s.client, Options{TaskQueue: s.queue + "-wrong", Namespace: client.DefaultNamespace})
	require.NoError(t, wrong.Start(ctx, name, domain.Spec{Names: []string{"www.example.com"}}))

	w := startWorker(t, s)
	defer w.Stop()
	keeper := New(s.client, Options{TaskQueue: s.queue, Namespace: client.DefaultNamespace})
	require.Eventually(t, func() bool {
		queue, err := keeper.CheckQueue(ctx, unique(t))
		return err == nil && queue == s.queue
	}, 30*time.Second, 50*time.Millisecond, "of a name that is not kept, the queue is the caller's")
	for _, ask := range []func() error{
		func() error { _, err := keeper.CheckQueue(ctx, name); return err },
		func() error { _, err := keeper.Status(ctx, name); return err },
	} {
		err := ask()
		requireFault(t, err, domain.FaultWait, "NoWorker", "")
		for _, part := range []string{
			`is on task queue "` + s.queue + `-wrong"`, `not on "` + s.queue + `"`,
			"start a worker with --task-queue " + s.queue + "-wrong (EVERLEAF_TASK_QUEUE)",
			"temporal workflow terminate --workflow-id " + ports.WorkflowID(name), "everleaf cert ensure",
		} {
			require.ErrorContains(t, err, part)
		}
	}
	require.NoError(t, s.client.TerminateWorkflow(context.Background(), ports.WorkflowID(name), "", "moved"))
	queue, err := keeper.CheckQueue(ctx, name)
	require.NoError(t, err)
	require.Equal(t, s.queue, queue)
}

// Workers whose build is not the current version of their deployment poll, and get nothing: a caller reads what to do.
func TestAQueueWhoseWorkersGetNoTasks(t *testing.T) {
	t.Parallel()
	s := connect(t)
	ctx := bounded(t, time.Minute)
	version := worker.WorkerDeploymentVersion{DeploymentName: s.queue, BuildID: "one"}
	w := worker.New(s.client, s.queue, worker.Options{DeploymentOptions: worker.DeploymentOptions{UseVersioning: true,
		Version: version, DefaultVersioningBehavior: workflow.VersioningBehaviorAutoUpgrade}})
	w.RegisterWorkflowWithOptions(standIn, workflow.RegisterOptions{Name: ports.CertificateWorkflow})
	require.NoError(t, w.Start())
	defer w.Stop()

	keeper := New(s.client, Options{TaskQueue: s.queue, Namespace: client.DefaultNamespace})
	checked := func(want string) func() bool {
		return func() bool {
			_, err := keeper.CheckQueue(ctx, unique(t))
			return want == "" && err == nil || err != nil && want != "" && strings.Contains(err.Error(), want)
		}
	}
	require.Eventually(t, checked("temporal worker deployment set-current-version --deployment-name "+s.queue+
		" --build-id one"), 30*time.Second, 50*time.Millisecond)
	_, err := keeper.CheckQueue(ctx, unique(t))
	requireFault(t, err, domain.FaultWait, "NoWorker", s.queue)

	deployment := s.client.WorkerDeploymentClient().GetHandle(s.queue)
	require.Eventually(t, func() bool {
		_, err := deployment.SetCurrentVersion(ctx, client.WorkerDeploymentSetCurrentVersionOptions{BuildID: "one"})
		return err == nil
	}, 30*time.Second, 50*time.Millisecond)
	require.Eventually(t, checked(""), 30*time.Second, 50*time.Millisecond)
}
