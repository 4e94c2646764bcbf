package caller

import (
	"context"
	"time"

	enumspb "go.temporal.io/api/enums/v1"

	"everleaf/adapters/internal/connection"
	"everleaf/domain"
	"everleaf/ports"
)

var _ ports.QueueChecker = (*Client)(nil)

// remembered is how long after its last poll a worker counts: a poll that finds nothing ends after a minute, and the
// next one follows at once. The server keeps pollers for five.
const remembered = 90 * time.Second

// CheckQueue implements ports.QueueChecker.
func (c *Client) CheckQueue(ctx context.Context, name string) (queue string, err error) {
	if err := domain.ValidateCertificateName(name); err != nil {
		return "", err
	}
	bounded, cancel := context.WithTimeout(ctx, connection.ProbeTimeout)
	defer cancel()
	queue = c.queueOf(bounded, name)
	polled, waiting, err := c.polled(bounded, queue)
	switch {
	case err != nil:
		return queue, ended(ctx, err)
	case !polled:
		return queue, c.noWorkerFault(name, queue)
	case waiting != "":
		return queue, domain.NewFault(domain.FaultWait, domain.ReasonNoWorker, nil,
			"no worker gets the tasks of task queue %q of %s: %s", queue, c.target.Place(), waiting)
	}
	return queue, nil
}

// queueOf is the task queue of the certificate's workflow, or where it would be started. A server that does not say so
// leaves half of the time for the queue itself.
func (c *Client) queueOf(ctx context.Context, name string) string {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(deadline)/2)
		defer cancel()
	}
	described, err := c.temporal.DescribeWorkflow(ctx, ports.WorkflowID(name), "")
	if err != nil || described.Status != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return c.target.TaskQueue
	}
	return described.RawResponse.GetExecutionConfig().GetTaskQueue().GetName()
}

// polled reports whether the server has seen a poll of the queue for workflow tasks in the last minutes; waiting says
// why those who poll get no tasks. Of a client that does not say which namespace is its own, only the root of the queue
// can be asked, and not that.
func (c *Client) polled(ctx context.Context, queue string) (polled bool, waiting string, err error) {
	if c.target.Namespace == "" {
		described, err := c.temporal.DescribeTaskQueue(ctx, queue, enumspb.TASK_QUEUE_TYPE_WORKFLOW)
		return len(described.GetPollers()) > 0, "", connection.Reached(err, c.target)
	}
	polls, err := connection.LastPolls(ctx, c.temporal, c.target, queue, enumspb.TASK_QUEUE_TYPE_WORKFLOW, remembered,
		func(string) bool { return true })
	return !polls.Last.IsZero(), polls.Waiting, err
}

// noWorkerFault says where nobody works: on the queue that the call is for, or on another one.
func (c *Client) noWorkerFault(name, queue string) error {
	if queue == c.target.TaskQueue {
		return domain.NewFault(domain.FaultWait, domain.ReasonNoWorker, nil,
			"no worker answers on task queue %q of %s; start one with `everleaf worker`, or correct --task-queue "+
				"(EVERLEAF_TASK_QUEUE)", queue, c.target.Place())
	}
	return domain.NewFault(domain.FaultWait, domain.ReasonNoWorker, nil,
		"the workflow of certificate %q is on task queue %q of %s, where no worker answers, and not on %q, which this call is "+
			"for; start a worker with --task-queue %s (EVERLEAF_TASK_QUEUE), or move the certificate: terminate its workflow "+
			"(temporal workflow terminate --workflow-id %s) and run `everleaf cert ensure` again, which goes on with what is "+
			"stored", name, queue, c.target.Place(), c.target.TaskQueue, queue, ports.WorkflowID(name))
}

// whyNoAnswer distinguishes a server that is gone from one that waited for a worker in vain.
func (c *Client) whyNoAnswer(ctx context.Context, name string) error {
	queue, err := c.CheckQueue(ctx, name)
	if err != nil {
		return err
	}
	return domain.NewFault(domain.FaultWait, domain.ReasonNoAnswer, nil,
		"the workers of task queue %q did not answer in time; they are busy or have just stopped: ask again", queue)
}
