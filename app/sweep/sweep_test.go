package sweep

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"everleaf/ports"
)

const base = "everleaf"

// world runs the workflow through its registration; each step answers what the test says.
func world(t *testing.T) *testsuite.TestWorkflowEnvironment {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestWorkflowEnvironment()
	env.SetStartWorkflowOptions(client.StartWorkflowOptions{TaskQueue: base})
	env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: time.Minute,
		Interceptors: []interceptor.WorkerInterceptor{&priorities{t: t}}})
	Register(env)
	known(env, ports.BeginSweep)
	known(env, ports.SweepRenewals)
	known(env, ports.SweepDeliveries)
	known(env, ports.ResealSecrets)
	known(env, ports.SweepRecords)
	t.Cleanup(func() { env.AssertExpectations(t) })
	return env
}

// known registers a step whose answers are mocked.
func known[In, Out any](env *testsuite.TestWorkflowEnvironment, step ports.Step[In, Out]) {
	env.RegisterActivityWithOptions(func(context.Context, In) (out Out, err error) { return out, nil },
		activity.RegisterOptions{Name: step.Name})
}

// on answers a call of a step; a call on another queue than this one is an error.
func on[In, Out any](t *testing.T, env *testsuite.TestWorkflowEnvironment, queue string, step ports.Step[In, Out],
	in In, out Out, err error) *testsuite.MockCallWrapper {
	return env.OnActivity(step.Name, mock.Anything, in).Return(func(ctx context.Context, _ In) (Out, error) {
		require.Equal(t, queue, activity.GetInfo(ctx).TaskQueue)
		return out, err
	})
}

func result(t *testing.T, env *testsuite.TestWorkflowEnvironment) (r ports.SweepResult) {
	t.Helper()
	require.NoError(t, env.GetWorkflowError())
	require.NoError(t, env.GetWorkflowResult(&r))
	return r
}

func TestAnIdleSweepIsOneStep(t *testing.T) {
	t.Parallel()
	env := world(t)
	on(t, env, "everleaf-authorization", ports.BeginSweep, ports.BeginSweepInput{}, ports.BeginSweepOutput{},
		nil).Once()
	env.ExecuteWorkflow(ports.SweepWorkflow, ports.SweepState{})
	require.Equal(t, ports.SweepResult{}, result(t, env))
}

// Each part goes through its pages, on its own queue.
func TestPages(t *testing.T) {
	t.Parallel()
	env := world(t)
	on(t, env, "everleaf-authorization", ports.BeginSweep, ports.BeginSweepInput{},
		ports.BeginSweepOutput{Renewals: 3, Hosts: []string{"", "web1"}, Secrets: 2, Records: 3}, nil).Once()
	on(t, env, "everleaf-authorization", ports.SweepRenewals, ports.SweepRenewalsInput{},
		ports.SweepRenewalsOutput{Page: ports.PageState{After: "b"}, Asked: 2, Moved: 1}, nil).Once()
	on(t, env, "everleaf-authorization", ports.SweepRenewals, ports.SweepRenewalsInput{After: "b"},
		ports.SweepRenewalsOutput{Page: ports.PageState{After: "c", Done: true}, Asked: 1, Failed: 1}, nil).Once()
	at := ports.DeliveredTo{Certificate: "a", Target: "files@web1", Version: "v"}
	on(t, env, "everleaf-delivery", ports.SweepDeliveries, ports.SweepDeliveriesInput{},
		ports.SweepDeliveriesOutput{Done: true, Checked: 5}, nil).Once()
	on(t, env, "everleaf-delivery-web1", ports.SweepDeliveries, ports.SweepDeliveriesInput{Host: "web1"},
		ports.SweepDeliveriesOutput{After: at, Checked: 1}, nil).Once()
	on(t, env, "everleaf-delivery-web1", ports.SweepDeliveries, ports.SweepDeliveriesInput{Host: "web1", After: at},
		ports.SweepDeliveriesOutput{After: at, Done: true, Checked: 1, Drifted: 1}, nil).Once()
	on(t, env, "everleaf-authorization", ports.ResealSecrets, ports.ResealSecretsInput{},
		ports.ResealSecretsOutput{Page: ports.PageState{Done: true}, Resealed: 2, Failed: 1}, nil).Once()
	on(t, env, "everleaf-authorization", ports.SweepRecords, ports.SweepRecordsInput{},
		ports.SweepRecordsOutput{Page: ports.PageState{After: "o"}, Cleaned: 2}, nil).Once()
	on(t, env, "everleaf-authorization", ports.SweepRecords, ports.SweepRecordsInput{After: "o"},
		ports.SweepRecordsOutput{Page: ports.PageState{After: "p", Done: true}, Cleaned: 1}, nil).Once()
	env.ExecuteWorkflow(ports.SweepWorkflow, ports.SweepState{})
	require.Equal(t, ports.SweepResult{Asked: 3, Failed: 1, Moved: 1, Checked: 7, Drifted: 1, Resealed: 2,
		Unsealable: 1, Cleaned: 3}, result(t, env))
}

// What fails ends its own part alone.
func TestAPartThatFails(t *testing.T) {
	t.Parallel()
	env := world(t)
	refused := temporal.NewNonRetryableApplicationError("the database refuses", "Operator", nil)
	on(t, env, "everleaf-authorization", ports.BeginSweep, ports.BeginSweepInput{},
		ports.BeginSweepOutput{Renewals: 3, Hosts: []string{"gone", "web1"}}, nil)
	on(t, env, "everleaf-authorization", ports.SweepRenewals, ports.SweepRenewalsInput{}, ports.SweepRenewalsOutput{},
		refused).Once()
	env.OnActivity(ports.SweepDeliveries.Name, mock.Anything, ports.SweepDeliveriesInput{Host: "gone"}).Return(
		ports.SweepDeliveriesOutput{}, temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START, nil))
	on(t, env, "everleaf-delivery-web1", ports.SweepDeliveries, ports.SweepDeliveriesInput{Host: "web1"},
		ports.SweepDeliveriesOutput{Done: true, Checked: 1}, nil).Once()
	env.ExecuteWorkflow(ports.SweepWorkflow, ports.SweepState{})
	got := result(t, env)
	require.Equal(t, 1, got.Checked)
	require.Len(t, got.Problems, 2)
	require.Contains(t, got.Problems, "renewals: the database refuses")
}

