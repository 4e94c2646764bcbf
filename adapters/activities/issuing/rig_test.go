package issuing

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/golang/mock/gomock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"everleaf/domain"
	"everleaf/mocks"
	"everleaf/ports"
)

const (
	certName = "shop"
	key      = "run/1"
	orderID  = "order-1"
	orderURL = "https://ca.test/order/1"
	certURL  = "https://ca.test/cert/1"
	account  = "https://ca.test/acct/1"
)

var (
	now  = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	spec = domain.Spec{Names: []string{"a.example.com", "b.example.com"}}.WithDefaults()
	// pending is the order at the CA, placed the order as Postgres has it.
	pending = domain.Order{ID: orderID, Issuer: "default", URL: orderURL, Status: domain.OrderPending,
		Authorizations: []string{"authz/a", "authz/b"}, Expires: now.Add(time.Hour)}
)

func placed() ports.StoredOrder {
	return ports.StoredOrder{ID: orderID, Certificate: certName, Key: key, State: ports.OrderPlaced, Issuer: "default",
		Spec: spec, CSR: []byte("csr"), URL: orderURL}
}

// rig runs the steps as a worker would, through their registration, on mocks of every port.
type rig struct {
	*testing.T
	env          *testsuite.TestActivityEnvironment
	activities   *Activities
	orders       *mocks.MockOrders
	certificates *mocks.MockCertificates
	issuers      *mocks.MockIssuers
	ca           *mocks.MockCA
	keys         *mocks.MockKeys
	solver       *mocks.MockSolver
	deliveries   *mocks.MockDeliveries
	targets      *mocks.MockTargets
	target       *mocks.MockTarget
	notifier     *mocks.MockNotifier
	sealer       *mocks.MockSealer
	validations  *mocks.MockValidations
	dice         *mocks.MockDice
	// each look at the clock moves it by step.
	now  time.Time
	step time.Duration
	// failures are what the validations tell, counted what they were told; countFault is their answer to that.
	failures   map[string][]time.Time
	counted    []string
	countFault error
	// patience is the solver's.
	patience time.Duration
}

func newRig(t *testing.T) *rig {
	t.Helper()
	ctrl := gomock.NewController(t)
	r := &rig{
		T: t, orders: mocks.NewMockOrders(ctrl), certificates: mocks.NewMockCertificates(ctrl),
		issuers: mocks.NewMockIssuers(ctrl), ca: mocks.NewMockCA(ctrl), keys: mocks.NewMockKeys(ctrl),
		solver: mocks.NewMockSolver(ctrl), dice: mocks.NewMockDice(ctrl), now: now, patience: 30 * time.Second,
		deliveries: mocks.NewMockDeliveries(ctrl), targets: mocks.NewMockTargets(ctrl), target: mocks.NewMockTarget(ctrl),
		notifier: mocks.NewMockNotifier(ctrl), sealer: mocks.NewMockSealer(ctrl), validations: mocks.NewMockValidations(ctrl),
	}
	clock := mocks.NewMockClock(ctrl)
	clock.EXPECT().Now().AnyTimes().DoAndReturn(func() time.Time {
		r.now = r.now.Add(r.step)
		return r.now
	})
	r.solver.EXPECT().Patience().AnyTimes().DoAndReturn(func() time.Duration { return r.patience })
	r.solver.EXPECT().Type().AnyTimes().Return(domain.ChallengeHTTP01)
	// Nothing failed lately, unless a test says so; what fails is counted.
	r.validations.EXPECT().FailedValidations(anything, "default", anything, anything).AnyTimes().DoAndReturn(
		func(context.Context, string, []string, time.Time) (map[string][]time.Time, error) {
			return r.failures, nil
		})
	r.validations.EXPECT().RecordFailedValidation(anything, "default", anything, anything, anything).AnyTimes().DoAndReturn(
		func(_ context.Context, _, name, _ string, _ time.Time) error {
			r.counted = append(r.counted, name)
			return r.countFault
		})
	r.issuers.EXPECT().Issuer("default").AnyTimes().Return(r.ca, nil)
	r.issuers.EXPECT().Issuer("other").AnyTimes().Return(nil, operatorFault)
	r.activities = New(Params{
		Orders: r.orders, Certificates: r.certificates, Issuers: r.issuers, Keys: r.keys,
		Solvers: []ports.Solver{r.solver}, Clock: clock, Dice: r.dice,
		Deliveries: r.deliveries, Targets: r.targets, Notifier: r.notifier, Sealer: r.sealer, Validations: r.validations,
	})
	r.activities.pace = pace{
		heartbeat: time.Minute, check: time.Millisecond, checkMax: time.Hour, poll: time.Millisecond,
		pollMax: time.Minute, toldMax: time.Minute, finalize: 5 * time.Second, cleanUp: time.Minute, advice: time.Minute,
	}
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	r.env = suite.NewTestActivityEnvironment()
	both := &once{ActivityRegistry: r.env}
	RegisterShort(both, r.activities)
	RegisterLong(both, r.activities)
	RegisterDelivery(both, r.activities)
	return r
}

