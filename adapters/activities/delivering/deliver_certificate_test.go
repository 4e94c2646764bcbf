package delivering

import (
	"context"
	"testing"
	"time"

	"github.com/golang/mock/gomock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/worker"

	"everleaf/domain"
	"everleaf/ports"
)

var (
	deliverInput = ports.DeliverCertificateInput{Certificate: certName, Target: targetRef, Version: version}
	removeInput  = ports.RemoveDeliveryInput{Certificate: certName, Target: targetRef}
	targetFault  = domain.NewFault(domain.FaultWait, "TargetUnavailable", nil, "the disk is full")
	refusal      = domain.NewFault(domain.FaultOperator, "TargetRefused", nil, "no right to write")
	unknown      = domain.NewFault(domain.FaultOperator, "UnknownTarget", nil, "no such target")
	late         = domain.NewFault(domain.FaultWait, "VersionReplaced", nil, "late").Permanent()
)

func TestDeliverCertificateDeliversAndRecords(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	key := r.expectBundle(pair())
	gomock.InOrder(
		r.expectTarget(),
		r.expectBegin(version).Return(int64(7), nil),
		r.target.EXPECT().Deliver(anything, ports.Bundle{Certificate: certName, Target: targetRef, Sequence: 7,
			Issued:   *pair().Record.Issued,
			ChainPEM: []byte("chain"), KeyPEM: []byte("private")}).Return("written", nil),
		r.deliveries.EXPECT().RecordDelivered(anything, certName, targetRef, int64(7), "written"),
		r.observer.EXPECT().CertificateDelivered(anything, targetRef),
	)
	out, err := call(r, ports.DeliverCertificate, deliverInput)
	require.NoError(t, err)
	require.Equal(t, "written", out.Confirmation)
	require.Equal(t, make([]byte, len(key)), key, "the key is cleared")
}

// A target counts as met from BeginDelivery on. What is found before must not have it counted: the mocks refuse the
// call.
func TestDeliverCertificateFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		expect    func(*rig)
		kind      domain.FaultKind
		reason    domain.Reason
		retryable bool
	}{
		"a worker without the target": {func(r *rig) { r.targets.EXPECT().Target("nginx").Return(nil, unknown) },
			domain.FaultOperator, "UnknownTarget", false},
		"Postgres is away": {func(r *rig) {
			r.expectTarget()
			r.deliveries.EXPECT().Bundle(anything, certName, version).Return(ports.KeyPair{}, waitFault)
		}, domain.FaultWait, waitFault.Reason, true},
		"no such version of the certificate": {func(r *rig) {
			r.expectTarget()
			r.deliveries.EXPECT().Bundle(anything, certName, version).Return(ports.KeyPair{},
				domain.NewFault(domain.FaultOperator, "UnknownVersion", nil, "no"))
		}, domain.FaultOperator, "UnknownVersion", false},
		"another version is in service": {func(r *rig) {
			r.expectTarget()
			r.deliveries.EXPECT().Bundle(anything, certName,
				version).Return(pair(func(p *ports.KeyPair) { p.Replaced = true }), nil)
		}, domain.FaultWait, "VersionReplaced", false},
		"the certificate is released": {func(r *rig) {
			r.expectTarget()
			r.deliveries.EXPECT().Bundle(anything, certName,
				version).Return(pair(func(p *ports.KeyPair) { p.Record.ReleasedAt = new(time.Time) }), nil)
		}, domain.FaultWait, "VersionReplaced", false},
		"a wrong sealing key": {func(r *rig) {
			r.expectTarget()
			r.deliveries.EXPECT().Bundle(anything, certName, version).Return(pair(), nil)
			r.keys.EXPECT().Open(anything, anything).Return(nil,
				domain.NewFault(domain.FaultOperator, "SealingKeyWrong", nil, "wrong"))
		}, domain.FaultOperator, "SealingKeyWrong", false},
		"something later was asked for": {func(r *rig) {
			r.expectTarget()
			r.expectBundle(pair())
			r.expectBegin(version).Return(int64(0), late)
		}, domain.FaultWait, "VersionReplaced", false},
		"the target is away": {func(r *rig) {
			r.expectTarget()
			r.expectBundle(pair())
			r.expectBegin(version)
			r.target.EXPECT().Deliver(anything, anything).Return("", targetFault)
		}, domain.FaultWait, "TargetUnavailable", true},
		"the target refuses": {func(r *rig) {
			r.expectTarget()
			r.expectBundle(pair())
			r.expectBegin(version)
			r.target.EXPECT().Deliver(anything, anything).Return("", refusal)
		}, domain.FaultOperator, "TargetRefused", false},
		"something later was done meanwhile": {func(r *rig) {
			r.expectTarget()
			r.expectBundle(pair())
			gomock.InOrder(r.expectBegin(version).Return(int64(7), nil), r.expectBegin(version).Return(int64(0), late))
			r.target.EXPECT().Deliver(anything, anything).Return("", late)
		}, domain.FaultWait, "VersionReplaced", false},
		// Not VersionReplaced: the record would not know better.
		"the target has had a number that nobody knows": {func(r *rig) {
			r.expectTarget()
			r.expectBundle(pair())
			r.expectBegin(version).Times(2).Return(int64(7), nil)
			r.target.EXPECT().Deliver(anything, anything).Return("", late)
		}, domain.FaultOperator, "TargetAhead", false},
		"it was cleared since: what came late is taken away again": {func(r *rig) {
			r.expectTarget()
			r.expectBundle(pair())
			gomock.InOrder(
				r.expectBegin(version).Return(int64(7), nil),
				r.target.EXPECT().Deliver(anything, anything).Return("written", nil),
				r.deliveries.EXPECT().RecordDelivered(anything, certName, targetRef, int64(7), "written").Return(true,
					late),
				r.target.EXPECT().Remove(anything,
					ports.Removal{Certificate: certName, Target: targetRef, Sequence: 7}).Return(targetFault),
			)
		}, domain.FaultWait, "VersionReplaced", false},
		"something later is on its way": {func(r *rig) {
			r.expectTarget()
			r.expectBundle(pair())
			r.expectBegin(version)
			r.target.EXPECT().Deliver(anything, anything).Return("written", nil)
			r.deliveries.EXPECT().RecordDelivered(anything, anything, anything, anything, anything).Return(false, late)
		}, domain.FaultWait, "VersionReplaced", false},
		"it cannot be recorded": {func(r *rig) {
			r.expectTarget()
			r.expectBundle(pair())
			r.expectBegin(version)
			r.target.EXPECT().Deliver(anything, anything).Return("written", nil)
			r.deliveries.EXPECT().RecordDelivered(anything, anything, anything, anything, anything).Return(false,
				waitFault)
		}, domain.FaultWait, waitFault.Reason, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			c.expect(r)
			_, err := call(r, ports.DeliverCertificate, deliverInput)
			requireReason(t, err, c.kind, c.reason, c.retryable)
		})
	}
}

