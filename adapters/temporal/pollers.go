package temporal

import (
	"context"
	"fmt"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"everleaf/domain"
)

// pollerAge is how old the server's last word of a poller may be. It notes the instant when a poll begins and when it
// ends, at most 60 s later, and keeps it for five minutes; the rest is for its clock and ours to differ.
const pollerAge = 2 * time.Minute

// PolledQueue is a task queue and what is polled from it.
type PolledQueue struct {
	Name string
	Type enumspb.TaskQueueType
}

// String is how people see it.
func (q PolledQueue) String() string {
	kind := strings.ToLower(strings.TrimPrefix(q.Type.String(), "TASK_QUEUE_TYPE_"))
	return fmt.Sprintf("%s (%s)", q.Name, kind)
}

// CheckReachable asks once whether the server answers and has the namespace. Faults: those of WaitReachable.
func CheckReachable(ctx context.Context, c client.Client, config Config) (detail string, err error) {
	if err := probe(ctx, c, config); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s answers for namespace %q", config.Client.HostPort, config.Client.Namespace), nil
}

// CheckPollers asks the server whether it sees the poller of this identity on each queue: that work which is put
// there would reach this process. Faults: Wait "NoPoller", which names the queue and since when nothing was seen; those
// of WaitReachable.
func CheckPollers(ctx context.Context, c client.Client, config Config, identity string, queues []PolledQueue) (detail string, err error) {
	seen := make([]string, 0, len(queues))
	for _, queue := range queues {
		last, err := lastPoll(ctx, c, config, identity, queue)
		age := time.Since(last).Round(time.Second)
		switch {
		case err != nil:
			return "", err
		case last.IsZero():
			return "", domain.NewFault(domain.FaultWait, "NoPoller", nil,
				"the server does not see %s polling task queue %s; the log says why polls fail", identity, queue)
		case age > pollerAge:
			return "", domain.NewFault(domain.FaultWait, "NoPoller", nil,
				"the server last saw %s polling task queue %s %s ago; the log says why polls fail", identity, queue, age)
		}
		seen = append(seen, fmt.Sprintf("%s %s ago", queue, max(age, 0)))
	}
	return strings.Join(seen, ", "), nil
}

// lastPoll is zero if the server knows of none. It keeps the pollers of each partition of a queue apart, and whom the
// root does not know may poll another one.
func lastPoll(ctx context.Context, c client.Client, config Config, identity string, queue PolledQueue) (time.Time, error) {
	last, err := lastPollAt(ctx, c, config, identity, queue, queue.Name)
	if err != nil || time.Since(last) <= pollerAge {
		return last, err
	}
	partitions, err := c.WorkflowService().ListTaskQueuePartitions(ctx, &workflowservice.ListTaskQueuePartitionsRequest{
		Namespace: config.Client.Namespace, TaskQueue: &taskqueue.TaskQueue{Name: queue.Name},
	})
	if err != nil {
		return last, reached(err, config)
	}
	// The answer knows workflow and activity queues; Nexus queues are partitioned alike.
	list := partitions.GetActivityTaskQueuePartitions()
	if queue.Type == enumspb.TASK_QUEUE_TYPE_WORKFLOW {
		list = partitions.GetWorkflowTaskQueuePartitions()
	}
	for _, partition := range list {
		at, err := lastPollAt(ctx, c, config, identity, queue, partition.GetKey())
		if err != nil {
			return last, err
		}
		if at.After(last) {
			last = at
		}
	}
	return last, nil
}

func lastPollAt(ctx context.Context, c client.Client, config Config, identity string, queue PolledQueue, partition string) (last time.Time, err error) {
	described, err := c.WorkflowService().DescribeTaskQueue(ctx, &workflowservice.DescribeTaskQueueRequest{
		Namespace: config.Client.Namespace, TaskQueue: &taskqueue.TaskQueue{Name: partition}, TaskQueueType: queue.Type,
	})
	if err != nil {
		return last, reached(err, config)
	}
	for _, poller := range described.GetPollers() {
		if at := poller.GetLastAccessTime().AsTime(); poller.GetIdentity() == identity && at.After(last) {
			last = at
		}
	}
	return last, nil
}
