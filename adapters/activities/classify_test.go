package activities

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"everleaf/adapters/activities/activitytest"
	"everleaf/domain"
)

var (
	waitFault = domain.NewFault(domain.FaultWait, "DatabaseUnavailable", context.DeadlineExceeded,
		"the database does not answer")
	caFault      = domain.NewFault(domain.FaultCA, "Unavailable", nil, "the CA answers 503")
	limitedFault = domain.NewFault(domain.FaultRateLimited, "RateLimited", nil,
		"too many orders").WithRetryAfter(90 * time.Second)
	busyFault     = domain.NewFault(domain.FaultCA, "Busy", nil, "the CA is busy").WithRetryAfter(7 * time.Second)
	nameFault     = domain.NewFault(domain.FaultName, "CAA", nil, "a CAA record forbids it")
	operatorFault = domain.NewFault(domain.FaultOperator, "UnknownIssuer", nil, "no such issuer")
	specFault     = domain.NewFault(domain.FaultSpec, "RejectedIdentifier", nil, "the CA will not have this name")
)

var (
	wire    = activitytest.Wire
	faultIn = activitytest.FaultIn
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
		t.Run(string(c.fault.Kind)+"/"+string(c.fault.Reason), func(t *testing.T) {
			wire(t, classify(t.Context(), fmt.Errorf("verb noun: %w", c.fault)), c.fault, c.retryable)
		})
	}
}

func TestClassifyFoldsCauses(t *testing.T) {
	deep := fmt.Errorf("dial 192.0.2.1:5432: %w", errors.New("connection refused"))
	_, fault := faultIn(t, classify(t.Context(),
		domain.NewFault(domain.FaultWait, "DatabaseUnavailable", deep, "no database")))
	require.Equal(t, "no database: dial 192.0.2.1:5432: connection refused", fault.Message)
}

func TestClassifyGivesTheUnforeseenToTheOperator(t *testing.T) {
	application, fault := faultIn(t, classify(t.Context(), errors.New("index out of range")))
	require.True(t, application.NonRetryable())
	require.Equal(t, domain.Fault{Kind: domain.FaultOperator, Reason: domain.ReasonUnexpected,
		Message: "unexpected error: index out of range"}, fault)
}

func TestClassifyLeavesCancellationToTemporal(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := fmt.Errorf("read order: %w", context.Cause(ctx))
	require.Same(t, err, classify(ctx, err))
	require.NoError(t, classify(ctx, nil), "a step that made it in spite of the end has succeeded")
}

// Postgres that hangs until the step's time is over is a wait like any other.
func TestClassifyAtTheEndOfTime(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	<-ctx.Done()
	unavailable := domain.NewFault(domain.FaultWait, domain.ReasonDatabaseUnavailable, nil, "Postgres is out of reach")
	wire(t, classify(ctx, fmt.Errorf("read record: %w", unavailable)), unavailable, true)
	_, fault := faultIn(t, classify(ctx, fmt.Errorf("read order: %w", context.Cause(ctx))))
	require.Equal(t, domain.FaultWait, fault.Kind)
	require.Equal(t, domain.ReasonStepTimedOut, fault.Reason)
	_, fault = faultIn(t, classify(ctx, waitFault))
	require.Equal(t, domain.ReasonStepTimedOut, fault.Reason, "Postgres was asked no longer than the step's time")
	require.NoError(t, classify(ctx, nil), "a step that made it in spite of the end has succeeded")
}

// A step that is cut short by its worker's stop goes to another worker at once, and its error says so whatever the
// step itself made of the end.
func TestClassifyHandsOverWhenTheWorkerStops(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(worker.ErrWorkerShutdown)
	for _, err := range []error{context.Cause(ctx), ctx.Err(), waitFault} {
		application, fault := faultIn(t, classify(ctx, fmt.Errorf("read order: %w", err)))
		require.EqualValues(t, "WorkerStopping", fault.Reason)
		require.Equal(t, time.Millisecond, application.NextRetryDelay())
		require.False(t, application.NonRetryable())
		require.Equal(t, temporal.ApplicationErrorCategoryBenign, application.Category())
	}
	require.NoError(t, classify(ctx, nil), "a step that made it in spite of the end has succeeded")
}

// A try that waits for somebody else is counted and logged as no failure, and the next one begins when it is asked to.
func TestClassifyParks(t *testing.T) {
	stuck := domain.NewFault(domain.FaultCA, domain.ReasonOrderStuck, nil, "the CA works on it").Permanent()
	err := Parked(42*time.Second, stuck)
	require.True(t, IsParked(fmt.Errorf("finalize order: %w", err)))
	require.False(t, IsParked(stuck))
	application, fault := faultIn(t, classify(t.Context(), fmt.Errorf("finalize order: %w", err)))
	require.Equal(t, 42*time.Second, application.NextRetryDelay())
	require.False(t, application.NonRetryable())
	require.Equal(t, temporal.ApplicationErrorCategoryBenign, application.Category())
	require.Equal(t, *stuck, fault, "what it is if there is no next try")
}

// A step that counts its failures by itself has as many tries, with the same pauses, however often it was parked.
func TestClassifyTakesTheStepsCount(t *testing.T) {
	for failures, pause := range map[int]time.Duration{0: time.Second, 1: time.Second, 2: 2 * time.Second,
		5: 16 * time.Second, 6: 30 * time.Second,
		tries - 1: 30 * time.Second, tries: 30 * time.Second, 100: 30 * time.Second} {
		application, _ := faultIn(t, classify(t.Context(), Tried(fmt.Errorf("read order: %w", caFault), failures)))
		require.Equal(t, failures >= tries, application.NonRetryable(), "%d", failures)
		require.Equal(t, pause, application.NextRetryDelay(), "%d", failures)
	}
	wire(t, classify(t.Context(), Tried(nameFault, 1)), nameFault, false)
}

// Only so many failures of its own fail a step; stops of its workers, however many, do not.
func TestClassifyEndsTheTries(t *testing.T) {
	stopped, stop := context.WithCancelCause(t.Context())
	stop(worker.ErrWorkerShutdown)
	for _, c := range []struct{ stops, calls int }{{0, tries}, {3, tries}, {20, 21}} {
		calls := 0
		var suite testsuite.WorkflowTestSuite
		suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
		env := suite.NewTestWorkflowEnvironment()
		// On a busy machine, a second passes.
		env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: time.Minute})
		env.RegisterActivityWithOptions(func(ctx context.Context) error {
			if calls++; calls <= c.stops {
				return classify(stopped, context.Canceled)
			}
			return classify(ctx, waitFault)
		}, activity.RegisterOptions{Name: "step"})
		env.ExecuteWorkflow(func(ctx workflow.Context) error {
			ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
				StartToCloseTimeout: time.Minute, ScheduleToCloseTimeout: time.Hour,
				// The suite's own limit would be 10.
				RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 1,
					MaximumAttempts: 100},
			})
			return workflow.ExecuteActivity(ctx, "step").Get(ctx, nil)
		})
		require.ErrorContains(t, env.GetWorkflowError(), waitFault.Message)
		require.Equal(t, c.calls, calls, "after %d stops", c.stops)
	}
}
