package temporal

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"everleaf/adapters/servertest"
	"everleaf/domain"
)

// The server itself says who polls: this process, each queue and kind alone, and only by its own identity.
func TestCheckPollers(t *testing.T) {
	t.Parallel()
	s := connect(t)
	checkPollers(t, s, 1)
}

// A queue of many partitions hides a poller from a client that asks the root alone.
func TestCheckPollersOfAPartitionedQueue(t *testing.T) {
	t.Parallel()
	dev, err := testsuite.StartDevServer(t.Context(), testsuite.DevServerOptions{
		ExistingPath: servertest.Setting(t, "EVERLEAF_TEST_TEMPORAL_CLI"), LogLevel: "error",
		ClientOptions: &client.Options{Logger: sdklog.NewStructuredLogger(quiet())},
		ExtraArgs: []string{"--dynamic-config-value", "matching.numTaskqueueReadPartitions=8",
			"--dynamic-config-value", "matching.numTaskqueueWritePartitions=8"},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, dev.Stop()) })
	checkPollers(t, dial(t, dev.FrontendHostPort(), "default"), 6)
}

// checkPollers starts some workers on one queue.
func checkPollers(t *testing.T, s server, workers int) {
	t.Helper()
	pollers := func(identity string, more ...enumspb.TaskQueueType) (all []Poller) {
		for _, kind := range append(more, enumspb.TASK_QUEUE_TYPE_WORKFLOW, enumspb.TASK_QUEUE_TYPE_ACTIVITY) {
			all = append(all, Poller{Identity: identity, TaskQueue: s.config.TaskQueue, Type: kind})
		}
		return all
	}
	ctx := bounded(t, 60*time.Second)
	_, err := CheckPollers(ctx, s.client, s.config, pollers("w0"))
	requireFault(t, err, domain.FaultWait, "NoPoller", "task queue "+s.config.TaskQueue+" (workflow)")
	for i := range workers {
		w := worker.New(s.client, s.config.TaskQueue, worker.Options{Identity: fmt.Sprint("w", i)})
		w.RegisterActivityWithOptions(func() error { return nil }, activity.RegisterOptions{Name: "none"})
		w.RegisterWorkflowWithOptions(func(workflow.Context) error { return nil },
			workflow.RegisterOptions{Name: "none"})
		require.NoError(t, w.Start())
		t.Cleanup(w.Stop)
	}
	for i := range workers {
		require.Eventually(t, func() bool {
			detail, err := CheckPollers(ctx, s.client, s.config, pollers(fmt.Sprint("w", i)))
			return err == nil && strings.Contains(detail, s.config.TaskQueue+" (activity) ")
		}, 50*time.Second, 50*time.Millisecond, "worker %d", i)
	}
	_, err = CheckPollers(ctx, s.client, s.config, pollers("stranger"))
	requireFault(t, err, domain.FaultWait, "NoPoller", "does not see stranger")
	_, err = CheckPollers(ctx, s.client, s.config, pollers("w0", enumspb.TASK_QUEUE_TYPE_NEXUS))
	requireFault(t, err, domain.FaultWait, "NoPoller", "(nexus)")
}
