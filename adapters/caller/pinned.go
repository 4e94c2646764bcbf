package caller

import (
	"context"
	"errors"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
)

const (
	// sendTimeout is more than the 20 s for which the server holds an update that is not accepted yet.
	sendTimeout = 25 * time.Second
	// endedTimeout is for a run that has ended: what it knows, it answers at once.
	endedTimeout = 3 * time.Second
)

// sendPinned sends an update to a certain run. The server may answer an update that came just as its run continued as
// new with ResourceExhausted ("workflow is closing"), as long as it has that run in memory; the SDK then asks again for
// ever. So sendPinned answers itself that such a run does not know the update (NotFound): it was not accepted, and
// never will be.
func (c *Client) sendPinned(ctx context.Context,
	update client.UpdateWorkflowOptions) (client.WorkflowUpdateHandle, error) {
	handle, err := c.sendWithin(ctx, sendTimeout, update)
	if err == nil || over(ctx) || !timedOut(err) {
		return handle, err
	}
	info, describeErr := c.describe(ctx, update.WorkflowID, update.RunID)
	if describeErr != nil || info.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return nil, err // it is sent again
	}
	handle, err = c.sendWithin(ctx, endedTimeout, update)
	if err != nil && timedOut(err) && !over(ctx) {
		return nil, serviceerror.NewNotFound("the run ended without the update")
	}
	return handle, err
}

// sendTimedOut is the error of a send that took too long.
type sendTimedOut struct{ error }

func (e sendTimedOut) Unwrap() error { return e.error }

func timedOut(err error) bool { return errors.As(err, new(sendTimedOut)) }

func (c *Client) sendWithin(ctx context.Context, timeout time.Duration,
	update client.UpdateWorkflowOptions) (client.WorkflowUpdateHandle, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	handle, err := c.temporal.UpdateWorkflow(ctx, update)
	if err != nil && over(ctx) {
		return nil, sendTimedOut{err}
	}
	return handle, err
}
