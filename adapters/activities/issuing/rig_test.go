package issuing

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/golang/mock/gomock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"everleaf/adapters/activities"
	"everleaf/adapters/activities/activitytest"
	"everleaf/domain"
	"everleaf/mocks"
	"everleaf/ports"
)

const (
	certName = "shop"
	replaced = "v0"
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
	return ports.StoredOrder{ID: orderID, Certificate: certName, Key: firstOrder, State: ports.OrderPlaced,
		Issuer: "default",
		Spec:   spec, CSR: []byte("csr"), URL: orderURL}
}

// part is a step of the tests' own: some of an issuance, run as ObtainCertificate would.
var part = ports.Step[struct{}, struct{}]{Name: "part"}

// rig runs the steps as a worker would, through their registration, on mocks of every port.
type rig struct {
	*testing.T
	env          *testsuite.TestActivityEnvironment
	activities   *Activities
	orders       *mocks.MockOrders
	certificates *mocks.MockCertificates
	deliveries   *mocks.MockDeliveries
	validations  *mocks.MockValidations
	issuers      *mocks.MockIssuers
	ca           *mocks.MockCA
	solver       *mocks.MockSolver
	keys         *mocks.MockKeys
	rand         *mocks.MockRand
	// processes are those that run, on the task queue that the steps are on.
	processes []ports.Process
	// each look at the clock moves it by step.
	now  time.Time
	step time.Duration
	// failures are the validations that failed before, counted the names of those that failed since; countFault is the
	// answer to their record.
	failures   map[string][]time.Time
	counted    []string
	countFault error
	// waitLimit is the solver's.
	waitLimit time.Duration
	// in is what part obtains, run what it does.
	in  ports.ObtainCertificateInput
	run func(context.Context, *issuance) error
	// saved is the last heartbeat's progress.
	saving sync.Mutex
	saved  progress
	beaten chan struct{}
}

func newRig(t *testing.T) *rig {
	t.Helper()
	ctrl := gomock.NewController(t)
	r := &rig{
		T: t, orders: mocks.NewMockOrders(ctrl), certificates: mocks.NewMockCertificates(ctrl),
		deliveries:  mocks.NewMockDeliveries(ctrl),
		validations: mocks.NewMockValidations(ctrl), issuers: mocks.NewMockIssuers(ctrl), ca: mocks.NewMockCA(ctrl),
		solver: mocks.NewMockSolver(ctrl), keys: mocks.NewMockKeys(ctrl),
		rand: mocks.NewMockRand(ctrl),
		now:  now, waitLimit: 30 * time.Second, in: obtainInput, beaten: make(chan struct{}, 1),
	}
	clock := mocks.NewMockClock(ctrl)
	clock.EXPECT().Now().AnyTimes().DoAndReturn(func() time.Time {
		r.now = r.now.Add(r.step)
		return r.now
	})
	r.solver.EXPECT().WaitLimit().AnyTimes().DoAndReturn(func() time.Duration { return r.waitLimit })
	r.solver.EXPECT().Type().AnyTimes().Return(domain.ChallengeHTTP01)
	// Nothing failed lately, unless a test says so; what fails is counted.
	r.validations.EXPECT().FailedValidations(anything, "default", anything, anything).AnyTimes().DoAndReturn(
		func(context.Context, string, []string, time.Time) (map[string][]time.Time, error) {
			return r.failures, nil
		})
	r.validations.EXPECT().RecordFailedValidation(anything, "default", anything, anything,
		anything).AnyTimes().DoAndReturn(
		func(_ context.Context, _, name, _ string, _ time.Time) error {
			r.counted = append(r.counted, name)
			return r.countFault
		})
	r.issuers.EXPECT().Issuer("default").AnyTimes().Return(r.ca, nil)
	r.issuers.EXPECT().Issuer("other").AnyTimes().Return(nil, operatorFault)
	running := mocks.NewMockProcesses(ctrl)
	running.EXPECT().Processes(anything).AnyTimes().DoAndReturn(func(ctx context.Context) ([]ports.Process, error) {
		for i := range r.processes {
			r.processes[i].TaskQueue = activity.GetInfo(ctx).TaskQueue
		}
		return r.processes, nil
	})
	r.activities = New(Params{
		Orders: r.orders, Certificates: r.certificates, Deliveries: r.deliveries, Validations: r.validations,
		Issuers: r.issuers,
		Solvers: []ports.Solver{r.solver}, Keys: r.keys, Clock: clock, Rand: r.rand,
		Observer: activitytest.Unobserved{}, Processes: running,
	})
	r.activities.pace = pace{
		heartbeat: time.Minute, place: 10 * time.Second, check: time.Millisecond, poll: time.Millisecond,
		pauseMax: time.Minute,
		askedMax: time.Hour, parkMin: time.Second, stageLimit: time.Hour,
		silence: 10 * time.Minute, silenceMin: 5 * time.Second, silenceMax: 2 * time.Minute, cleanUp: time.Minute,
		advice: time.Minute,
	}
	r.env = activitytest.Env(nil)
	r.env.SetOnActivityHeartbeatListener(r.heard)
	RegisterShort(r.env, r.activities)
	RegisterLong(r.env, r.activities)
	activities.Register(r.env, part, r.part)
	return r
}

