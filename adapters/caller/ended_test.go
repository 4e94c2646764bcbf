package caller

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"everleaf/domain"
)

// ahead is a server, with a worker, that answers a little before the caller's deadline.
type ahead struct {
	client.Client
	answer error
}

func (a *ahead) DescribeTaskQueue(ctx context.Context, _ string,
	_ enumspb.TaskQueueType) (*workflowservice.DescribeTaskQueueResponse, error) {
	if deadline, _ := ctx.Deadline(); time.Until(deadline) < early {
		return nil, a.answer
	}
	return &workflowservice.DescribeTaskQueueResponse{Pollers: []*taskqueuepb.PollerInfo{{}}}, nil
}

func (a *ahead) DescribeWorkflow(context.Context, string, string) (*client.WorkflowExecutionDescription, error) {
	return nil, a.answer
}

func (a *ahead) NewWithStartWorkflowOperation(client.StartWorkflowOptions, any,
	...any) client.WithStartWorkflowOperation {
	return nil
}

func (a *ahead) UpdateWithStartWorkflow(ctx context.Context,
	_ client.UpdateWithStartWorkflowOptions) (client.WorkflowUpdateHandle, error) {
	deadline, _ := ctx.Deadline()
	time.Sleep(time.Until(deadline.Add(-early / 10)))
	return nil, a.answer
}

// The server's timer for the caller's deadline may fire before the caller's own. What is returned then is the
// deadline, and it has passed for the caller's context too: a program may look at either.
func TestEndThatTheServerSeesFirst(t *testing.T) {
	for title, answer := range map[string]error{
		"its deadline":  serviceerror.NewDeadlineExceeded("context deadline exceeded"),
		"a cut stream":  serviceerror.NewCanceled("stream terminated by RST_STREAM with error code: CANCEL"),
		"the SDK's own": client.NewWorkflowUpdateServiceTimeoutOrCanceledError(context.DeadlineExceeded),
	} {
		t.Run(title, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := bounded(t, 4*time.Second)
				_, err := New(&ahead{answer: answer}, Options{}).Ensure(ctx, "shop",
					Spec{Names: []string{"www.example.com"}})
				require.Equal(t, context.DeadlineExceeded, err)
				require.Equal(t, context.DeadlineExceeded, ctx.Err())
			})
		})
	}
	t.Run("an answer", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx := bounded(t, 4*time.Second)
			refused := domain.NewFault(domain.FaultName, "Unauthorized", nil, "the CA saw 404")
			server := &ahead{answer: temporal.NewApplicationErrorWithOptions("", "Name",
				temporal.ApplicationErrorOptions{Details: []any{*refused}})}
			_, err := New(server, Options{}).Ensure(ctx, "shop", Spec{Names: []string{"www.example.com"}})
			requireFault(t, err, domain.FaultName, "Unauthorized", "the CA saw 404")
			require.NoError(t, ctx.Err(), "it is not held back")
		})
	})
}
