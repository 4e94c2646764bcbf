package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"everleaf/domain"
	"everleaf/domain/lifecycle"
	"everleaf/ports"
)

const certName = "shop"

var (
	// start is not in the past: the suite counts what is left of a local step by the real clock too.
	start = time.Date(2126, 11, 23, 12, 0, 0, 0, time.UTC)
	spec  = domain.Spec{Names: []string{"a.example.com"}}
	// changed is a spec that spec's certificate does not fulfil.
	changed = domain.Spec{Names: []string{"a.example.com", "b.example.com"}}
)

// world is what one run sees: every step under its contract's name, a clock that skips, callers who ask.
type world struct {
	testing.TB
	env *testsuite.TestWorkflowEnvironment
	*store
	// info is changed before the workflow sees it.
	info func(*workflow.Info)

	mu sync.Mutex
	// calls is every call of a step, in order, as "Step@time since start".
	calls []string
	// inputs are those of the calls, by step.
	inputs map[string][]any
	// meanwhile is called by a step of this name while it is at work.
	meanwhile map[string]func()
	// timers are the durations of the timers that the workflow has set; cancelled counts those that it has cancelled.
	timers    []time.Duration
	cancelled int
	// options are those of the activities that the workflow has started.
	options []workflow.ActivityOptions
	// upserted is called with the search attributes that the workflow writes.
	upserted func(temporal.SearchAttributes)
}

// newWorld is the world of a first run.
func newWorld(t testing.TB) *world {
	t.Helper()
	return worldOf(t, newStore(), "run-1", start)
}

func worldOf(t testing.TB, s *store, run string, now time.Time) *world {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	w := &world{TB: t, env: suite.NewTestWorkflowEnvironment(), store: s, inputs: map[string][]any{},
		meanwhile: map[string]func(){}}
	w.info = func(info *workflow.Info) {
		info.WorkflowExecution.RunID, info.OriginalRunID, info.FirstRunID = run, run, run
		info.WorkflowExecutionTimeout, info.WorkflowRunTimeout = 0, 0 // the suite sets both
	}
	stub(w, ports.RecordRequest, run)
	stub(w, ports.ReserveOrder, run)
	stub(w, ports.ObtainCertificate, run)
	stub(w, ports.RecordFailure, run)
	stub(w, ports.DeliverCertificate, run)
	stub(w, ports.RemoveDelivery, run)
	stub(w, ports.RevokeCertificate, run)
	stub(w, ports.RecordReleased, run)
	Register(w.env)
	w.env.SetStartTime(now)
	w.env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: ports.WorkflowID(certName),
		TaskQueue: ports.TaskQueue})
	w.env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: time.Minute,
		Interceptors: []interceptor.WorkerInterceptor{&spy{world: w}}})
	w.env.SetOnTimerScheduledListener(func(_ string, d time.Duration) { w.timers = append(w.timers, d) })
	w.env.SetOnTimerCanceledListener(func(string) { w.cancelled++ })
	return w
}

// stub registers a step. Faults that the store has for it come first.
func stub[In, Out any](w *world, step ports.Step[In, Out], run string) {
	w.env.RegisterActivityWithOptions(func(_ context.Context, in In) (out Out, err error) {
		w.mu.Lock()
		meanwhile := w.meanwhile[step.Name]
		w.calls = append(w.calls, fmt.Sprintf("%s@%s", step.Name, w.since()))
		w.inputs[step.Name] = append(w.inputs[step.Name], in)
		w.mu.Unlock()
		if meanwhile != nil {
			meanwhile()
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		if err := w.failure(step.Name); err != nil {
			return out, failed(err)
		}
		return w.carryOut(run, w.env.Now().UTC(), in).(Out), nil
	}, activity.RegisterOptions{Name: step.Name})
}

// failed is a step's error as the activities make it.
func failed(err error) error {
	var fault *domain.Fault
	if !errors.As(err, &fault) {
		return err
	}
	return temporal.NewApplicationErrorWithOptions(fault.Message, string(fault.Kind), temporal.ApplicationErrorOptions{
		NonRetryable: true, Details: []any{*fault},
	})
}

// inputsOf are those of all calls of a step.
func inputsOf[In, Out any](w *world, step ports.Step[In, Out]) (all []In) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, in := range w.inputs[step.Name] {
		all = append(all, in.(In))
	}
	return all
}

