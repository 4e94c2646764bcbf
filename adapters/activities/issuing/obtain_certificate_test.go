package issuing

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
	"everleaf/ports"
)

var obtain = ports.ObtainCertificateInput{Certificate: certName, Order: pending, Challenge: domain.ChallengeHTTP01}

func TestObtainCertificateGoesOnWhereAnEarlierTryEnded(t *testing.T) {
	r := newRig(t)
	done := placed()
	done.Issued = &domain.Issued{Version: "v1", Issuer: "default"}
	valid(r)
	r.orders.EXPECT().Order(anything, orderID).Return(done, nil)
	r.certificates.EXPECT().Chain(anything, "v1").Return(nil, waitFault)
	out, err := call(r, ports.ObtainCertificate, obtain)
	require.NoError(t, err)
	require.Equal(t, done.Issued, out.Issued, "stored is in service")
	require.Nil(t, out.Plan, "the workflow plans without us")
}

// A CA that takes its time is no dead worker: Temporal hears of the step meanwhile.
func TestObtainCertificateHeartbeats(t *testing.T) {
	r := newRig(t)
	r.activities.pace.heartbeat = time.Millisecond
	beaten := r.heartbeats()
	in := obtain
	in.Order.Status = domain.OrderReady
	r.orders.EXPECT().Order(anything, orderID).DoAndReturn(func(context.Context, string) (ports.StoredOrder, error) {
		beaten()
		return ports.StoredOrder{}, operatorFault
	})
	_, err := call(r, ports.ObtainCertificate, in)
	_, fault := faultIn(t, err)
	require.Equal(t, operatorFault.Reason, fault.Reason)
}

func TestObtainCertificatePastAuthorization(t *testing.T) {
	r := newRig(t)
	done := placed()
	done.Issued = &domain.Issued{Version: "v1", Issuer: "other", NotBefore: now, NotAfter: now.Add(90 * 24 * time.Hour)}
	in := obtain
	in.Order.Status = domain.OrderReady
	r.orders.EXPECT().Order(anything, orderID).Return(done, nil)
	r.dice.EXPECT().Fraction().Return(0.5)
	r.certificates.EXPECT().RecordRenewal(anything, "v1", anything, anything).DoAndReturn(
		func(_ context.Context, _ string, plan domain.RenewalPlan, _ time.Time) (domain.RenewalPlan, error) {
			return plan, nil
		})
	out, err := call(r, ports.ObtainCertificate, in)
	require.NoError(t, err)
	require.NotNil(t, out.Plan)
}

func TestObtainCertificateSaysWhichStepFailed(t *testing.T) {
	for _, c := range []struct {
		step  string
		fault *domain.Fault
		set   func(*rig, error)
	}{
		{"AuthorizeOrder", caFault, func(r *rig, err error) {
			r.ca.EXPECT().Authorization(anything, "authz/a").Return(domain.Authorization{}, err)
		}},
		{"FinalizeOrder", waitFault, func(r *rig, err error) {
			valid(r)
			r.orders.EXPECT().Order(anything, orderID).Return(ports.StoredOrder{}, err)
		}},
	} {
		r := newRig(t)
		fault := *c.fault
		c.set(r, &fault)
		_, err := call(r, ports.ObtainCertificate, obtain)
		application, told := faultIn(t, err)
		require.False(t, application.NonRetryable())
		require.Equal(t, c.step, told.Step)
		require.Equal(t, c.fault.Reason, told.Reason)
	}
}

func TestObtainCertificateHandsALongProcessingBack(t *testing.T) {
	r := newRig(t)
	valid(r)
	r.orders.EXPECT().Order(anything, orderID).Return(placed(), nil)
	r.ca.EXPECT().Finalize(anything, anything, []byte("csr")).Return(
		domain.Order{URL: orderURL, Status: domain.OrderProcessing, RetryAfter: time.Minute}, nil)
	out, err := call(r, ports.ObtainCertificate, obtain)
	require.NoError(t, err)
	require.Nil(t, out.Issued)
	require.Equal(t, time.Minute, out.RetryAfter)
}

// valid makes the order's authorizations valid at the CA.
func valid(r *rig) {
	for _, url := range pending.Authorizations {
		r.ca.EXPECT().Authorization(anything, url).Return(domain.Authorization{Name: url, Status: domain.AuthorizationValid}, nil)
	}
	r.solver.EXPECT().CleanUp(anything, orderID).Return(nil)
}
