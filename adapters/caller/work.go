package caller

import (
	"context"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/converter"

	"everleaf/adapters/internal/connection"
	"everleaf/domain"
	"everleaf/ports"
)

var _ ports.Onlooker = (*Client)(nil)

// Work implements ports.Onlooker. It asks the server within connection.ProbeTimeout.
func (c *Client) Work(ctx context.Context, name string) ([]domain.Work, error) {
	if err := domain.ValidateCertificateName(name); err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, connection.ProbeTimeout)
	defer cancel()
	workflow, err := c.temporal.DescribeWorkflow(bounded, ports.WorkflowID(name), "")
	if err != nil {
		return nil, ended(ctx, c.interpret(err, name))
	}
	described := workflow.RawResponse
	info := described.GetWorkflowExecutionInfo()
	if status := info.GetStatus(); status != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING &&
		status != enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW {
		return nil, ended(ctx, c.whyEnded(bounded, name, status, info))
	}
	var all []domain.Work
	for _, pending := range described.GetPendingActivities() {
		all = append(all, workOf(pending))
	}
	return all, nil
}

func workOf(pending *workflowpb.PendingActivityInfo) domain.Work {
	work := domain.Work{
		Step: pending.GetActivityType().GetName(), Attempt: int(pending.GetAttempt()),
		Since:   instant(pending.GetScheduledTime()),
		Queue:   pending.GetActivityOptions().GetTaskQueue().GetName(),
		Started: pending.GetState() == enumspb.PENDING_ACTIVITY_STATE_STARTED,
		Worker:  pending.GetLastWorkerIdentity(), Failure: domain.SeenText(pending.GetLastFailure().GetMessage()),
	}
	if !work.Started {
		work.NextTry = instant(pending.GetNextAttemptScheduleTime())
	}
	if last := instant(pending.GetLastAttemptCompleteTime()); !work.Started && !last.IsZero() {
		work.Since = last // the server has the next try's
	}
	var progress struct {
		domain.Look
		// Silent is since when the issuer has answered nothing.
		Silent time.Time `json:"silent"`
	}
	// What a step that is none of ours, or another release's, has in its heartbeats is not worth a failure.
	_ = converter.GetDefaultDataConverter().FromPayloads(pending.GetHeartbeatDetails(), &progress)
	if work.Look = progress.Look; !progress.Silent.IsZero() {
		work.Look.Since = progress.Silent
	}
	work.For, work.Seen = domain.SeenText(work.For), domain.SeenText(work.Seen)
	return work
}

// instant is zero for a stamp that is not there.
func instant(stamp interface {
	IsValid() bool
	AsTime() time.Time
}) time.Time {
	if !stamp.IsValid() {
		return time.Time{}
	}
	return stamp.AsTime()
}
