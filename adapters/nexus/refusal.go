package nexus

import (
	"github.com/nexus-rpc/sdk-go/nexus"
	"go.temporal.io/sdk/temporal"

	"everleaf/domain"
)

// refusal is how a fault reaches the caller where no workflow carries it. The Nexus error's type says whether the
// caller's server asks again by itself, which it does for a wait; its cause is the error that a workflow would have
// failed with: the fault's kind is the type, the fault the first detail.
func refusal(err error) error {
	fault := domain.AsFault(err)
	return &nexus.HandlerError{
		Type: handlerType(fault), RetryBehavior: retries(fault), Message: string(fault.Reason) + ": " + fault.Error(),
		Cause: failure(fault, true),
	}
}

func handlerType(fault *domain.Fault) nexus.HandlerErrorType {
	switch {
	case fault.Reason == domain.ReasonUnknownCertificate || fault.Reason == domain.ReasonWorkflowEnded:
		return nexus.HandlerErrorTypeNotFound
	case fault.Kind == domain.FaultSpec:
		return nexus.HandlerErrorTypeBadRequest
	case fault.Kind == domain.FaultWait:
		return nexus.HandlerErrorTypeUnavailable
	default:
		return nexus.HandlerErrorTypeInternal
	}
}

func retries(fault *domain.Fault) nexus.HandlerErrorRetryBehavior {
	if fault.Kind == domain.FaultWait {
		return nexus.HandlerErrorRetryBehaviorRetryable
	}
	return nexus.HandlerErrorRetryBehaviorNonRetryable
}

// failure is a fault as Temporal carries it.
func failure(fault *domain.Fault, final bool) error {
	detail := *fault
	detail.Message = fault.Error() // the cause does not travel, its words do
	return temporal.NewApplicationErrorWithOptions(detail.Message, string(detail.Kind),
		temporal.ApplicationErrorOptions{
			NonRetryable: final, Details: []any{detail},
		})
}
