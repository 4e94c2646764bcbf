package caller

import (
	"context"

	enumspb "go.temporal.io/api/enums/v1"

	"everleaf/domain"
	"everleaf/domain/lifecycle"
	"everleaf/ports"
)

// retiredBefore answers a request to retire a certificate whose workflow has ended. why is the answer unless that has
// recorded its end. What the end has left at targets is not cleared any more: "StillDelivered".
func (c *Client) retiredBefore(ctx context.Context, name string, request RetireRequest, why error) (Status, error) {
	info, err := c.describe(ctx, ports.WorkflowID(name), "")
	if err != nil {
		return Status{}, ended(ctx, c.interpret(err, name))
	}
	switch info.GetStatus() {
	case enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED, enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED:
	default:
		return Status{}, why
	}
	last, err := c.lastStatus(ctx, name, info.GetExecution().GetRunId())
	if err != nil && (request.RemoveDeliveries || over(ctx)) {
		return Status{}, err
	}
	// Without a worker nobody knows more than that it has ended.
	last.Name, last.Phase, last.Step, last.Renewal, last.Failure, last.Already = name, domain.PhaseReleased, "", nil,
		nil,
		true
	if request.RemoveDeliveries {
		if fault := lifecycle.StillDelivered(name, last.Deliveries); fault != nil {
			return last, fault
		}
	}
	return last, nil
}

// lastStatus is what the workflow would say of itself as it was when it ended.
func (c *Client) lastStatus(ctx context.Context, name, run string) (last Status, err error) {
	bounded, cancel := forQuery(ctx)
	defer cancel()
	answer, err := c.temporal.QueryWorkflow(bounded, ports.WorkflowID(name), run, ports.StatusQuery)
	if err == nil {
		err = answer.Get(&last)
	}
	if err != nil {
		return Status{}, ended(ctx, c.interpret(err, name))
	}
	return last, nil
}
