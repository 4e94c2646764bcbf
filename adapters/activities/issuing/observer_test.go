package issuing

import (
	"testing"
	"time"

	"github.com/golang/mock/gomock"
	"github.com/stretchr/testify/require"

	"everleaf/domain"
	"everleaf/mocks"
	"everleaf/ports"
)

// Steps report what they did, each once, and only when it is done.
func TestStepsReportToTheObserver(t *testing.T) {
	observed := func(t *testing.T) (*rig, *mocks.MockObserverMockRecorder) {
		r := newRig(t)
		observer := mocks.NewMockObserver(gomock.NewController(t))
		r.activities.Observer = observer
		r.in.Planned = now.Add(-time.Hour)
		return r, observer.EXPECT()
	}
	t.Run("an order that was placed for a renewal", func(t *testing.T) {
		r, hears := observed(t)
		hears.OrderPlaced(anything, "default", false)
		hears.RenewalStarted(anything, "default", time.Hour)
		r.expectOpened(*stored(planned))
		r.expectPlaced(ports.OrderRequest{Names: spec.Names})
		_, err := r.place(domain.Record{}, nil)
		require.NoError(t, err)
	})
	t.Run("an order that an earlier attempt had placed", func(t *testing.T) {
		r, hears := observed(t)
		hears.OrderPlaced(anything, "default", true)
		hears.RenewalStarted(anything, "default", time.Hour)
		r.ca.EXPECT().Order(anything, orderURL).Return(pending, nil)
		_, err := r.place(domain.Record{}, stored(func(*ports.StoredOrder) {}))
		require.NoError(t, err)
	})
	t.Run("nothing of a try that only looks again", func(t *testing.T) {
		r, _ := observed(t)
		r.env.SetHeartbeatDetails(progress{Order: orderID, Stage: accepted, Look: domain.Look{Since: now}})
		r.ca.EXPECT().Order(anything, orderURL).Return(pending, nil)
		_, err := r.place(domain.Record{}, stored(func(*ports.StoredOrder) {}))
		require.NoError(t, err)
	})
	t.Run("a stored certificate, and how long it took", func(t *testing.T) {
		r, hears := observed(t)
		s := newSigned(t)
		s.stored.OpenedAt = now.Add(-90 * time.Second)
		hears.CertificateIssued(anything, "default", 90*time.Second)
		r.stores(s)
		_, err := r.finalize(s, answer(domain.OrderValid))
		require.NoError(t, err)
	})
	t.Run("a failed attempt", func(t *testing.T) {
		r, hears := observed(t)
		hears.AttemptFailed(anything, "default", *caFault)
		r.certificates.EXPECT().RecordFailure(anything, anything, anything, anything)
		in := failed(ports.ObtainCertificate.Name)
		in.Issuer = ""
		_, err := call(r, ports.RecordFailure, in)
		require.NoError(t, err)
	})
	t.Run("a failed delivery", func(t *testing.T) {
		r, hears := observed(t)
		hears.DeliveryFailed(anything, "disk", *caFault)
		r.deliveries.EXPECT().RecordUndelivered(anything, anything, anything, anything, anything)
		in := failed(ports.DeliverCertificate.Name)
		in.Target = "disk"
		_, err := call(r, ports.RecordFailure, in)
		require.NoError(t, err)
	})
	t.Run("a revocation", func(t *testing.T) {
		r, hears := observed(t)
		hears.CertificateRevoked(anything, "default", domain.RevokedSuperseded)
		r.certificates.EXPECT().Record(anything, certName).Return(domain.Record{Revocations: []domain.Revocation{
			{Issued: domain.Issued{Version: "v1", Issuer: "default"}, Reason: domain.RevokedSuperseded}}}, nil)
		r.certificates.EXPECT().SealedPair(anything, certName, "v1").Return(oldPair, nil)
		r.ca.EXPECT().Revoke(anything, anything, anything, anything)
		r.certificates.EXPECT().RecordRevoked(anything, certName, "v1", anything, anything)
		_, err := call(r, ports.RevokeCertificate, ports.RevokeCertificateInput{Certificate: certName, Version: "v1"})
		require.NoError(t, err)
	})
	t.Run("nothing of what failed", func(t *testing.T) {
		r, _ := observed(t)
		r.keys.EXPECT().Create(anything, anything, anything, anything).Return(ports.SealedKey{}, nil, waitFault)
		_, err := r.place(domain.Record{}, nil)
		require.Error(t, err)
	})
}