// What was done at the target is recorded although the step was ended meanwhile.
func TestDeliverCertificateRecordsAfterItsEnd(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ctx, cancel := context.WithCancel(t.Context())
	r.env.SetWorkerOptions(worker.Options{BackgroundActivityContext: ctx})
	r.expectTarget()
	r.expectBundle(pair())
	r.expectBegin(version)
	r.target.EXPECT().Deliver(anything, anything).DoAndReturn(func(context.Context, ports.Bundle) (string, error) {
		cancel()
		return "written", nil
	})
	r.deliveries.EXPECT().RecordDelivered(anything, anything, anything, anything, anything).DoAndReturn(
		func(ctx context.Context, _, _ string, _ int64, _ string) (bool, error) { return false, ctx.Err() })
	r.observer.EXPECT().CertificateDelivered(anything, targetRef)
	_, err := call(r, ports.DeliverCertificate, deliverInput)
	require.NoError(t, err)
}

func TestRemoveDeliveryRemovesAndRecords(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	gomock.InOrder(
		r.expectTarget(),
		r.expectBegin("").Return(int64(8), nil),
		r.target.EXPECT().Remove(anything, ports.Removal{Certificate: certName, Target: targetRef, Sequence: 8}),
		r.deliveries.EXPECT().RecordRemoved(anything, certName, targetRef, int64(8)),
	)
	_, err := call(r, ports.RemoveDelivery, removeInput)
	require.NoError(t, err)
}

func TestRemoveDeliveryFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		expect    func(*rig)
		kind      domain.FaultKind
		reason    domain.Reason
		retryable bool
	}{
		"a worker without the target": {func(r *rig) { r.targets.EXPECT().Target("nginx").Return(nil, unknown) },
			domain.FaultOperator, "UnknownTarget", false},
		"something later was asked for": {func(r *rig) {
			r.expectTarget()
			r.expectBegin("").Return(int64(0), late)
		}, domain.FaultWait, "VersionReplaced", false},
		"the target is away": {func(r *rig) {
			r.expectTarget()
			r.expectBegin("")
			r.target.EXPECT().Remove(anything, anything).Return(targetFault)
		}, domain.FaultWait, "TargetUnavailable", true},
		"the target has had a number that nobody knows": {func(r *rig) {
			r.expectTarget()
			r.expectBegin("").Times(2)
			r.target.EXPECT().Remove(anything, anything).Return(late)
		}, domain.FaultOperator, "TargetAhead", false},
		"it cannot be recorded": {func(r *rig) {
			r.expectTarget()
			r.expectBegin("")
			r.target.EXPECT().Remove(anything, anything)
			r.deliveries.EXPECT().RecordRemoved(anything, anything, anything, anything).Return(waitFault)
		}, domain.FaultWait, waitFault.Reason, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			c.expect(r)
			_, err := call(r, ports.RemoveDelivery, removeInput)
			requireReason(t, err, c.kind, c.reason, c.retryable)
		})
	}
}
