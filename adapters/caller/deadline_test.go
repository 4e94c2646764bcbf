package caller

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"everleaf/adapters/internal/connection"
	"everleaf/domain"
)

// silent is a server that has no worker. It says that a call's deadline has passed a little before the caller sees
// that.
type silent struct{ client.Client }

func (silent) DescribeTaskQueue(context.Context, string,
	enumspb.TaskQueueType) (*workflowservice.DescribeTaskQueueResponse, error) {
	return &workflowservice.DescribeTaskQueueResponse{}, nil
}

func (silent) DescribeWorkflow(ctx context.Context, _, _ string) (*client.WorkflowExecutionDescription, error) {
	return nil, late(ctx)
}

func (silent) QueryWorkflowWithOptions(ctx context.Context,
	_ *client.QueryWorkflowWithOptionsRequest) (*client.QueryWorkflowWithOptionsResponse, error) {
	return nil, late(ctx)
}

func late(ctx context.Context) error {
	if ctx.Err() != nil {
		return serviceerror.NewCanceled("context canceled")
	}
	deadline, _ := ctx.Deadline()
	time.Sleep(time.Until(deadline) - time.Millisecond)
	return serviceerror.NewDeadlineExceeded("context deadline exceeded")
}

// The caller's own end is its own error, and who then looks at the context sees the end too.
func TestServerAheadOfTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		defer cancel()
		_, err := New(silent{}, Options{}).Renew(ctx, "shop", RenewRequest{})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, ctx.Err(), context.DeadlineExceeded)
	})
}

// gone is a server that answers nothing.
type gone struct{ silent }

func (gone) DescribeTaskQueue(ctx context.Context, _ string,
	_ enumspb.TaskQueueType) (*workflowservice.DescribeTaskQueueResponse, error) {
	return nil, late(ctx)
}

// The caller's own end is its own error of a look at the queue, too, and a server that does not answer is Temporal's.
func TestCheckQueueEndsWithTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), connection.ProbeTimeout/2)
		defer cancel()
		_, err := New(gone{}, Options{}).CheckQueue(ctx, "shop")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, ctx.Err(), context.DeadlineExceeded)
		canceled, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = New(gone{}, Options{}).CheckQueue(canceled, "shop")
		require.Equal(t, context.Canceled, err)
		_, err = New(gone{}, Options{}).CheckQueue(t.Context(), "shop")
		requireFault(t, err, domain.FaultWait, "TemporalUnreachable", "")
	})
}

// A query that nobody answers leaves time to find out why, however short the caller's timeout.
func TestStatusSaysWhyThereIsNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, timeout := range []time.Duration{time.Second, 5 * time.Second, time.Minute} {
			ctx, cancel := context.WithTimeout(t.Context(), timeout)
			began := time.Now()
			_, err := New(silent{}, Options{}).Status(ctx, "shop")
			requireFault(t, err, domain.FaultWait, "NoWorker", "")
			require.NoError(t, ctx.Err(), timeout)
			require.LessOrEqual(t, time.Since(began), queryTimeout+connection.ProbeTimeout)
			cancel()
		}
	})
}
