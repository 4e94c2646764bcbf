package delivering

import (
	"context"
	"testing"
	"time"

	"github.com/golang/mock/gomock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"everleaf/adapters/activities/activitytest"
	"everleaf/domain"
	"everleaf/mocks"
	"everleaf/ports"
)

const (
	certName  = "shop"
	version   = "v1"
	targetRef = "nginx@west"
)

var (
	now       = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	anything  = gomock.Any()
	waitFault = domain.NewFault(domain.FaultWait, "DatabaseUnavailable", context.DeadlineExceeded,
		"the database does not answer")
)

// rig runs the steps through their registration, on mocks of every port.
type rig struct {
	*testing.T
	env        *testsuite.TestActivityEnvironment
	deliveries *mocks.MockDeliveries
	targets    *mocks.MockTargets
	target     *mocks.MockTarget
	keys       *mocks.MockKeys
	notifier   *mocks.MockNotifier
	observer   *mocks.MockObserver
	// each look at the clock moves it by step.
	now  time.Time
	step time.Duration
}

func newRig(t *testing.T) *rig {
	t.Helper()
	ctrl := gomock.NewController(t)
	r := &rig{
		T: t, env: activitytest.Env(nil), now: now, deliveries: mocks.NewMockDeliveries(ctrl),
		targets: mocks.NewMockTargets(ctrl),
		target:  mocks.NewMockTarget(ctrl), keys: mocks.NewMockKeys(ctrl), notifier: mocks.NewMockNotifier(ctrl),
		observer: mocks.NewMockObserver(ctrl),
	}
	clock := mocks.NewMockClock(ctrl)
	clock.EXPECT().Now().AnyTimes().DoAndReturn(func() time.Time {
		r.now = r.now.Add(r.step)
		return r.now
	})
	processes := mocks.NewMockProcesses(ctrl)
	processes.EXPECT().Processes(gomock.Any()).AnyTimes()
	Register(r.env, New(Params{Deliveries: r.deliveries, Targets: r.targets, Keys: r.keys, Notifier: r.notifier,
		Processes: processes, Clock: clock, Observer: r.observer}))
	return r
}

func call[In, Out any](r *rig, step ports.Step[In, Out], in In) (Out, error) {
	r.Helper()
	return activitytest.Call(r, r.env, step, in)
}

// pair is a stored version as Deliveries has it.
func pair(change ...func(*ports.KeyPair)) ports.KeyPair {
	p := ports.KeyPair{Record: ports.CertificateRecord{Name: certName,
		Issued: &domain.Issued{Version: version, Serial: "0a"}},
		SealedPair: ports.SealedPair{Certificate: certName, ChainPEM: []byte("chain"),
			Key: ports.SealedKey{ID: "k1", Sealed: []byte("sealed")}}}
	for _, c := range change {
		c(&p)
	}
	return p
}

// expectTarget has the target found.
func (r *rig) expectTarget() *gomock.Call {
	return r.targets.EXPECT().Target("nginx").Return(r.target, nil)
}

// expectBundle has the version read and its key opened; the answer is the key, to see that it is cleared.
func (r *rig) expectBundle(p ports.KeyPair) (key []byte) {
	key = []byte("private")
	r.deliveries.EXPECT().Bundle(anything, certName, version).Return(p, nil)
	r.keys.EXPECT().Open(anything, p.SealedPair).Return(key, nil)
	return key
}

// expectBegin has a delivery numbered, or a removal if version is empty. Each try of a step has the same ID.
func (r *rig) expectBegin(version string) *gomock.Call {
	r.Helper()
	same := func(request ports.DeliveryRequest) {
		require.NotEmpty(r, request.ID)
		require.Equal(r, ports.DeliveryRequest{Certificate: certName, Target: targetRef, ID: request.ID}, request)
	}
	if version == "" {
		return r.deliveries.EXPECT().BeginRemoval(anything,
			anything).Do(func(_ context.Context, request ports.DeliveryRequest) { same(request) })
	}
	return r.deliveries.EXPECT().BeginDelivery(anything, anything,
		version).Do(func(_ context.Context, request ports.DeliveryRequest, _ string) { same(request) })
}

func requireReason(t *testing.T, err error, kind domain.FaultKind, reason domain.Reason, retryable bool) {
	t.Helper()
	application, fault := activitytest.FaultIn(t, err)
	require.Equal(t, []any{kind, reason}, []any{fault.Kind, fault.Reason})
	require.Equal(t, retryable, !application.NonRetryable())
	require.NotContains(t, err.Error(), "private")
}
