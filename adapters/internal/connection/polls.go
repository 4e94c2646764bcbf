package connection

import (
	"context"
	"fmt"
	"time"

	deploymentpb "go.temporal.io/api/deployment/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
)

// Polls is what the server knows of those who poll a task queue.
type Polls struct {
	// Last is when it last saw one of them: the zero time if it knows of none, for it keeps them for five minutes.
	Last time.Time
	// Waiting says which deployment version polls without getting tasks, and how to change that, where the server sends
	// the tasks to none of those who poll. It is empty where somebody gets them.
	Waiting string
}

// LastPolls is what the server knows of those among who that poll a task queue for one type of task. It keeps the
// pollers of each partition of a queue apart, and whom the root does not know may poll another one: those are asked
// where nobody at the root gets tasks, or polled for longer than fresh. The namespace must be known. Faults: those of
// Probe.
func LastPolls(ctx context.Context, c client.Client, target Target, queue string, kind enumspb.TaskQueueType,
	fresh time.Duration, who func(identity string) bool) (Polls, error) {
	var found seen
	err := found.look(ctx, c, target, queue, kind, fresh, who)
	if err != nil || found.routed {
		return found.polls(), err
	}
	partitions, err := c.WorkflowService().ListTaskQueuePartitions(ctx, &workflowservice.ListTaskQueuePartitionsRequest{
		Namespace: target.Namespace, TaskQueue: &taskqueue.TaskQueue{Name: queue},
	})
	if err != nil {
		return found.polls(), Reached(err, target)
	}
	// The answer knows workflow and activity queues; Nexus queues are partitioned alike.
	list := partitions.GetActivityTaskQueuePartitions()
	if kind == enumspb.TASK_QUEUE_TYPE_WORKFLOW {
		list = partitions.GetWorkflowTaskQueuePartitions()
	}
	for _, partition := range list {
		if err := found.look(ctx, c, target, partition.GetKey(), kind, fresh, who); err != nil {
			return found.polls(), err
		}
	}
	return found.polls(), nil
}

// seen is what the partitions that were asked know together.
type seen struct {
	last time.Time
	// routed reports whether one that polled within fresh gets tasks, and waiting says why one does not.
	routed  bool
	waiting string
}

func (s *seen) polls() Polls {
	if s.routed {
		return Polls{Last: s.last}
	}
	return Polls{Last: s.last, Waiting: s.waiting}
}

func (s *seen) look(ctx context.Context, c client.Client, target Target, partition string, kind enumspb.TaskQueueType,
	fresh time.Duration, who func(identity string) bool) error {
	described, err := c.WorkflowService().DescribeTaskQueue(ctx, &workflowservice.DescribeTaskQueueRequest{
		Namespace: target.Namespace, TaskQueue: &taskqueue.TaskQueue{Name: partition}, TaskQueueType: kind,
	})
	if err != nil {
		return Reached(err, target)
	}
	for _, poller := range described.GetPollers() {
		at := poller.GetLastAccessTime().AsTime()
		if !who(poller.GetIdentity()) {
			continue
		}
		if at.After(s.last) {
			s.last = at
		}
		if time.Since(at) > fresh {
			continue
		}
		version := versionOf(poller.GetDeploymentOptions())
		if getsTasks(version, described.GetVersioningInfo()) {
			s.routed = true
		} else {
			s.waiting = waiting(version)
		}
	}
	return nil
}

// versionOf is nil for a worker without versioning.
func versionOf(options *deploymentpb.WorkerDeploymentOptions) *deploymentpb.WorkerDeploymentVersion {
	if options.GetWorkerVersioningMode() != enumspb.WORKER_VERSIONING_MODE_VERSIONED {
		return nil
	}
	return &deploymentpb.WorkerDeploymentVersion{DeploymentName: options.GetDeploymentName(),
		BuildId: options.GetBuildId()}
}

// getsTasks reports whether tasks of new and of auto-upgrade workflows go to a version; nil stands for workers without
// versioning on both sides.
func getsTasks(version *deploymentpb.WorkerDeploymentVersion, routing *taskqueue.TaskQueueVersioningInfo) bool {
	same := func(other *deploymentpb.WorkerDeploymentVersion) bool {
		return version.GetDeploymentName() == other.GetDeploymentName() && version.GetBuildId() == other.GetBuildId()
	}
	return same(routing.GetCurrentDeploymentVersion()) ||
		routing.GetRampingVersionPercentage() > 0 && same(routing.GetRampingDeploymentVersion())
}

func waiting(version *deploymentpb.WorkerDeploymentVersion) string {
	if version == nil {
		return "its tasks go to a worker deployment version, and the workers that poll it have none: start workers with " +
			"--worker-versioning (EVERLEAF_WORKER_VERSIONING)"
	}
	return fmt.Sprintf("the workers that poll it are build %q of worker deployment %q, which is not its current version, so "+
		"no task reaches them: temporal worker deployment set-current-version --deployment-name %s --build-id %s",
		version.GetBuildId(), version.GetDeploymentName(), version.GetDeploymentName(), version.GetBuildId())
}
