package replaytest

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// listener takes down the calls of one run.
type listener struct {
	interceptor.WorkerInterceptorBase
	calls []Call
	// others are interceptors beside it.
	others []interceptor.WorkerInterceptor
	// limit is the run's time-out, zero for none.
	limit time.Duration
}

// note takes down a call.
//
//workflowcheck:ignore // it writes JSON, which is the same each time
func (l *listener) note(do, name string, options, value any) {
	l.calls = append(l.calls, Call{Do: do, Name: name, Options: encode(options), Value: encode(value)})
}

func encode(value any) json.RawMessage {
	if value == nil {
		return nil
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Sprintf("what leaves a workflow is JSON: %v", err))
	}
	return encoded
}

// options are what a step is called with.
type options struct {
	Queue           string             `json:"queue,omitempty"`
	ScheduleToClose time.Duration      `json:"scheduleToClose,omitempty"`
	ScheduleToStart time.Duration      `json:"scheduleToStart,omitempty"`
	StartToClose    time.Duration      `json:"startToClose,omitempty"`
	Heartbeat       time.Duration      `json:"heartbeat,omitempty"`
	Waits           bool               `json:"waitForCancellation,omitempty"`
	Priority        *temporal.Priority `json:"priority,omitempty"`
	Retry           *retry             `json:"retry,omitempty"`
}

type retry struct {
	Initial     time.Duration `json:"initial,omitempty"`
	Coefficient float64       `json:"coefficient,omitempty"`
	Maximum     time.Duration `json:"maximum,omitempty"`
	Attempts    int32         `json:"attempts,omitempty"`
}

func retryOf(policy *temporal.RetryPolicy) *retry {
	if policy == nil {
		return nil
	}
	return &retry{policy.InitialInterval, policy.BackoffCoefficient, policy.MaximumInterval, policy.MaximumAttempts}
}

func (l *listener) InterceptWorkflow(_ workflow.Context,
	next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &inbound{interceptor.WorkflowInboundInterceptorBase{Next: next}, l}
}

type inbound struct {
	interceptor.WorkflowInboundInterceptorBase
	*listener
}

func (i *inbound) Init(out interceptor.WorkflowOutboundInterceptor) error {
	return i.Next.Init(&outbound{interceptor.WorkflowOutboundInterceptorBase{Next: out}, i.listener})
}

func (i *inbound) ExecuteWorkflow(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput) (any, error) {
	result, err := i.Next.ExecuteWorkflow(ctx, in)
	var again *workflow.ContinueAsNewError
	switch {
	case errors.As(err, &again):
		var state []json.RawMessage
		for _, payload := range again.Input.GetPayloads() {
			state = append(state, payload.GetData())
		}
		i.note(doContinue, again.WorkflowType.Name, nil, state)
	case err != nil:
		i.note(doFailure, "", nil, failureOf(err))
	default:
		i.note(doResult, "", nil, result)
	}
	return result, err
}

func (i *inbound) ExecuteUpdate(ctx workflow.Context, in *interceptor.UpdateInput) (any, error) {
	id := workflow.GetCurrentUpdateInfo(ctx).ID
	answer, err := i.Next.ExecuteUpdate(ctx, in)
	if err != nil {
		i.note(doAnswer, id, nil, failureOf(err))
	} else {
		i.note(doAnswer, id, nil, answer)
	}
	return answer, err
}

// failure is what callers see of an error.
type failure struct {
	Error   string            `json:"error"`
	Type    string            `json:"type,omitempty"`
	Details []json.RawMessage `json:"details,omitempty"`
}

//workflowcheck:ignore // the same error converts to the same each time
func failureOf(err error) failure {
	return said(temporal.GetDefaultFailureConverter().ErrorToFailure(err))
}

type outbound struct {
	interceptor.WorkflowOutboundInterceptorBase
	*listener
}

func (o *outbound) ExecuteActivity(ctx workflow.Context, name string, args ...any) workflow.Future {
	set := workflow.GetActivityOptions(ctx)
	o.note(doActivity, name, options{
		Queue: set.TaskQueue, ScheduleToClose: set.ScheduleToCloseTimeout, ScheduleToStart: set.ScheduleToStartTimeout,
		StartToClose: set.StartToCloseTimeout, Heartbeat: set.HeartbeatTimeout, Waits: set.WaitForCancellation,
		Priority: &set.Priority, Retry: retryOf(set.RetryPolicy),
	}, args)
	return o.Next.ExecuteActivity(ctx, name, args...)
}

func (o *outbound) ExecuteLocalActivity(ctx workflow.Context, name string, args ...any) workflow.Future {
	set := workflow.GetLocalActivityOptions(ctx)
	o.note(doLocal, name, options{
		ScheduleToClose: set.ScheduleToCloseTimeout, StartToClose: set.StartToCloseTimeout,
		Retry: retryOf(set.RetryPolicy),
	}, args)
	return o.Next.ExecuteLocalActivity(ctx, name, args...)
}

func (o *outbound) NewTimer(ctx workflow.Context, d time.Duration) workflow.Future {
	o.note(doTimer, "", nil, d)
	return o.Next.NewTimer(ctx, d)
}

func (o *outbound) NewTimerWithOptions(ctx workflow.Context, d time.Duration,
	options workflow.TimerOptions) workflow.Future {
	o.note(doTimer, "", nil, d)
	return o.Next.NewTimerWithOptions(ctx, d, options)
}

func (o *outbound) Sleep(ctx workflow.Context, d time.Duration) error {
	o.note(doTimer, "", nil, d)
	return o.Next.Sleep(ctx, d)
}

// UpsertTypedSearchAttributes is noted with all that the workflow has afterwards: what is unset is seen to be gone.
func (o *outbound) UpsertTypedSearchAttributes(ctx workflow.Context, updates ...temporal.SearchAttributeUpdate) error {
	err := o.Next.UpsertTypedSearchAttributes(ctx, updates...)
	o.note(doSearch, "", nil, valuesOf(o.Next.GetTypedSearchAttributes(ctx)))
	return err
}

//workflowcheck:ignore // a map of a map
func valuesOf(attributes temporal.SearchAttributes) map[string]any {
	all := map[string]any{}
	for key, value := range attributes.GetUntypedValues() {
		if key.GetName() != ownAttribute {
			all[key.GetName()] = value
		}
	}
	return all
}

// GetVersion is noted with its answer alone: the highest version that the code supports grows.
func (o *outbound) GetVersion(ctx workflow.Context, gate string, lowest, highest workflow.Version) workflow.Version {
	version := o.Next.GetVersion(ctx, gate, lowest, highest)
	if version != workflow.DefaultVersion {
		o.note(doVersion, gate, nil, version)
	}
	return version
}
