package lifecycle

import (
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"everleaf/domain"
	"everleaf/ports"
)

// Short idempotent steps (Postgres, a few CA calls) run as local activities: one workflow task serves several, and
// a renewal stays within five billable actions. A kill repeats them whole.
var shortStep = workflow.LocalActivityOptions{
	StartToCloseTimeout:    time.Minute,
	ScheduleToCloseTimeout: 3 * time.Minute,
	RetryPolicy: &temporal.RetryPolicy{
		InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 10 * time.Second, MaximumAttempts: 5,
	},
}

// Long waits (the CA looks at our challenges) are activities of their own. The heartbeat tells a killed worker
// within seconds; the first one is due after a few, so a quick authorization costs none.
var longStep = workflow.ActivityOptions{
	StartToCloseTimeout:    10 * time.Minute,
	ScheduleToCloseTimeout: 30 * time.Minute,
	HeartbeatTimeout:       15 * time.Second,
	// What comes after a cancelled step removes its challenges: it must not run before the step has ended.
	WaitForCancellation: true,
	RetryPolicy: &temporal.RetryPolicy{
		InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 30 * time.Second,
		// About a minute and a half: then the failure is readable, and the ladder's.
		MaximumAttempts: 8,
	},
}

// local runs a step in the workflow task.
func local[In, Out any](ctx workflow.Context, step ports.Step[In, Out], in In) (Out, error) {
	var out Out
	options := shortStep
	options.Summary = step.Summary
	err := workflow.ExecuteLocalActivity(workflow.WithLocalActivityOptions(ctx, options), step.Name, in).Get(ctx, &out)
	return out, err
}

// remote runs a step as an activity of its own.
func remote[In, Out any](ctx workflow.Context, step ports.Step[In, Out], in In) (Out, error) {
	var out Out
	options := longStep
	options.Summary = step.Summary
	err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, options), step.Name, in).Get(ctx, &out)
	return out, err
}

// faultOf finds the fault that a step's adapter put into its error.
func faultOf(err error) *domain.Fault {
	var application *temporal.ApplicationError
	if errors.As(err, &application) && application.HasDetails() {
		var fault domain.Fault
		if application.Details(&fault) == nil && fault.Kind != "" {
			return &fault
		}
	}
	if temporal.IsCanceledError(err) {
		return domain.NewFault(domain.FaultOperator, domain.ReasonCancelled, nil, "the workflow was cancelled")
	}
	var timeout *temporal.TimeoutError
	if errors.As(err, &timeout) {
		return domain.NewFault(domain.FaultWait, domain.ReasonStepTimedOut, err, "the step did not finish in time")
	}
	return domain.AsFault(err)
}
