package delivering

import (
	"context"
	"testing"
	"time"

	"github.com/golang/mock/gomock"
	"github.com/stretchr/testify/require"

	"everleaf/domain"
	"everleaf/mocks"
	"everleaf/ports"
)

const version = "v1"

var (
	deliverInput = ports.DeliverCertificateInput{Certificate: certName, Target: "nginx@west", Issued: domain.Issued{Version: version}}
	targetFault  = domain.NewFault(domain.FaultWait, "TargetUnavailable", nil, "the disk is full")
	refusal      = domain.NewFault(domain.FaultOperator, "TargetRefused", nil, "no right to write")
)

// pair is a stored version as Deliveries has it.
func pair(change ...func(*ports.KeyPair)) ports.KeyPair {
	p := ports.KeyPair{Record: ports.CertificateRecord{Name: certName, Issued: &domain.Issued{Version: version, Serial: "0a"}},
		ChainPEM: []byte("chain"), SealedKey: []byte("sealed")}
	for _, c := range change {
		c(&p)
	}
	return p
}

// expectBundle has the version read and its key opened; the answer is the key, to see that it is cleared.
func (r *rig) expectBundle(p ports.KeyPair) (key []byte) {
	key = []byte("private")
	r.deliveries.EXPECT().Bundle(anything, version).Return(p, nil)
	r.sealer.EXPECT().Open(anything, []byte("sealed")).Return(key, nil)
	return key
}

// expectSequence has the request numbered, by the instant at which the step was scheduled.
func (r *rig) expectSequence(version string) *gomock.Call {
	return r.deliveries.EXPECT().Sequence(anything, anything).Do(func(_ context.Context, request ports.DeliveryRequest) {
		require.NotZero(r, request.Asked)
		request.Asked = time.Time{}
		require.Equal(r, ports.DeliveryRequest{Certificate: certName, Target: "nginx@west", Version: version}, request)
	})
}

func (r *rig) expectTarget() { r.targets.EXPECT().Target("nginx").AnyTimes().Return(r.target, nil) }

func TestDeliverCertificateDeliversAndNotes(t *testing.T) {
	r := newRig(t)
	observer := mocks.NewMockObserver(gomock.NewController(t))
	r.activities.Observer = observer
	r.expectTarget()
	key := r.expectBundle(pair())
	gomock.InOrder(
		r.expectSequence(version).Return(int64(7), nil),
		r.target.EXPECT().Deliver(anything, ports.Bundle{Certificate: certName, Target: "nginx@west", Sequence: 7, Issued: *pair().Record.Issued, ChainPEM: []byte("chain"),
			KeyPEM: []byte("private")}).Return("written", nil),
		r.deliveries.EXPECT().RecordDelivered(anything, certName, "nginx@west", version, "written"),
		observer.EXPECT().CertificateDelivered(anything, "nginx@west"),
	)
	out, err := call(r, ports.DeliverCertificate, deliverInput)
	require.NoError(t, err)
	require.Equal(t, "written", out.Confirmation)
	require.Equal(t, make([]byte, len(key)), key, "the key is cleared")
}

