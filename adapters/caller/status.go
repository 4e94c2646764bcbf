package caller

import (
	"context"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/client"

	"everleaf/adapters/internal/connection"
	"everleaf/domain"
	"everleaf/ports"
)

// queryTimeout bounds a query. A worker answers in milliseconds, but not while it runs a local activity: that has less
// than a second. The server tries another worker after 5 s. The SDK ends a call after 10 s.
const queryTimeout = 10 * time.Second

// forQuery bounds a query by queryTimeout and by half of the caller's time: the rest is for finding out why no answer
// came.
func forQuery(ctx context.Context) (context.Context, context.CancelFunc) {
	timeout := queryTimeout
	if deadline, ok := ctx.Deadline(); ok {
		timeout = min(timeout, time.Until(deadline)/2)
	}
	return context.WithTimeout(ctx, timeout)
}

// Status implements ports.Keeper. It answers within queryTimeout and connection.ProbeTimeout at the latest; without a
// worker, with a Wait fault "NoWorker" that names the task queue, and with "NoAnswer" where workers have been seen but
// did not answer. A workflow that has ended answers queries too, as if it still kept its certificate: it is a Spec
// fault "WorkflowEnded", and "UnknownCertificate" if it only ever refused what it was asked for.
func (c *Client) Status(ctx context.Context, name string) (Status, error) {
	if err := domain.ValidateCertificateName(name); err != nil {
		return Status{}, err
	}
	bounded, cancel := forQuery(ctx)
	defer cancel()
	var found Status
	answer, err := c.query(bounded, name)
	// The run may end between the server's look at which is the latest and its query: the next run answers then.
	for err == nil && answer.QueryRejected.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW {
		answer, err = c.query(bounded, name)
	}
	if err == nil && answer.QueryRejected != nil {
		// When it ended is added if the server says so: it is not worth a failure.
		info, _ := c.describe(bounded, ports.WorkflowID(name), "")
		return Status{}, ended(ctx, c.whyEnded(bounded, name, answer.QueryRejected.GetStatus(), info))
	}
	if err == nil {
		err = answer.QueryResult.Get(&found)
	}
	switch {
	case err == nil:
		return found, nil
	case over(ctx):
		return Status{}, ctx.Err()
	case connection.Transient(err), unpolled(err):
		return Status{}, ended(ctx, c.whyNoAnswer(ctx, name))
	default:
		return Status{}, c.interpret(err, name)
	}
}

// describe is what the server knows of a run; of the latest if run is empty.
func (c *Client) describe(ctx context.Context, workflowID, run string) (*workflowpb.WorkflowExecutionInfo, error) {
	described, err := c.temporal.DescribeWorkflow(ctx, workflowID, run)
	if err != nil {
		return nil, err
	}
	return described.RawResponse.GetWorkflowExecutionInfo(), nil
}

func (c *Client) query(ctx context.Context, name string) (*client.QueryWorkflowWithOptionsResponse, error) {
	return c.temporal.QueryWorkflowWithOptions(ctx, &client.QueryWorkflowWithOptionsRequest{
		WorkflowID:           ports.WorkflowID(name), // and no run: the latest
		QueryType:            ports.StatusQuery,
		QueryRejectCondition: enumspb.QUERY_REJECT_CONDITION_NOT_OPEN,
	})
}

// Watch looks at a certificate every so often and yields its status when that has changed, the first one at once. A
// fault is yielded, too, once while it stays the same. It ends when the loop over it does, or with ctx, of which it
// yields nothing. Each look is a query, which Temporal Cloud bills: seconds while a certificate is obtained, not for
// ever.
func (c *Client) Watch(ctx context.Context, name string, every time.Duration) Statuses {
	return Watch(ctx, every, func(ctx context.Context) (Status, error) { return c.Status(ctx, name) })
}
