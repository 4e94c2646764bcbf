package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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
	"everleaf/ports"
)

const (
	day      = 24 * time.Hour
	certName = "shop"
	chain    = "first-run"
)

var (
	start = time.Date(2126, 11, 23, 12, 0, 0, 0, time.UTC) // the suite counts what is left of a local step by the real clock too: not in the past
	spec  = domain.Spec{Names: []string{"a.example.com"}}
	// changed is a spec that spec's certificate does not fulfil.
	changed = domain.Spec{Names: []string{"a.example.com", "b.example.com"}}
)

// world is what the workflow sees: every step under its contract's name, a clock that skips, callers who ask. What a
// step does is a function of its how-manieth call n, 1 the first, and may be replaced by the test.
type world struct {
	testing.TB
	env *testsuite.TestWorkflowEnvironment

	place     func(n int, in ports.PlaceOrderInput) (ports.PlaceOrderOutput, error)
	authorize func(n int, in ports.AuthorizeOrderInput) (ports.AuthorizeOrderOutput, error)
	finalize  func(n int, in ports.FinalizeOrderInput) (ports.FinalizeOrderOutput, error)
	plan      func(n int, in ports.PlanRenewalInput) (ports.PlanRenewalOutput, error)
	record    func(n int, in ports.RecordFailureInput) (ports.RecordFailureOutput, error)
	revoke    func(n int, in ports.RevokeCertificateInput) (ports.RevokeCertificateOutput, error)

	deliver func(n int, in ports.DeliverCertificateInput) (ports.DeliverCertificateOutput, error)
	remove  func(n int, in ports.RemoveDeliveryInput) (ports.RemoveDeliveryOutput, error)
	release func(n int, in ports.RecordReleasedInput) (ports.RecordReleasedOutput, error)
	change  func(n int, in ports.RecordChangeInput) (ports.RecordChangeOutput, error)

	mu sync.Mutex
	// story is every call of a step, in order, as "Step@time since start".
	story       []string
	placed      []ports.PlaceOrderInput
	authorized  []ports.AuthorizeOrderInput
	finalized   []ports.FinalizeOrderInput
	planned     []ports.PlanRenewalInput
	recorded    []ports.RecordFailureInput
	obtained    []ports.ObtainCertificateInput
	revoked     []ports.RevokeCertificateInput
	released    []ports.RecordReleasedInput
	noted       []ports.RecordRevokingInput
	delivered   []ports.DeliverCertificateInput
	removed     []ports.RemoveDeliveryInput
	undelivered []ports.RecordUndeliveredInput
	changes     []ports.RecordChangeInput
	// timers are the durations of the timers that the workflow started.
	timers []time.Duration
}

// newWorld is one where all goes well.
func newWorld(t testing.TB) *world {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	w := &world{TB: t, env: suite.NewTestWorkflowEnvironment()}
	w.place = func(_ int, in ports.PlaceOrderInput) (out ports.PlaceOrderOutput, err error) {
		out.Order = domain.Order{ID: "order " + in.Key, Issuer: in.Issuer, URL: "https://ca.test/1", Status: domain.OrderPending}
		return out, nil
	}
	w.authorize = func(int, ports.AuthorizeOrderInput) (ports.AuthorizeOrderOutput, error) {
		return ports.AuthorizeOrderOutput{}, nil
	}
	w.finalize = func(n int, in ports.FinalizeOrderInput) (ports.FinalizeOrderOutput, error) {
		return ports.FinalizeOrderOutput{Issued: w.issued(fmt.Sprint("v", n))}, nil
	}
	w.plan = func(int, ports.PlanRenewalInput) (ports.PlanRenewalOutput, error) {
		return ports.PlanRenewalOutput{Plan: domain.RenewalPlan{At: w.env.Now().Add(60 * day).UTC(), Reason: "ARIWindow"}}, nil
	}
	w.record = func(int, ports.RecordFailureInput) (ports.RecordFailureOutput, error) {
		return ports.RecordFailureOutput{}, nil
	}
	stub(w, ports.PlaceOrder, &w.placed, &w.place)
	stub(w, ports.AuthorizeOrder, &w.authorized, &w.authorize)
	stub(w, ports.FinalizeOrder, &w.finalized, &w.finalize)
	stub(w, ports.PlanRenewal, &w.planned, &w.plan)
	w.revoke = func(int, ports.RevokeCertificateInput) (ports.RevokeCertificateOutput, error) {
		return ports.RevokeCertificateOutput{}, nil
	}
	stub(w, ports.RecordFailure, &w.recorded, &w.record)
	stub(w, ports.RevokeCertificate, &w.revoked, &w.revoke)
	w.release = func(int, ports.RecordReleasedInput) (out ports.RecordReleasedOutput, err error) { return out, nil }
	note := func(int, ports.RecordRevokingInput) (out ports.RecordRevokingOutput, err error) { return out, nil }
	stub(w, ports.RecordRevoking, &w.noted, &note)
	stub(w, ports.RecordReleased, &w.released, &w.release)
	w.deliver = func(int, ports.DeliverCertificateInput) (out ports.DeliverCertificateOutput, err error) {
		return out, nil
	}
	w.remove = func(int, ports.RemoveDeliveryInput) (out ports.RemoveDeliveryOutput, err error) { return out, nil }
	undelivered := func(_ int, in ports.RecordUndeliveredInput) (out ports.RecordUndeliveredOutput, err error) {
		return out, nil
	}
	w.change = func(int, ports.RecordChangeInput) (out ports.RecordChangeOutput, err error) { return out, nil }
	stub(w, ports.DeliverCertificate, &w.delivered, &w.deliver)
	stub(w, ports.RemoveDelivery, &w.removed, &w.remove)
	stub(w, ports.RecordUndelivered, &w.undelivered, &undelivered)
	stub(w, ports.RecordChange, &w.changes, &w.change)
	w.env.RegisterActivityWithOptions(w.obtain, activity.RegisterOptions{Name: ports.ObtainCertificate.Name})
	Register(w.env)
	w.env.SetStartTime(start)
	w.env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: ports.WorkflowID(certName)})
	w.env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{&chained{}}})
	w.env.SetOnTimerScheduledListener(func(_ string, d time.Duration) { w.timers = append(w.timers, d) })
	return w
}

