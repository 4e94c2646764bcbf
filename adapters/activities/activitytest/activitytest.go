// Package activitytest runs steps as a worker would, through their registration, and reads their errors as a workflow
// does. It is for tests only.
package activitytest

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"everleaf/domain"
	"everleaf/ports"
)

// Env is an environment whose logs go to handler; nil is for none.
func Env(handler slog.Handler) *testsuite.TestActivityEnvironment {
	if handler == nil {
		handler = slog.DiscardHandler
	}
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(handler)))
	return suite.NewTestActivityEnvironment()
}

// Call runs a step by its contract's name.
func Call[In, Out any](t testing.TB, env *testsuite.TestActivityEnvironment, step ports.Step[In, Out],
	in In) (out Out, err error) {
	t.Helper()
	value, err := env.ExecuteActivity(step.Name, in)
	if err != nil {
		return out, err
	}
	require.NoError(t, value.Get(&out))
	return out, nil
}

// FaultIn takes err over the wire, where only words survive, and finds the fault.
func FaultIn(t testing.TB, err error) (*temporal.ApplicationError, domain.Fault) {
	t.Helper()
	converter := temporal.GetDefaultFailureConverter()
	err = converter.FailureToError(converter.ErrorToFailure(err))
	var application *temporal.ApplicationError
	require.ErrorAs(t, err, &application)
	var fault domain.Fault
	require.NoError(t, application.Details(&fault))
	return application, fault
}

// Wire asserts that err is what the workflow reads: kind as type, fault as first detail, cause in words.
func Wire(t testing.TB, err error, want *domain.Fault, retryable bool) {
	t.Helper()
	application, fault := FaultIn(t, err)
	require.Equal(t, string(want.Kind), application.Type())
	require.Equal(t, !retryable, application.NonRetryable())
	require.Equal(t, domain.Fault{Kind: want.Kind, Reason: want.Reason, Message: want.Error(),
		RetryAfter: want.RetryAfter}, fault)
}