func (w *world) since() time.Duration { return w.env.Now().Sub(start) }

// steps are the names of the calls, without those that only record.
func (w *world) steps() (names []string) {
	for _, call := range w.calls {
		name, _, _ := strings.Cut(call, "@")
		if !strings.HasPrefix(name, "Record") && name != ports.ReserveOrder.Name {
			names = append(names, name)
		}
	}
	return names
}

// run executes the workflow to its end.
func (w *world) run(input any) {
	w.Helper()
	w.env.ExecuteWorkflow(ports.CertificateWorkflow, input)
}

// lives executes it as a start with the spec, until the instant when it is cancelled.
func (w *world) lives(spec domain.Spec, until time.Duration) {
	w.Helper()
	w.env.RegisterDelayedCallback(w.env.CancelWorkflow, until)
	w.run(ports.StartInput{Spec: spec})
	require.True(w, temporal.IsCanceledError(w.env.GetWorkflowError()), "%v", w.env.GetWorkflowError())
}

// next is what the run handed to the next one, over the wire.
func (w *world) next() (state lifecycle.State) {
	w.Helper()
	var next *workflow.ContinueAsNewError
	require.ErrorAs(w, w.env.GetWorkflowError(), &next)
	require.Equal(w, ports.CertificateWorkflow, next.WorkflowType.Name)
	require.NoError(w, converter.GetDefaultDataConverter().FromPayloads(next.Input, &state))
	return state
}

// again is the world of a run that goes on with this one's state, after a while.
func (w *world) again(after time.Duration) *world {
	w.Helper()
	later := worldOf(w.TB, w.store, "run-2", w.env.Now().Add(after))
	later.env.SetContinuedExecutionRunID("run-1")
	return later
}

// at calls f on the workflow's side, at an instant.
func (w *world) at(after time.Duration, f func()) { w.env.RegisterDelayedCallback(f, after) }

// inLoop calls f on the workflow's side, from within a step, and waits for it.
func (w *world) inLoop(f func()) {
	done := make(chan struct{})
	w.env.RegisterDelayedCallback(func() { f(); close(done) }, 0)
	<-done
}

// status asks the workflow. Call it in the loop.
func (w *world) status() (status domain.Status) {
	value, err := w.env.QueryWorkflow(ports.StatusQuery)
	require.NoError(w, err)
	require.NoError(w, value.Get(&status))
	return status
}

// spy sees what the workflow asks of Temporal, and gives the run an ID.
type spy struct {
	interceptor.WorkerInterceptorBase
	world *world
}

func (s *spy) InterceptWorkflow(_ workflow.Context,
	next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &spyInbound{interceptor.WorkflowInboundInterceptorBase{Next: next}, s.world}
}

type spyInbound struct {
	interceptor.WorkflowInboundInterceptorBase
	world *world
}

func (s *spyInbound) Init(out interceptor.WorkflowOutboundInterceptor) error {
	return s.Next.Init(&spyOutbound{interceptor.WorkflowOutboundInterceptorBase{Next: out}, s.world})
}

type spyOutbound struct {
	interceptor.WorkflowOutboundInterceptorBase
	world *world
}

func (s *spyOutbound) GetInfo(ctx workflow.Context) *workflow.Info {
	info := *s.Next.GetInfo(ctx)
	s.world.info(&info)
	return &info
}

func (s *spyOutbound) ExecuteActivity(ctx workflow.Context, activityType string, args ...any) workflow.Future {
	s.world.options = append(s.world.options, workflow.GetActivityOptions(ctx))
	return s.Next.ExecuteActivity(ctx, activityType, args...)
}

func (s *spyOutbound) UpsertTypedSearchAttributes(ctx workflow.Context,
	updates ...temporal.SearchAttributeUpdate) error {
	if s.world.upserted != nil {
		s.world.upserted(temporal.NewSearchAttributes(updates...))
	}
	return s.Next.UpsertTypedSearchAttributes(ctx, updates...)
}

func (w *world) optionsOn(queue string) *workflow.ActivityOptions {
	i := slices.IndexFunc(w.options, func(o workflow.ActivityOptions) bool { return o.TaskQueue == queue })
	require.GreaterOrEqual(w, i, 0, "no activity on the queue %s", queue)
	return &w.options[i]
}