func stub[In, Out any](w *world, step ports.Step[In, Out], calls *[]In, run *func(int, In) (Out, error)) {
	w.env.RegisterActivityWithOptions(func(_ context.Context, in In) (Out, error) {
		return called(w, step, calls, run, in)
	}, activity.RegisterOptions{Name: step.Name})
}

func called[In, Out any](w *world, step ports.Step[In, Out], calls *[]In, run *func(int, In) (Out, error), in In) (Out, error) {
	w.mu.Lock()
	*calls = append(*calls, in)
	n := len(*calls)
	w.story = append(w.story, fmt.Sprintf("%s@%s", step.Name, w.since()))
	w.mu.Unlock()
	return (*run)(n, in)
}

// obtain does what the real step does: the three steps one after the other, each replaceable by the test.
func (w *world) obtain(_ context.Context, in ports.ObtainCertificateInput) (out ports.ObtainCertificateOutput, err error) {
	w.mu.Lock()
	w.obtained = append(w.obtained, in)
	w.mu.Unlock()
	if in.Order.Status == domain.OrderPending {
		_, err := called(w, ports.AuthorizeOrder, &w.authorized, &w.authorize, ports.AuthorizeOrderInput(in))
		if err != nil {
			return out, within(ports.AuthorizeOrder.Name, err)
		}
		in.Order.Status = domain.OrderReady
	}
	finalized, err := called(w, ports.FinalizeOrder, &w.finalized, &w.finalize,
		ports.FinalizeOrderInput{Certificate: in.Certificate, Order: in.Order})
	out.Issued, out.RetryAfter = finalized.Issued, finalized.RetryAfter
	if err != nil || out.Issued == nil {
		return out, within(ports.FinalizeOrder.Name, err)
	}
	planned, err := called(w, ports.PlanRenewal, &w.planned, &w.plan,
		ports.PlanRenewalInput{Certificate: in.Certificate, Issued: *out.Issued})
	if err == nil {
		out.Plan = &planned.Plan
	}
	return out, nil
}

// within is a step's failure as the step around it tells of it.
func within(step string, err error) error {
	var application *temporal.ApplicationError
	var fault domain.Fault
	if !errors.As(err, &application) || application.Details(&fault) != nil {
		return err
	}
	fault.Step = step
	return failed(&fault)
}

func (w *world) since() time.Duration { return w.env.Now().Sub(start) }

// issued is a certificate of 90 days from the world's now.
func (w *world) issued(version string) *domain.Issued {
	now := w.env.Now().UTC()
	return &domain.Issued{Version: version, Issuer: "default", Names: spec.Names, NotBefore: now, NotAfter: now.Add(90 * day)}
}

