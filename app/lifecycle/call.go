package lifecycle

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"everleaf/app/internal/fault"
	"everleaf/domain"
	"everleaf/domain/lifecycle"
	"everleaf/ports"
)

// A short step touches Postgres alone. It runs within the workflow task, which costs no action of its own and no second
// task. A query waits while a task is at work, so the step has less than a second there.
var localOptions = workflow.LocalActivityOptions{
	StartToCloseTimeout:    700 * time.Millisecond,
	ScheduleToCloseTimeout: 700 * time.Millisecond,
	RetryPolicy:            &temporal.RetryPolicy{InitialInterval: 100 * time.Millisecond, MaximumAttempts: 2},
}

// slowOptions are those of a short step that Postgres did not answer in time: an activity holds up nobody.
var slowOptions = workflow.ActivityOptions{
	StartToCloseTimeout:    15 * time.Second,
	ScheduleToCloseTimeout: 30 * time.Second,
	WaitForCancellation:    true,
	RetryPolicy:            &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2},
}

// remoteOptions are those of a step that meets the outside world. A heartbeat shows within seconds that a worker was
// killed. What follows a cancelled step must not run before that has ended. There is no bound on attempts: a worker
// that stops, is killed or does not know the step yet is no failure of the step's own, and those the step itself
// counts.
var remoteOptions = workflow.ActivityOptions{
	HeartbeatTimeout:    15 * time.Second,
	WaitForCancellation: true,
	RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2,
		MaximumInterval: 30 * time.Second},
}

// obtaining: an attempt lasts minutes at most, and ends early where the CA asks to wait; CAs may take hours.
func obtaining(m *lifecycle.Machine, queue string) workflow.ActivityOptions {
	options := remoteOptions
	options.TaskQueue = ports.AuthorizationTaskQueue(queue)
	options.StartToCloseTimeout, options.ScheduleToCloseTimeout = 10*time.Minute, 24*time.Hour
	options.Priority = priority(m, m.Priority)
	return options
}

func revoking(m *lifecycle.Machine, queue string) workflow.ActivityOptions {
	options := remoteOptions
	options.TaskQueue = ports.AuthorizationTaskQueue(queue)
	options.StartToCloseTimeout, options.ScheduleToCloseTimeout = 10*time.Minute, 30*time.Minute
	options.Priority = priority(m, domain.PriorityUrgent)
	return options
}

// targetTime is what a step for a target has.
const targetTime = 3 * time.Minute

// delivering is bounded to minutes: a target that hangs is tried again later, as the policy says.
func delivering(m *lifecycle.Machine, queue, target string, urgency int) workflow.ActivityOptions {
	_, host := lifecycle.TargetHost(target)
	options := remoteOptions
	options.TaskQueue = ports.DeliveryTaskQueue(queue, host)
	options.StartToCloseTimeout, options.ScheduleToCloseTimeout = 90*time.Second, targetTime
	options.Priority = priority(m, urgency)
	options.Summary = target
	return options
}

// priority is how a step is queued: by urgency, where callers wait a bit earlier, and fairly between tenants.
func priority(m *lifecycle.Machine, urgency int) temporal.Priority {
	if urgency < domain.PriorityUrgent { // the policy has given none
		urgency = domain.PriorityUsual
	}
	if m.Awaited() {
		urgency = min(urgency, domain.PriorityAwaited)
	}
	p := temporal.Priority{PriorityKey: urgency}
	// A longer one, of a forged input, would fail the workflow's task for ever.
	if len(m.Tenant) <= domain.MaxFairnessKey {
		p.FairnessKey = m.Tenant
	}
	return p
}

// short runs a short step, beside what follows.
func short[In, Out any](ctx workflow.Context, r *run, step ports.Step[In, Out], in In, done func(Out),
	failed func(domain.Fault)) {
	options := localOptions
	options.Summary = step.Summary
	local := workflow.ExecuteLocalActivity(workflow.WithLocalActivityOptions(ctx, options), step.Name, in)
	workflow.Go(ctx, func(ctx workflow.Context) {
		if !timedOut(local.Get(ctx, nil)) {
			outcome(ctx, r, local, done, failed)
			return
		}
		options := slowOptions
		options.TaskQueue = ports.AuthorizationTaskQueue(r.queue)
		options.Priority = priority(r.machine, domain.PriorityUrgent)
		options.Summary = step.Summary
		slow := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, options), step.Name, in)
		outcome(ctx, r, slow, done, func(fault domain.Fault) {
			if fault.Reason == domain.ReasonStepTimedOut { // a short step waits for nothing else
				fault.Reason, fault.Message = domain.ReasonDatabaseUnavailable, "Postgres did not answer within 30 s"
			}
			failed(fault)
		})
	})
}

func timedOut(err error) bool {
	return err != nil && fault.Of(err).Reason == domain.ReasonStepTimedOut
}

// remote runs a step as an activity, beside what follows.
func remote[In, Out any](ctx workflow.Context, r *run, options workflow.ActivityOptions, step ports.Step[In, Out],
	in In,
	done func(Out), failed func(domain.Fault)) {
	if options.Summary != "" {
		options.Summary = step.Summary + " " + options.Summary
	} else {
		options.Summary = step.Summary
	}
	future := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, options), step.Name, in)
	workflow.Go(ctx, func(ctx workflow.Context) { outcome(ctx, r, future, done, failed) })
}

func outcome[Out any](ctx workflow.Context, r *run, future workflow.Future, done func(Out), failed func(domain.Fault)) {
	var out Out
	if err := future.Get(ctx, &out); err != nil {
		failed(fault.Of(err))
	} else {
		done(out)
	}
	r.publish(ctx)
	r.woken = true
}