// once registers a step that two workers have only once, for an environment that stands for both.
type once struct {
	worker.ActivityRegistry
	seen names
}

func (o *once) RegisterActivityWithOptions(run any, options activity.RegisterOptions) {
	if slices.Contains(o.seen.registered, options.Name) {
		return
	}
	o.seen.RegisterActivityWithOptions(run, options)
	o.ActivityRegistry.RegisterActivityWithOptions(run, options)
}

// call runs a step by its contract's name.
func call[In, Out any](r *rig, step ports.Step[In, Out], in In) (out Out, err error) {
	r.Helper()
	value, err := r.env.ExecuteActivity(step.Name, in)
	if err != nil {
		return out, err
	}
	require.NoError(r, value.Get(&out))
	return out, nil
}

// cancellable gives the steps a context that the test ends.
func (r *rig) cancellable() (cancel func()) {
	ctx, cancel := context.WithCancel(context.Background())
	r.Cleanup(cancel)
	r.env.SetWorkerOptions(worker.Options{BackgroundActivityContext: ctx})
	return cancel
}

// heartbeats returns what waits until the step has sent one.
func (r *rig) heartbeats() (wait func()) {
	beaten := make(chan struct{}, 1)
	r.env.SetOnActivityHeartbeatListener(func(*activity.Info, converter.EncodedValues) {
		select {
		case beaten <- struct{}{}:
		default:
		}
	})
	return func() {
		select {
		case <-beaten:
		case <-time.After(10 * time.Second):
			r.Error("no heartbeat")
		}
	}
}

// Faults of each kind, as ports hand them out. What may be retried in place is a wait or the CA's, without RetryAfter.
var (
	waitFault     = domain.NewFault(domain.FaultWait, "DatabaseUnavailable", context.DeadlineExceeded, "the database does not answer")
	caFault       = domain.NewFault(domain.FaultCA, "Unavailable", nil, "the CA answers 503")
	limitedFault  = domain.NewFault(domain.FaultRateLimited, "RateLimited", nil, "too many orders").WithRetryAfter(90 * time.Second)
	busyFault     = domain.NewFault(domain.FaultCA, "Busy", nil, "the CA is busy").WithRetryAfter(7 * time.Second)
	nameFault     = domain.NewFault(domain.FaultName, "CAA", nil, "a CAA record forbids it")
	operatorFault = domain.NewFault(domain.FaultOperator, "UnknownIssuer", nil, "no such issuer")
	specFault     = domain.NewFault(domain.FaultSpec, "RejectedIdentifier", nil, "the CA will not have this name")
)

// wire asserts that err is what the workflow reads: kind as type, fault as first detail, cause in words.
func wire(t testing.TB, err error, want *domain.Fault, retryable bool) {
	t.Helper()
	application, fault := faultIn(t, err)
	require.Equal(t, string(want.Kind), application.Type())
	require.Equal(t, !retryable, application.NonRetryable())
	require.Equal(t, domain.Fault{Kind: want.Kind, Reason: want.Reason, Message: want.Error(), RetryAfter: want.RetryAfter}, fault)
}

// faultIn takes err over the wire, where only words survive, and finds the fault.
func faultIn(t testing.TB, err error) (*temporal.ApplicationError, domain.Fault) {
	t.Helper()
	converter := temporal.GetDefaultFailureConverter()
	err = converter.FailureToError(converter.ErrorToFailure(err))
	var application *temporal.ApplicationError
	require.ErrorAs(t, err, &application)
	var fault domain.Fault
	require.NoError(t, application.Details(&fault))
	return application, fault
}

// anything matches every argument.
var anything = gomock.Any()
