package activities

import (
	"context"

	"go.temporal.io/sdk/temporal"

	"everleaf/domain"
)

// classify is the one gate through which a step's error reaches Temporal: the fault's kind is the error's type, the
// fault its first detail, and only a transient fault is retried in place; every other wait is the workflow's.
func classify(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return err // cancelled, timed out or shutting down: Temporal knows which
	}
	fault := domain.AsFault(err)
	detail := *fault
	detail.Message = fault.Error() // the cause does not travel, its words do
	return temporal.NewApplicationErrorWithOptions(detail.Message, string(fault.Kind), temporal.ApplicationErrorOptions{
		NonRetryable: !fault.Transient(), Details: []any{detail},
	})
}
