package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"

	"everleaf/domain"
)

// tries is how often a step of its own is tried, about a minute and a half: then the failure policy decides. A try that
// a worker's stop cut short uses one up, but it never is the last, unless the step counts by itself (Tried).
const tries = 8

// classify is the one gate through which a step's error reaches Temporal: the fault's kind is the error's type, the
// fault its first detail, and only a transient fault is retried in place; every other wait is the workflow's.
func classify(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(context.Cause(ctx), worker.ErrWorkerShutdown) {
		return handedOverFault()
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return err // Temporal knows
	}
	// An answer that comes as the time runs out may still count, but not one that the end of the time makes.
	if _, ok := errors.AsType[*domain.Fault](err); ctx.Err() != nil && (!ok || errors.Is(err, ctx.Err())) {
		err = domain.NewFault(domain.FaultWait, domain.ReasonStepTimedOut, err, "the step did not finish in time")
	}
	if p, ok := errors.AsType[*parked](err); ok {
		return benign(p.fault, p.wait)
	}
	options := temporal.ApplicationErrorOptions{}
	last := lastTry(ctx)
	if t, ok := errors.AsType[*tried](err); ok {
		last, options.NextRetryDelay = t.failures >= tries, backoff(t.failures)
	}
	fault := domain.AsFault(err)
	detail := *fault
	detail.Message = fault.Error() // the cause does not travel, its words do
	options.NonRetryable, options.Details = !fault.Transient() || last, []any{detail}
	return temporal.NewApplicationErrorWithOptions(detail.Message, string(fault.Kind), options)
}

// lastTry reports whether the activity has no try left. In a workflow task it is false: there the retry policy counts.
func lastTry(ctx context.Context) bool {
	if !activity.IsActivity(ctx) {
		return false
	}
	info := activity.GetInfo(ctx)
	return !info.IsLocalActivity && info.Attempt >= tries
}

// handedOverFault is the error of a step that its worker's stop has cut short: another worker is to take it at once,
// without the pause that a failure would have. Zero would mean the retry policy's own pause.
func handedOverFault() error {
	return benign(domain.NewFault(domain.FaultWait, domain.ReasonWorkerStopping, nil,
		"the worker stops; another one takes the step over"),
		time.Millisecond)
}

// benign is an error that is nobody's failure, so it is counted and logged as none.
func benign(fault *domain.Fault, wait time.Duration) error {
	detail := *fault
	detail.Message = fault.Error()
	return temporal.NewApplicationErrorWithOptions(detail.Message, string(fault.Kind), temporal.ApplicationErrorOptions{
		NextRetryDelay: wait, Category: temporal.ApplicationErrorCategoryBenign, Details: []any{detail},
	})
}