// ready is a state that an earlier run handed over: in service, to be renewed after 60 days.
func ready() domain.Certificate {
	return domain.Certificate{
		Spec: spec, Cycle: 3,
		Issued:  &domain.Issued{Version: "v3", Issuer: "default", Names: spec.Names, NotBefore: start, NotAfter: start.Add(90 * day)},
		Renewal: &domain.RenewalPlan{At: start.Add(60 * day), Reason: "ARIWindow"},
	}
}

// run executes the workflow to its end, which for one that is not cancelled is a continue-as-new.
func (w *world) run(input domain.Certificate) {
	w.env.ExecuteWorkflow(ports.CertificateWorkflow, input)
}

// next is what the run handed to the next one, over the wire.
func (w *world) next() (state domain.Certificate) {
	w.Helper()
	var next *workflow.ContinueAsNewError
	require.ErrorAs(w, w.env.GetWorkflowError(), &next)
	require.Equal(w, ports.CertificateWorkflow, next.WorkflowType.Name)
	require.NoError(w, converter.GetDefaultDataConverter().FromPayloads(next.Input, &state))
	return state
}

// inLoop runs f on the workflow's side, from within a step, and waits for it.
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

// answer is what a caller of an update hears, and when.
type answer struct {
	accepted, done bool
	at             time.Duration
	status         domain.Status
	err            error
}

// ask sends an update after a while; askNow sends it from within a step and returns when it is accepted or rejected.
func (w *world) ask(after time.Duration, update string, request any) *answer {
	a := &answer{}
	w.env.RegisterDelayedCallback(func() { w.send(update, request, a, func() {}) }, after)
	return a
}

func (w *world) askNow(update string, request any) *answer {
	a, heard := &answer{}, make(chan struct{})
	w.env.RegisterDelayedCallback(func() { w.send(update, request, a, func() { close(heard) }) }, 0)
	<-heard
	return a
}

func (w *world) send(update string, request any, a *answer, heard func()) {
	finish := func(err error) {
		if err != nil {
			a.err = overWire(err)
		}
		a.done, a.at = true, w.since()
	}
	w.env.UpdateWorkflow(update, "", &testsuite.TestUpdateCallback{
		OnAccept: func() { a.accepted = true; heard() },
		OnReject: func(err error) { finish(err); heard() },
		OnComplete: func(value any, err error) {
			a.status, _ = value.(domain.Status)
			finish(err)
		},
	}, request)
}

// problem is the fault that the caller was told.
func (a *answer) problem(t testing.TB) (fault domain.Fault) {
	t.Helper()
	require.True(t, a.done)
	var application *temporal.ApplicationError
	require.ErrorAs(t, a.err, &application)
	require.NoError(t, application.Details(&fault))
	require.Equal(t, string(fault.Kind), application.Type())
	return fault
}

// overWire is err as the other side of the server gets it.
func overWire(err error) error {
	wire := temporal.GetDefaultFailureConverter()
	return wire.FailureToError(wire.ErrorToFailure(err))
}

// failed is a step's error as the activities' one gate makes it.
func failed(fault *domain.Fault) error {
	return temporal.NewApplicationErrorWithOptions(fault.Message, string(fault.Kind), temporal.ApplicationErrorOptions{
		NonRetryable: !fault.Transient(), Details: []any{*fault},
	})
}

var (
	nameFault    = domain.NewFault(domain.FaultName, "CAA", nil, "a.example.com: a CAA record forbids it")
	waitFault    = domain.NewFault(domain.FaultWait, "DatabaseUnavailable", nil, "the database does not answer")
	limitedFault = domain.NewFault(domain.FaultRateLimited, "RateLimited", nil, "too many certificates").After(3 * time.Hour)
	briefFault   = domain.NewFault(domain.FaultCA, "Busy", nil, "the CA is busy").After(30 * time.Second)
)

// chained gives the run a first run's ID, which the suite leaves empty.
type chained struct {
	interceptor.WorkerInterceptorBase
}

func (*chained) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &chainedInbound{interceptor.WorkflowInboundInterceptorBase{Next: next}}
}

type chainedInbound struct {
	interceptor.WorkflowInboundInterceptorBase
}

func (c *chainedInbound) Init(out interceptor.WorkflowOutboundInterceptor) error {
	return c.Next.Init(&chainedOutbound{interceptor.WorkflowOutboundInterceptorBase{Next: out}})
}

type chainedOutbound struct {
	interceptor.WorkflowOutboundInterceptorBase
}

func (c *chainedOutbound) GetInfo(ctx workflow.Context) *workflow.Info {
	info := *c.Next.GetInfo(ctx)
	info.FirstRunID = chain
	return &info
}
