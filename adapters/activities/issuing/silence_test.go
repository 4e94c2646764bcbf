package issuing

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"everleaf/domain"
	"everleaf/ports"
)

var silentFault = domain.NewFault(domain.FaultCA, domain.ReasonNotAnswering, nil, "the CA has not answered")

// waits asserts that the try is parked because the CA answers nobody, and returns the pause before the next.
func waits(t *testing.T, err error) time.Duration {
	t.Helper()
	application, fault := faultIn(t, err)
	require.Equal(t, domain.ReasonNotAnswering, fault.Reason)
	require.Equal(t, temporal.ApplicationErrorCategoryBenign, application.Category())
	require.False(t, application.NonRetryable())
	return application.NextRetryDelay()
}

// fails asserts that the attempt is over: the CA's fault, which the policy decides on.
func fails(t *testing.T, err error) {
	t.Helper()
	application, fault := faultIn(t, err)
	require.Equal(t, domain.FaultCA, fault.Kind)
	require.Equal(t, domain.ReasonNotAnswering, fault.Reason)
	require.True(t, application.NonRetryable())
	require.NotEqual(t, temporal.ApplicationErrorCategoryBenign, application.Category())
}

func TestSilentCA(t *testing.T) {
	hang := func(context.Context, *issuance) error { return silentFault }
	t.Run("parks, longer with each try, and is at last the CA's fault", func(t *testing.T) {
		r := newRig(t)
		r.rand.EXPECT().Float64().AnyTimes().Return(0.5)
		for _, c := range []struct{ later, pause time.Duration }{
			{0, 5 * time.Second}, {4 * time.Second, 5 * time.Second}, {16 * time.Second, 20 * time.Second},
			{time.Minute, 80 * time.Second}, {4 * time.Minute, 2 * time.Minute},
		} {
			r.again(c.later)
			require.Equal(t, c.pause*3/4, waits(t, r.parts(hang)))
			require.Zero(t, r.progress().Failures, "no failure")
		}
		r.again(10 * time.Minute)
		fails(t, r.parts(hang))
		require.False(t, silentFault.Final, "a fault that others share is not written to")
	})
	t.Run("each waits for its own time", func(t *testing.T) {
		for fraction, pause := range map[float64]time.Duration{0: 2500 * time.Millisecond,
			0.999: 4997500 * time.Microsecond} {
			r := newRig(t)
			r.rand.EXPECT().Float64().Return(fraction)
			require.Equal(t, pause, waits(t, r.parts(hang)))
		}
	})
	t.Run("an answer ends the silence", func(t *testing.T) {
		r := newRig(t)
		r.rand.EXPECT().Float64().AnyTimes().Return(0.0)
		waits(t, r.parts(hang))
		r.again(9 * time.Minute)
		require.Error(t, r.parts(func(context.Context, *issuance) error { return caFault }))
		require.Equal(t, 1, r.progress().Failures)
		r.again(9 * time.Minute)
		waits(t, r.parts(hang))
		require.Equal(t, 1, r.progress().Failures)
	})
	t.Run("another issuer is asked at once", func(t *testing.T) {
		r := newRig(t)
		r.in.Spec.Issuers = []string{"default", "other"}
		fails(t, r.parts(hang))
	})
}

func TestSilentCARevokes(t *testing.T) {
	r := newRig(t)
	in := ports.RevokeCertificateInput{Certificate: certName, Version: "v1"}
	asked := domain.Revocation{Issued: domain.Issued{Version: "v1", Issuer: "default"},
		Reason: domain.RevokedKeyCompromise}
	r.certificates.EXPECT().Record(anything, certName).AnyTimes().Return(domain.Record{Revocations: []domain.Revocation{asked}}, nil)
	r.certificates.EXPECT().SealedPair(anything, certName, "v1").AnyTimes().Return(oldPair, nil)
	r.ca.EXPECT().Revoke(anything, leafDER, domain.RevokedKeyCompromise, nil).AnyTimes().Return(false, silentFault)
	r.rand.EXPECT().Float64().AnyTimes().Return(0.0)
	revoke := func() error {
		_, err := call(r, ports.RevokeCertificate, in)
		return err
	}
	require.Equal(t, 2500*time.Millisecond, waits(t, revoke()))
	r.again(9 * time.Minute)
	require.Equal(t, time.Minute, waits(t, revoke()))
	r.again(time.Minute)
	fails(t, revoke())
}
