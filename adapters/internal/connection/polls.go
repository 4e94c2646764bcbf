package connection

import (
	"context"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
)

// LastPoll is when the server last saw somebody among who poll a task queue for one type of task: the zero time if it
// knows of none, for it keeps them for five minutes. It keeps the pollers of each partition of a queue apart, and whom
// the root does not know may poll another one: those are asked where the root has seen nobody for longer than fresh.
// The namespace must be known. Faults: those of Probe.
func LastPoll(ctx context.Context, c client.Client, target Target, queue string, kind enumspb.TaskQueueType,
	fresh time.Duration, who func(identity string) bool) (time.Time, error) {
	last, err := lastPollAt(ctx, c, target, queue, kind, who)
	if err != nil || time.Since(last) <= fresh {
		return last, err
	}
	partitions, err := c.WorkflowService().ListTaskQueuePartitions(ctx, &workflowservice.ListTaskQueuePartitionsRequest{
		Namespace: target.Namespace, TaskQueue: &taskqueue.TaskQueue{Name: queue},
	})
	if err != nil {
		return last, Reached(err, target)
	}
	// The answer knows workflow and activity queues; Nexus queues are partitioned alike.
	list := partitions.GetActivityTaskQueuePartitions()
	if kind == enumspb.TASK_QUEUE_TYPE_WORKFLOW {
		list = partitions.GetWorkflowTaskQueuePartitions()
	}
	for _, partition := range list {
		at, err := lastPollAt(ctx, c, target, partition.GetKey(), kind, who)
		if err != nil {
			return last, err
		}
		if at.After(last) {
			last = at
		}
	}
	return last, nil
}

func lastPollAt(ctx context.Context, c client.Client, target Target, partition string, kind enumspb.TaskQueueType,
	who func(identity string) bool) (last time.Time, err error) {
	described, err := c.WorkflowService().DescribeTaskQueue(ctx, &workflowservice.DescribeTaskQueueRequest{
		Namespace: target.Namespace, TaskQueue: &taskqueue.TaskQueue{Name: partition}, TaskQueueType: kind,
	})
	if err != nil {
		return last, Reached(err, target)
	}
	for _, seen := range described.GetPollers() {
		if at := seen.GetLastAccessTime().AsTime(); who(seen.GetIdentity()) && at.After(last) {
			last = at
		}
	}
	return last, nil
}
