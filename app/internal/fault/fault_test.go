package fault_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"

	"everleaf/app/internal/fault"
	"everleaf/domain"
)

var limited = domain.Fault{Kind: domain.FaultRateLimited, Reason: domain.ReasonRateLimited, Message: "too many",
	RetryAfter: 7}

func TestOf(t *testing.T) {
	timeout := func(last error) error { return temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE, last) }
	for title, c := range map[string]struct {
		err  error
		want domain.Fault
	}{
		"a step's own": {overWire(fault.Error(limited)), limited},
		"a step's own, in the last of many attempts": {timeout(fault.Error(limited)), limited},
		"a time-out": {timeout(nil), domain.Fault{
			Kind: domain.FaultWait, Reason: domain.ReasonStepTimedOut,
			Message: "the step did not finish in time (ScheduleToClose)",
		}},
		"cancelled": {temporal.NewCanceledError(), domain.Fault{
			Kind: domain.FaultOperator, Reason: domain.ReasonCancelled, Message: "the workflow was cancelled",
		}},
		"an error of another kind": {overWire(temporal.NewApplicationError("oops", "bug")), domain.Fault{
			Kind: domain.FaultOperator, Reason: domain.ReasonUnexpected, Message: "oops",
		}},
		"details of another kind": {overWire(temporal.NewApplicationError("oops", "bug", "details")), domain.Fault{
			Kind: domain.FaultOperator, Reason: domain.ReasonUnexpected, Message: "oops",
		}},
		"no error of Temporal's": {errors.New("odd"), domain.Fault{
			Kind: domain.FaultOperator, Reason: domain.ReasonUnexpected, Message: "odd",
		}},
	} {
		t.Run(title, func(t *testing.T) { require.Equal(t, c.want, fault.Of(c.err)) })
	}
}

func TestError(t *testing.T) {
	var application *temporal.ApplicationError
	require.ErrorAs(t, overWire(fault.Error(limited)), &application)
	require.True(t, application.NonRetryable())
	require.Equal(t, "RateLimited", application.Type())
	require.Equal(t, "too many", application.Message())
}

// overWire is err as the other side of the server gets it.
func overWire(err error) error {
	wire := temporal.GetDefaultFailureConverter()
	return wire.FailureToError(wire.ErrorToFailure(err))
}
