package caller

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
)

// closing is a server whose certificate's run continues as new just as an update reaches it: it holds that update off
// for ever. The next run takes it.
type closing struct {
	client.Client
	// closesAfter is how many sends the first run holds off before it has ended.
	closesAfter int
	sent        map[string]int
	// ahead is by how much it sees the end of a call before the client does.
	ahead time.Duration
}

func (c *closing) DescribeTaskQueue(context.Context, string,
	enumspb.TaskQueueType) (*workflowservice.DescribeTaskQueueResponse, error) {
	return &workflowservice.DescribeTaskQueueResponse{}, nil
}

func (c *closing) DescribeWorkflow(_ context.Context, _, run string) (*client.WorkflowExecutionDescription, error) {
	status := enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
	ended := c.sent["first"] >= c.closesAfter && c.sent["first"] > 0
	if run == "" {
		run = "first"
		if ended {
			run = "next"
		}
	} else if run == "first" && ended {
		status = enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW
	}
	return &client.WorkflowExecutionDescription{RawResponse: &workflowservice.DescribeWorkflowExecutionResponse{
		WorkflowExecutionInfo: &workflowpb.WorkflowExecutionInfo{Execution: &commonpb.WorkflowExecution{RunId: run},
			Status: status},
	}}, nil
}

func (c *closing) UpdateWorkflow(ctx context.Context,
	update client.UpdateWorkflowOptions) (client.WorkflowUpdateHandle, error) {
	c.sent[update.RunID]++
	if update.RunID == "first" {
		if deadline, _ := ctx.Deadline(); c.ahead > 0 {
			time.Sleep(time.Until(deadline.Add(-c.ahead)))
			return nil, serviceerror.NewDeadlineExceeded("context deadline exceeded")
		}
		<-ctx.Done() // the SDK tries again until then
		return nil, ctx.Err()
	}
	return answered{}, nil
}

type answered struct{ client.WorkflowUpdateHandle }

func (answered) Get(_ context.Context, out any) error {
	out.(*Status).Cycle = 2
	return nil
}

// A request that meets the end of a run goes to the next one, and is not held off for as long as the caller waits.
func TestRequestThatMeetsTheEndOfARun(t *testing.T) {
	for title, c := range map[string]struct {
		closesAfter int
		within      time.Duration
		ahead       time.Duration
	}{
		"it has ended": {1, 30 * time.Second, 0},
		"the server sees the end of a call first": {1, 30 * time.Second, time.Millisecond},
		"it is slow, then it ends":                {3, 90 * time.Second, 0},
	} {
		t.Run(title, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &closing{closesAfter: c.closesAfter, sent: map[string]int{}, ahead: c.ahead}
				began := time.Now()
				got, err := New(server, Options{}).Renew(t.Context(), "shop", RenewRequest{})
				require.NoError(t, err)
				require.Equal(t, 2, got.Cycle)
				require.Less(t, time.Since(began), c.within)
				require.Equal(t, 1, server.sent["next"], "once")
			})
		})
	}
}
