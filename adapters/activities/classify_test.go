package activities

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"

	"everleaf/domain"
)

func TestClassifyByKind(t *testing.T) {
	for _, c := range []struct {
		fault     *domain.Fault
		retryable bool
	}{
		{waitFault, true},
		{caFault, true},
		{busyFault, false}, // the CA said when: the workflow waits on a timer
		{limitedFault, false},
		{domain.NewFault(domain.FaultRateLimited, "RateLimited", nil, "too many, and not said for how long"), false},
		{nameFault, false},
		{operatorFault, false},
		{specFault, false},
	} {
		t.Run(string(c.fault.Kind)+"/"+c.fault.Reason, func(t *testing.T) {
			wire(t, classify(t.Context(), fmt.Errorf("verb noun: %w", c.fault)), c.fault, c.retryable)
		})
	}
}

func TestClassifyFoldsCauses(t *testing.T) {
	deep := fmt.Errorf("dial 192.0.2.1:5432: %w", errors.New("connection refused"))
	_, fault := faultIn(t, classify(t.Context(), domain.NewFault(domain.FaultWait, "DatabaseUnavailable", deep, "no database")))
	require.Equal(t, "no database: dial 192.0.2.1:5432: connection refused", fault.Message)
}

func TestClassifyGivesTheUnforeseenToTheOperator(t *testing.T) {
	application, fault := faultIn(t, classify(t.Context(), errors.New("index out of range")))
	require.True(t, application.NonRetryable())
	require.Equal(t, domain.Fault{Kind: domain.FaultOperator, Reason: "Unexpected", Message: "unexpected error: index out of range"}, fault)
}

func TestClassifyLeavesTheEndOfTheContextToTemporal(t *testing.T) {
	for name, end := range map[string]func() (context.Context, context.CancelFunc){
		"cancelled": func() (context.Context, context.CancelFunc) { return context.WithCancel(t.Context()) },
		"timed out": func() (context.Context, context.CancelFunc) { return context.WithTimeout(t.Context(), time.Nanosecond) },
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := end()
			if name != "timed out" {
				cancel()
			}
			<-ctx.Done()
			err := fmt.Errorf("read order: %w", context.Cause(ctx))
			require.Same(t, err, classify(ctx, err))
			require.NoError(t, classify(ctx, nil), "a step that made it in spite of the end has succeeded")
			cancel()
		})
	}
}

// A step that is cut short by its worker's stop goes to another worker at once, and its error says so whatever the
// step itself made of the end.
func TestClassifyHandsOverWhenTheWorkerStops(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(worker.ErrWorkerShutdown)
	for _, err := range []error{context.Cause(ctx), ctx.Err(), waitFault} {
		application, fault := faultIn(t, classify(ctx, fmt.Errorf("read order: %w", err)))
		require.Equal(t, "WorkerStopping", fault.Reason)
		require.Equal(t, time.Millisecond, application.NextRetryDelay())
		require.False(t, application.NonRetryable())
		require.Equal(t, temporal.ApplicationErrorCategoryBenign, application.Category())
	}
	require.NoError(t, classify(ctx, nil), "a step that made it in spite of the end has succeeded")
}
