package e2e

import (
	"context"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/durationpb"

	"everleaf/adapters/servertest"
	"everleaf/ports"
)

// ownNamespace moves the stack to a namespace of its own, prepared by the binary itself, and to the default task queue:
// what docs/api.md shows runs there as it stands, names and all.
func (s *stack) ownNamespace() (namespace string) {
	s.t.Helper()
	namespace = s.name
	s.temporal = s.namespace(namespace)
	s.queue = ports.TaskQueue
	s.set("TEMPORAL_NAMESPACE", namespace)
	s.set("EVERLEAF_TASK_QUEUE", s.queue)
	s.must("migrate")
	return namespace
}

// namespace makes a namespace and gives a client of it.
func (s *stack) namespace(name string) client.Client {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	_, err := s.temporal.WorkflowService().RegisterNamespace(ctx, &workflowservice.RegisterNamespaceRequest{
		Namespace: name, WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour),
	})
	require.NoError(s.t, err)
	c, err := client.NewLazyClient(client.Options{HostPort: servertest.Setting(s.t, "EVERLEAF_TEST_TEMPORAL"),
		Namespace: name, Logger: quiet{}})
	require.NoError(s.t, err)
	s.t.Cleanup(c.Close)
	s.eventually("the namespace", func() bool {
		_, err := c.DescribeTaskQueue(ctx, "any", 1)
		return err == nil
	})
	return c
}