// Records that stay are reported, over all pages, and so is a step that fails.
func TestRecordsThatStay(t *testing.T) {
	t.Parallel()
	env := world(t)
	on(t, env, "everleaf-authorization", ports.BeginSweep, ports.BeginSweepInput{}, ports.BeginSweepOutput{Records: 9},
		nil).Once()
	on(t, env, "everleaf-authorization", ports.SweepRecords, ports.SweepRecordsInput{},
		ports.SweepRecordsOutput{Page: ports.PageState{After: "o"}, Cleaned: 1, Failed: 2}, nil).Once()
	on(t, env, "everleaf-authorization", ports.SweepRecords, ports.SweepRecordsInput{After: "o"},
		ports.SweepRecordsOutput{Page: ports.PageState{After: "p"}, Failed: 1}, nil).Once()
	on(t, env, "everleaf-authorization", ports.SweepRecords, ports.SweepRecordsInput{After: "p"},
		ports.SweepRecordsOutput{},
		temporal.NewNonRetryableApplicationError("no zones", "Operator", nil)).Once()
	env.ExecuteWorkflow(ports.SweepWorkflow, ports.SweepState{})
	require.Equal(t, ports.SweepResult{Cleaned: 1, Problems: []string{"DNS records: no zones",
		"DNS records: those of 3 orders could not be removed; the workers' log says why"}}, result(t, env))
}

// A long sweep goes on in a new run, at the very pages.
func TestALongSweepContinues(t *testing.T) {
	t.Parallel()
	env := world(t)
	state := ports.SweepState{Begun: true, Renewals: ports.PageState{After: "m"}, Secrets: ports.PageState{Done: true},
		Records: &ports.PageState{After: "o"},
		Hosts:   []ports.SweepHost{{Host: "web1", After: ports.DeliveredTo{Certificate: "k"}}},
		Result:  ports.SweepResult{Asked: 7, Problems: []string{"p"}}}
	env.SetContinueAsNewSuggested(true)
	env.ExecuteWorkflow(ports.SweepWorkflow, state)
	var next *workflow.ContinueAsNewError
	require.ErrorAs(t, env.GetWorkflowError(), &next)
	require.Equal(t, ports.SweepWorkflow, next.WorkflowType.Name)
	var handed ports.SweepState
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(next.Input, &handed))
	require.Equal(t, state, handed)

	again := world(t)
	on(t, again, "everleaf-authorization", ports.SweepRenewals, ports.SweepRenewalsInput{After: "m"},
		ports.SweepRenewalsOutput{Page: ports.PageState{Done: true}, Asked: 1}, nil).Once()
	on(t, again, "everleaf-delivery-web1", ports.SweepDeliveries,
		ports.SweepDeliveriesInput{Host: "web1", After: ports.DeliveredTo{Certificate: "k"}},
		ports.SweepDeliveriesOutput{Done: true}, nil).Once()
	on(t, again, "everleaf-authorization", ports.SweepRecords, ports.SweepRecordsInput{After: "o"},
		ports.SweepRecordsOutput{Page: ports.PageState{Done: true}, Cleaned: 1}, nil).Once()
	again.ExecuteWorkflow(ports.SweepWorkflow, handed)
	require.Equal(t, ports.SweepResult{Asked: 8, Cleaned: 1, Problems: []string{"p"}}, result(t, again))
}

// Nobody can count: the sweep fails within its time, and the next one begins again.
func TestASweepThatCannotBegin(t *testing.T) {
	t.Parallel()
	env := world(t)
	env.OnActivity(ports.BeginSweep.Name, mock.Anything, mock.Anything).Return(ports.BeginSweepOutput{},
		temporal.NewApplicationError("away", "Wait"))
	began := env.Now()
	env.ExecuteWorkflow(ports.SweepWorkflow, ports.SweepState{})
	require.ErrorContains(t, env.GetWorkflowError(), "away")
	require.LessOrEqual(t, env.Now().Sub(began), page.ScheduleToCloseTimeout+time.Minute)
}

// A state that was handed on is read, and written, as it always was: sweeps of the release before may be open.
func TestGoldenState(t *testing.T) {
	t.Parallel()
	state := ports.SweepState{Begun: true, Renewals: ports.PageState{After: "a", Done: true},
		Secrets: ports.PageState{After: "s"},
		Records: &ports.PageState{After: "o", Done: true},
		Hosts: []ports.SweepHost{{Host: "h", After: ports.DeliveredTo{Certificate: "c", Target: "t", Version: "v"},
			Done: true}},
		Result: ports.SweepResult{Asked: 1, Failed: 2, Moved: 3, Checked: 4, Drifted: 5, Resealed: 6, Unsealable: 7,
			Cleaned: 8, Problems: []string{"p"}}}
	stored, err := os.ReadFile("testdata/state.json")
	require.NoError(t, err)
	var back ports.SweepState
	require.NoError(t, json.Unmarshal(stored, &back))
	require.Equal(t, state, back)
	text, err := json.MarshalIndent(state, "", "  ")
	require.NoError(t, err)
	require.Equal(t, strings.TrimSpace(string(stored)), string(text))
}
