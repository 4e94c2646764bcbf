package temporal

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"everleaf/adapters/internal/connection"
	"everleaf/domain"
)

// pollerAge is how old the server's last word of a poller may be. It notes the instant when a poll begins and when it
// ends, at most 60 s later, and keeps it for five minutes; the rest is for its clock and ours to differ.
const pollerAge = 2 * time.Minute

// Poller is who polls a task queue for one type of task.
type Poller struct {
	// Identity is the worker's, under which the server knows it.
	Identity  string
	TaskQueue string
	Type      enumspb.TaskQueueType
}

// String is how people see its queue.
func (p Poller) String() string {
	return fmt.Sprintf("%s (%s)", p.TaskQueue, strings.ToLower(strings.TrimPrefix(p.Type.String(), "TASK_QUEUE_TYPE_")))
}

// CheckReachable asks once whether the server answers and has the namespace. Faults: those of WaitReachable.
func CheckReachable(ctx context.Context, c client.Client, config Config) (detail string, err error) {
	if err := connection.Probe(ctx, c, config.Target()); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s answers for namespace %q", config.Client.HostPort, config.Client.Namespace), nil
}

// CheckPollers asks the server whether it sees all of these poll: that work which is put on their queues would reach
// them. A worker whose slots are all busy does not poll, and is not seen after a while. One whose deployment version is
// not current is ready, and the detail says that no task reaches it. Faults: Wait "NoPoller", which
// names the queue and since when nothing was seen; those of WaitReachable.
func CheckPollers(ctx context.Context, c client.Client, config Config, pollers []Poller) (detail string, err error) {
	seen, faults := make([]string, len(pollers)), make([]error, len(pollers))
	var all sync.WaitGroup
	for i, poller := range pollers { // side by side: a slow way to the server must not add up
		all.Go(func() { seen[i], faults[i] = checkPoller(ctx, c, config, poller) })
	}
	all.Wait()
	for _, fault := range faults {
		if fault != nil {
			return "", fault
		}
	}
	return strings.Join(seen, ", "), nil
}

// CheckPolled asks the server whether anybody polls the queue of a role and gets its tasks, for workflow tasks or else
// for activities. Faults: Wait "NoPoller", which names the queue and the role, or the deployment version that is not
// the current one; those of WaitReachable.
func CheckPolled(ctx context.Context, c client.Client, config Config, queue, role string,
	workflows bool) (seen string, err error) {
	kind := enumspb.TASK_QUEUE_TYPE_ACTIVITY
	if workflows {
		kind = enumspb.TASK_QUEUE_TYPE_WORKFLOW
	}
	polls, err := connection.LastPolls(ctx, c, config.Target(), queue, kind, pollerAge,
		func(string) bool { return true })
	switch age := time.Since(polls.Last).Round(time.Second); {
	case err != nil:
		return "", err
	case polls.Last.IsZero() || age > pollerAge:
		return "", domain.NewFault(domain.FaultWait, domain.ReasonNoPoller, nil,
			"nobody polls it, so that its work waits: start a worker with the role %s on this queue, or correct --task-queue "+
				"(EVERLEAF_TASK_QUEUE)", role)
	case polls.Waiting != "":
		return "", domain.NewFault(domain.FaultWait, domain.ReasonNoPoller, nil, "%s", polls.Waiting)
	default:
		return fmt.Sprintf("a worker polled it %s ago", max(age, 0)), nil
	}
}

func checkPoller(ctx context.Context, c client.Client, config Config, poller Poller) (detail string, err error) {
	polls, err := connection.LastPolls(ctx, c, config.Target(), poller.TaskQueue, poller.Type, pollerAge,
		func(identity string) bool { return identity == poller.Identity })
	age := time.Since(polls.Last).Round(time.Second)
	const busy = "all of its slots are busy, or the log says why its polls fail"
	switch {
	case err != nil:
		return "", err
	case polls.Last.IsZero():
		return "", domain.NewFault(domain.FaultWait, domain.ReasonNoPoller, nil,
			"the server does not see %s polling task queue %s: %s", poller.Identity, poller, busy)
	case age > pollerAge:
		return "", domain.NewFault(domain.FaultWait, domain.ReasonNoPoller, nil,
			"the server last saw %s polling task queue %s %s ago: %s", poller.Identity, poller, age, busy)
	}
	if polls.Waiting != "" { // as each build before it is promoted, and after another one was
		return fmt.Sprintf("%s %s ago, without tasks, for this build is not the current version of its deployment", poller,
			max(age, 0)), nil
	}
	return fmt.Sprintf("%s %s ago", poller, max(age, 0)), nil
}
