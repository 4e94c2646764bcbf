package issuing

import (
	"encoding/pem"
	"testing"
	"time"

	"github.com/golang/mock/gomock"
	"github.com/stretchr/testify/require"

	"everleaf/domain"
	"everleaf/mocks"
	"everleaf/ports"
)

// Steps tell of what they did, each once, and only when it is done.
func TestStepsTellTheObserver(t *testing.T) {
	observed := func(t *testing.T) (*rig, *mocks.MockObserverMockRecorder) {
		r := newRig(t)
		observer := mocks.NewMockObserver(gomock.NewController(t))
		r.activities.Observer = observer
		return r, observer.EXPECT()
	}
	place := ports.PlaceOrderInput{Certificate: certName, Key: key, Spec: spec, Issuer: "default", Planned: now.Add(-time.Hour)}
	t.Run("an order that was placed for a renewal", func(t *testing.T) {
		r, hears := observed(t)
		hears.OrderPlaced(anything, "default", false)
		hears.RenewalStarted(anything, "default", time.Hour)
		r.orders.EXPECT().FindOrder(anything, certName, key).Return(nil, nil)
		r.expectOpened(*stored(planned))
		r.expectPlaced(ports.OrderRequest{Names: spec.Names})
		_, err := call(r, ports.PlaceOrder, place)
		require.NoError(t, err)
	})
	t.Run("an order that an earlier try had placed", func(t *testing.T) {
		r, hears := observed(t)
		hears.OrderPlaced(anything, "default", true)
		hears.RenewalStarted(anything, "default", time.Hour)
		r.orders.EXPECT().FindOrder(anything, certName, key).Return(stored(func(*ports.StoredOrder) {}), nil)
		r.ca.EXPECT().Order(anything, orderURL).Return(pending, nil)
		_, err := call(r, ports.PlaceOrder, place)
		require.NoError(t, err)
	})
	t.Run("a stored certificate, and how long it took", func(t *testing.T) {
		r, hears := observed(t)
		i := newIssuance(t)
		i.stored.OpenedAt = now.Add(-90 * time.Second)
		hears.CertificateIssued(anything, "default", 90*time.Second)
		r.orders.EXPECT().Order(anything, orderID).Return(i.stored, nil)
		r.ca.EXPECT().Finalize(anything, anything, anything).Return(domain.Order{Status: domain.OrderValid, CertificateURL: certURL}, nil)
		r.ca.EXPECT().Download(anything, certURL).Return(i.chain, nil)
		r.ca.EXPECT().AccountURL(anything).Return(account, nil)
		r.certificates.EXPECT().RecordIssued(anything, orderID, i.want, i.chain).Return(i.want, nil)
		_, err := call(r, ports.FinalizeOrder, finalizeInput)
		require.NoError(t, err)
	})
	t.Run("a failure", func(t *testing.T) {
		r, hears := observed(t)
		hears.AttemptFailed(anything, "default", *caFault)
		r.certificates.EXPECT().RecordFailure(anything, anything, anything, anything, anything)
		_, err := call(r, ports.RecordFailure, ports.RecordFailureInput{Certificate: certName, Spec: spec, Failure: domain.Failure{Fault: *caFault}})
		require.NoError(t, err)
	})
	t.Run("no failure, where the workflow was cancelled", func(t *testing.T) {
		r, _ := observed(t)
		r.certificates.EXPECT().RecordFailure(anything, anything, anything, anything, anything)
		cancelled := domain.Fault{Kind: domain.FaultOperator, Reason: domain.ReasonCancelled}
		_, err := call(r, ports.RecordFailure, ports.RecordFailureInput{Certificate: certName, Spec: spec, Failure: domain.Failure{Fault: cancelled}})
		require.NoError(t, err)
	})
	t.Run("a revocation", func(t *testing.T) {
		r, hears := observed(t)
		hears.CertificateRevoked(anything, "default", domain.RevokedSuperseded)
		r.certificates.EXPECT().Chain(anything, "v1").Return(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE"}), nil)
		r.ca.EXPECT().Revoke(anything, anything, anything, anything)
		r.certificates.EXPECT().RecordRevoked(anything, "v1", anything, anything)
		_, err := call(r, ports.RevokeCertificate, ports.RevokeCertificateInput{
			Issued: domain.Issued{Version: "v1", Issuer: "default"}, Reason: domain.RevokedSuperseded})
		require.NoError(t, err)
	})
	t.Run("nothing of what failed", func(t *testing.T) {
		r, _ := observed(t)
		r.orders.EXPECT().FindOrder(anything, certName, key).Return(nil, waitFault)
		_, err := call(r, ports.PlaceOrder, place)
		require.Error(t, err)
	})
}
