package sweeping

import (
	"context"
	"testing"
	"time"

	"github.com/golang/mock/gomock"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"everleaf/adapters/activities/activitytest"
	"everleaf/domain"
	"everleaf/mocks"
	"everleaf/ports"
)

const certName = "shop"

var (
	now       = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	anything  = gomock.Any()
	waitFault = domain.NewFault(domain.FaultWait, "DatabaseUnavailable", context.DeadlineExceeded,
		"the database does not answer")
	operatorFault = domain.NewFault(domain.FaultOperator, "SealingKeyWrong", nil, "another key")
)

// rig runs the steps through their registration, on mocks of every port.
type rig struct {
	*testing.T
	env        *testsuite.TestActivityEnvironment
	activities *Activities
	advice     *mocks.MockAdvice
	backlog    *mocks.MockBacklog
	issuers    *mocks.MockIssuers
	ca         *mocks.MockCA
	notifier   *mocks.MockNotifier
	resealer   *mocks.MockResealer
	records    *mocks.MockDNSRecords
	solver     *mocks.MockSolver
	rand       *mocks.MockRand
	observer   *mocks.MockObserver
	// each look at the clock moves it by step.
	now  time.Time
	step time.Duration
}

func newRig(t *testing.T) *rig {
	t.Helper()
	ctrl := gomock.NewController(t)
	r := &rig{
		T: t, env: activitytest.Env(nil), now: now, advice: mocks.NewMockAdvice(ctrl),
		backlog: mocks.NewMockBacklog(ctrl),
		issuers: mocks.NewMockIssuers(ctrl), ca: mocks.NewMockCA(ctrl), notifier: mocks.NewMockNotifier(ctrl),
		resealer: mocks.NewMockResealer(ctrl),
		records:  mocks.NewMockDNSRecords(ctrl), solver: mocks.NewMockSolver(ctrl), rand: mocks.NewMockRand(ctrl),
		observer: mocks.NewMockObserver(ctrl),
	}
	clock := mocks.NewMockClock(ctrl)
	clock.EXPECT().Now().AnyTimes().DoAndReturn(func() time.Time {
		r.now = r.now.Add(r.step)
		return r.now
	})
	r.issuers.EXPECT().Issuer("default").AnyTimes().Return(r.ca, nil)
	r.solver.EXPECT().Type().AnyTimes().Return(domain.ChallengeDNS01)
	r.activities = New(Params{Advice: r.advice, Backlog: r.backlog, Issuers: r.issuers, Notifier: r.notifier,
		Resealer: r.resealer,
		Records:  r.records, Solvers: []ports.Solver{r.solver}, Clock: clock, Rand: r.rand, Observer: r.observer})
	Register(r.env, r.activities)
	return r
}

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
