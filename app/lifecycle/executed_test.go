package lifecycle

import (
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
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

// execution lives a life in the workflow. Its steps are simulated on the workflow's clock, so that all is in order.
type execution struct {
	interceptor.WorkerInterceptorBase
	*sides
	lived
	env  *testsuite.TestWorkflowEnvironment
	run  *run
	name string
	// ended is when the run has ended: the suite's clock goes on.
	ended time.Time
}

func (l life) executed(t *testing.T) lived {
	t.Helper()
	e := &execution{sides: l.side(), lived: lived{answers: map[string]string{}}}
	now, events := start, l.events
	var input any = ports.StartInput{Spec: l.spec}
	for {
		e.name = fmt.Sprintf("run-%d", len(e.ends)+1)
		e.prepare(now, len(e.ends) > 0)
		for _, event := range events {
			e.env.RegisterDelayedCallback(func() { e.happens(event) }, start.Add(event.at).Sub(now))
		}
		e.env.ExecuteWorkflow(ports.CertificateWorkflow, input)
		next := e.end(t)
		if next == nil {
			return e.lived
		}
		now, input, events = e.ended, *next, l.upcoming(e.ended.Sub(start))
	}
}

func (e *execution) prepare(now time.Time, continued bool) {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	e.env = suite.NewTestWorkflowEnvironment()
	e.env.SetStartTime(now)
	e.env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: ports.WorkflowID(certName)})
	e.env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: time.Minute,
		Interceptors: []interceptor.WorkerInterceptor{e}})
	if continued {
		e.env.SetContinuedExecutionRunID("run-0")
	}
	// Certificate, with the run in sight.
	e.env.RegisterWorkflowWithOptions(func(ctx workflow.Context, input converter.RawValue) (err error) {
		if e.run, err = setUp(ctx, input); err != nil {
			return err
		}
		defer func() { e.ended = workflow.Now(ctx).UTC() }()
		return e.run.run(ctx)
	}, workflow.RegisterOptions{Name: ports.CertificateWorkflow})
}

func (e *execution) happens(event event) {
	switch {
	case event.cancel:
		e.env.CancelWorkflow()
	case event.happens != nil:
		event.happens(e.store, e.env.Now())
		if event.suggests {
			e.env.SetContinueAsNewSuggested(true)
		}
		e.env.SignalWorkflow(ports.RecordChangedSignal, nil)
	default:
		id := e.name + "/" + event.id
		e.env.UpdateWorkflow(event.update, event.id, &testsuite.TestUpdateCallback{
			OnAccept: func() {},
			OnReject: func(err error) { e.answers[id] = err.Error() },
			OnComplete: func(status any, err error) {
				says := text(status)
				var application *temporal.ApplicationError
				var fault domain.Fault
				if errors.As(err, &application) && application.Details(&fault) == nil {
					says = string(fault.Reason)
				}
				e.answers[id] = fmt.Sprintf("%s %s", e.env.Now().Sub(start), says)
			},
		}, event.argument)
	}
}

// end notes how the run has ended, and gives the state that it hands on.
func (e *execution) end(t *testing.T) (next *lifecycle.State) {
	err := e.env.GetWorkflowError()
	do := lifecycle.End
	var again *workflow.ContinueAsNewError
	switch {
	case errors.As(err, &again):
		do, next = lifecycle.ContinueAsNew, &lifecycle.State{}
		require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(again.Input, next))
	case err != nil && !temporal.IsCanceledError(err):
		require.NoError(t, err, "seed %d", e.life.seed)
	}
	e.ends = append(e.ends, fmt.Sprintf("%s %s %s", e.ended.Sub(start), do, text(e.run.machine)))
	return next
}

func (e *execution) InterceptWorkflow(_ workflow.Context,
	next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &executionInbound{interceptor.WorkflowInboundInterceptorBase{Next: next}, e}
}

type executionInbound struct {
	interceptor.WorkflowInboundInterceptorBase
	*execution
}

func (e *executionInbound) Init(out interceptor.WorkflowOutboundInterceptor) error {
	return e.Next.Init(&executionOutbound{interceptor.WorkflowOutboundInterceptorBase{Next: out}, e.execution})
}

type executionOutbound struct {
	interceptor.WorkflowOutboundInterceptorBase
	*execution
}

func (e *executionOutbound) GetInfo(ctx workflow.Context) *workflow.Info {
	info := *e.Next.GetInfo(ctx)
	info.WorkflowExecution.RunID, info.OriginalRunID, info.FirstRunID = e.name, e.name, e.name
	info.WorkflowExecutionTimeout, info.WorkflowRunTimeout = 0, 0
	return &info
}

//workflowcheck:ignore // it stands in for the steps, too
func (e *executionOutbound) ExecuteActivity(ctx workflow.Context, step string, args ...any) workflow.Future {
	return e.simulate(ctx, step, args[0])
}

//workflowcheck:ignore // it stands in for the steps, too
func (e *executionOutbound) ExecuteLocalActivity(ctx workflow.Context, step string, args ...any) workflow.Future {
	return e.simulate(ctx, step, args[0])
}

//workflowcheck:ignore // it stands in for the steps, too
func (e *executionOutbound) simulate(ctx workflow.Context, step string, in any) workflow.Future {
	e.begin(now(ctx), step+" "+text(in), e.run.machine)
	takes, fault := e.goes(step)
	future, end := workflow.NewFuture(ctx)
	lasting, _ := workflow.NewDisconnectedContext(ctx)
	timer := workflow.NewTimer(lasting, takes)
	workflow.Go(ctx, func(ctx workflow.Context) {
		lasting, _ := workflow.NewDisconnectedContext(ctx)
		await(lasting, func() bool { return timer.IsReady() || ctx.Err() != nil })
		switch {
		case ctx.Err() != nil && !timer.IsReady():
			end.SetError(temporal.NewCanceledError())
		case fault != nil:
			end.SetError(failed(fault))
		default:
			end.SetValue(e.store.carryOut(e.name, now(ctx), in))
		}
	})
	return future
}
