package sweep

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"everleaf/domain"
	"everleaf/ports"
)

// page is how a step is run that works on pages for a few minutes. What it could not do is due at the next sweep, so it
// is given up soon: sweeps do not overlap, and one that hangs would hold up the next.
var page = workflow.ActivityOptions{
	StartToCloseTimeout:    5 * time.Minute,
	ScheduleToCloseTimeout: 15 * time.Minute,
	// Longer than what the SDK holds heartbeats back for, so that a page of seconds costs none.
	HeartbeatTimeout: time.Minute,
	// Certificates come first: nobody waits for a sweep.
	Priority: temporal.Priority{PriorityKey: domain.PrioritySweep},
	RetryPolicy: &temporal.RetryPolicy{
		InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 30 * time.Second,
	},
}

const (
	// hostGone is how long a host's queue is given to take a page: the host of a target may be switched off, or gone.
	hostGone = 30 * time.Second
	// counting bounds the count of what is due.
	counting = 2 * time.Minute
)

// remote runs a step on a queue.
func remote[In, Out any](ctx workflow.Context, queue string, step ports.Step[In, Out], in In,
	adapt ...func(*workflow.ActivityOptions)) (Out, error) {
	var out Out
	options := page
	options.TaskQueue, options.Summary = queue, step.Summary
	for _, adapt := range adapt {
		adapt(&options)
	}
	err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, options), step.Name, in).Get(ctx, &out)
	return out, err
}

// shortly is for the one statement that counts; it sends no heartbeat.
func shortly(options *workflow.ActivityOptions) {
	options.StartToCloseTimeout, options.HeartbeatTimeout = counting, 0
}

// ifThere gives a queue up that nobody polls.
func ifThere(options *workflow.ActivityOptions) { options.ScheduleToStartTimeout = hostGone }