func TestDeliverCertificateSaysWhatIsInTheWay(t *testing.T) {
	unknown := domain.NewFault(domain.FaultOperator, "UnknownTarget", nil, "no such target")
	for name, c := range map[string]struct {
		expect    func(*rig)
		fault     domain.FaultKind
		reason    string
		retryable bool
	}{
		"a worker without the target": {func(r *rig) { r.targets.EXPECT().Target("nginx").Return(nil, unknown) },
			domain.FaultOperator, "UnknownTarget", false},
		"Postgres is away": {func(r *rig) {
			r.expectTarget()
			r.deliveries.EXPECT().Bundle(anything, version).Return(ports.KeyPair{}, waitFault)
		}, domain.FaultWait, waitFault.Reason, true},
		"another version is in service": {func(r *rig) {
			r.expectTarget()
			r.deliveries.EXPECT().Bundle(anything, version).Return(pair(func(p *ports.KeyPair) { p.Replaced = true }), nil)
		}, domain.FaultWait, "VersionReplaced", false},
		"the version is another certificate's": {func(r *rig) {
			r.expectTarget()
			r.deliveries.EXPECT().Bundle(anything, version).Return(pair(func(p *ports.KeyPair) { p.Record.Name = "other" }), nil)
		}, domain.FaultOperator, "UnknownVersion", false},
		"a wrong sealing key": {func(r *rig) {
			r.expectTarget()
			r.deliveries.EXPECT().Bundle(anything, version).Return(pair(), nil)
			r.sealer.EXPECT().Open(anything, anything).Return(nil, domain.NewFault(domain.FaultOperator, "SealingKeyWrong", nil, "wrong"))
		}, domain.FaultOperator, "SealingKeyWrong", false},
		"something later was asked for": {func(r *rig) {
			r.expectTarget()
			r.expectBundle(pair())
			r.expectSequence(version).Return(int64(0), domain.NewFault(domain.FaultWait, "VersionReplaced", nil, "late").ForGood())
		}, domain.FaultWait, "VersionReplaced", false},
		"the target is away": {func(r *rig) {
			r.expectTarget()
			r.expectBundle(pair())
			r.expectSequence(version)
			r.target.EXPECT().Deliver(anything, anything).Return("", targetFault)
		}, domain.FaultWait, "TargetUnavailable", true},
		"the target refuses": {func(r *rig) {
			r.expectTarget()
			r.expectBundle(pair())
			r.expectSequence(version)
			r.target.EXPECT().Deliver(anything, anything).Return("", refusal)
		}, domain.FaultOperator, "TargetRefused", false},
		"it cannot be noted": {func(r *rig) {
			r.expectTarget()
			r.expectBundle(pair())
			r.expectSequence(version)
			r.target.EXPECT().Deliver(anything, anything).Return("written", nil)
			r.deliveries.EXPECT().RecordDelivered(anything, anything, anything, anything, anything).Return(waitFault)
		}, domain.FaultWait, waitFault.Reason, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			c.expect(r)
			_, err := call(r, ports.DeliverCertificate, deliverInput)
			application, fault := faultIn(t, err)
			require.Equal(t, string(c.fault)+" "+c.reason, string(fault.Kind)+" "+fault.Reason)
			require.Equal(t, c.retryable, !application.NonRetryable())
			require.NotContains(t, err.Error(), "private")
		})
	}
}

func TestRemoveDeliveryRemovesAndNotes(t *testing.T) {
	in := ports.RemoveDeliveryInput{Certificate: certName, Target: "nginx@west"}
	t.Run("removed", func(t *testing.T) {
		r := newRig(t)
		r.expectTarget()
		gomock.InOrder(r.expectSequence("").Return(int64(8), nil),
			r.target.EXPECT().Remove(anything, ports.Removal{Certificate: certName, Target: "nginx@west", Sequence: 8}), r.deliveries.EXPECT().RecordRemoved(anything, certName, "nginx@west"))
		_, err := call(r, ports.RemoveDelivery, in)
		require.NoError(t, err)
	})
	t.Run("not removed", func(t *testing.T) {
		r := newRig(t)
		r.expectTarget()
		r.expectSequence("")
		r.target.EXPECT().Remove(anything, anything).Return(targetFault)
		_, err := call(r, ports.RemoveDelivery, in)
		_, fault := faultIn(t, err)
		require.Equal(t, "TargetUnavailable", fault.Reason)
	})
}

// The failure is decided by its own instant: told again, it is the same.
func TestRecordUndeliveredDecidesAndNotes(t *testing.T) {
	r := newRig(t)
	observer := mocks.NewMockObserver(gomock.NewController(t))
	r.activities.Observer = observer
	r.dice.EXPECT().Fraction().Return(0.5)
	failedAt := now.Add(-time.Minute)
	in := ports.RecordUndeliveredInput{Certificate: certName, Target: "nginx", Version: version,
		Failure:  domain.Failure{Fault: *refusal, At: failedAt, Step: ports.DeliverCertificate.Name},
		Previous: &domain.Failure{Fault: *refusal, Attempts: 1}}
	want := domain.Failure{Fault: domain.Fault{Kind: domain.FaultOperator, Reason: "TargetRefused", Message: refusal.Message}, Attempts: 2,
		At: failedAt, RetryAt: failedAt.Add(10*time.Minute + 30*time.Second), Step: ports.DeliverCertificate.Name}
	gomock.InOrder(r.deliveries.EXPECT().RecordUndelivered(anything, certName, "nginx", version, want),
		observer.EXPECT().DeliveryFailed(anything, "nginx", want.Fault))
	out, err := call(r, ports.RecordUndelivered, in)
	require.NoError(t, err)
	require.Equal(t, &want, out.Failure)
}
