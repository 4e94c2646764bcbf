// Package fault carries faults through Temporal's errors. Workflows replay it.
package fault

import (
	"errors"

	"go.temporal.io/sdk/temporal"

	"everleaf/domain"
)

// Of is the fault in a step's error. The adapters put one into every error that they make; what Temporal itself reports
// gets one here.
func Of(err error) domain.Fault {
	var application *temporal.ApplicationError
	if errors.As(err, &application) && application.HasDetails() {
		var fault domain.Fault
		if application.Details(&fault) == nil && fault.Kind != "" {
			return fault
		}
	}
	var timeout *temporal.TimeoutError
	switch {
	case temporal.IsCanceledError(err):
		return domain.Fault{Kind: domain.FaultOperator, Reason: domain.ReasonCancelled,
			Message: "the workflow was cancelled"}
	case errors.As(err, &timeout):
		return domain.Fault{
			Kind: domain.FaultWait, Reason: domain.ReasonStepTimedOut, Message: "the step did not finish in time (" +
				timeout.TimeoutType().String() + ")",
		}
	case application != nil:
		return domain.Fault{Kind: domain.FaultOperator, Reason: domain.ReasonUnexpected, Message: application.Message()}
	default:
		return domain.Fault{Kind: domain.FaultOperator, Reason: domain.ReasonUnexpected, Message: err.Error()}
	}
}

// Error is the fault as the error that callers get: its type is the fault's kind, its first detail the fault. Nothing
// retries it.
func Error(fault domain.Fault) error {
	return temporal.NewApplicationErrorWithOptions(fault.Message, string(fault.Kind), temporal.ApplicationErrorOptions{
		NonRetryable: true, Details: []any{fault},
	})
}