// heard keeps what a heartbeat carries.
func (r *rig) heard(_ *activity.Info, details converter.EncodedValues) {
	var saved progress // not the last one: what is zero now is left out of the details
	_ = details.Get(&saved)
	r.saving.Lock()
	r.saved = saved
	r.saving.Unlock()
	select {
	case r.beaten <- struct{}{}:
	default:
	}
}

// progress is what the last heartbeat carried.
func (r *rig) progress() progress {
	r.saving.Lock()
	defer r.saving.Unlock()
	return r.saved
}

// again has the next call go on from what the last one saved, some time later.
func (r *rig) again(later time.Duration) {
	r.env.SetHeartbeatDetails(r.progress())
	r.now = r.now.Add(later)
}

func (r *rig) part(ctx context.Context, _ struct{}) (none struct{}, err error) {
	i := &issuance{Activities: r.activities, in: r.in, spec: r.in.Spec.WithDefaults(), issuer: "default", ca: r.ca,
		stored: placed(),
		at:     activities.Resumed[progress](ctx)}
	beating, beat := activities.Beat(ctx, r.activities.pace.heartbeat, i.at)
	defer beat.Stop()
	i.beat = beat
	if err := r.run(beating, i); err != nil {
		return none, i.endTry(ctx, err)
	}
	return none, nil
}

// parts runs some of an issuance.
func (r *rig) parts(run func(context.Context, *issuance) error) error {
	r.Helper()
	r.run = run
	_, err := call(r, part, struct{}{})
	return err
}

// call runs a step by its contract's name.
func call[In, Out any](r *rig, step ports.Step[In, Out], in In) (Out, error) {
	r.Helper()
	return activitytest.Call(r, r.env, step, in)
}

// cancellable gives the steps a context that the test ends.
func (r *rig) cancellable() (cancel func()) {
	ctx, cancel := context.WithCancel(context.Background())
	r.Cleanup(cancel)
	r.env.SetWorkerOptions(worker.Options{BackgroundActivityContext: ctx})
	return cancel
}

// beat waits until the step has sent a heartbeat.
func (r *rig) beat() {
	select {
	case <-r.beaten:
	case <-time.After(10 * time.Second):
		r.Error("no heartbeat")
	}
}

// Faults of each kind, as ports hand them out. What may be retried in place is a wait or the CA's, without RetryAfter.
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

// parked asserts that err only ends a try that waits for the CA, and returns the pause before the next.
func parked(t testing.TB, err error) time.Duration {
	t.Helper()
	return parkedFor(t, err, domain.ReasonOrderStuck)
}

// parkedFor is parked for whatever reason.
func parkedFor(t testing.TB, err error, reason domain.Reason) time.Duration {
	t.Helper()
	application, fault := faultIn(t, err)
	require.Equal(t, temporal.ApplicationErrorCategoryBenign, application.Category(), "%v", err)
	require.False(t, application.NonRetryable())
	require.Equal(t, reason, fault.Reason, "what it is if no next try is allowed")
	return application.NextRetryDelay()
}

// anything matches every argument.
var anything = gomock.Any()
