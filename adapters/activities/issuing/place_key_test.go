package issuing

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
	"everleaf/ports"
)

// keeping is spec with its key kept.
func keeping() domain.Spec {
	s := spec
	s.KeyRotation = domain.RotateNever
	return s
}

func TestPlaceOrderKeepsTheKey(t *testing.T) {
	predecessor := domain.Issued{Version: "v1", Issuer: "default", KeyType: spec.KeyType}
	for name, c := range map[string]struct {
		in   func(*ports.PlaceOrderInput)
		kept bool
	}{
		"kept":                            {func(*ports.PlaceOrderInput) {}, true},
		"rotated, as by default":          {func(in *ports.PlaceOrderInput) { in.Spec.KeyRotation = domain.RotateAlways }, false},
		"the first certificate":           {func(in *ports.PlaceOrderInput) { in.Predecessor = nil }, false},
		"another key type":                {func(in *ports.PlaceOrderInput) { in.Predecessor.KeyType = domain.KeyRSA2048 }, false},
		"the workflow asks for a new one": {func(in *ports.PlaceOrderInput) { in.FreshKey = true }, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			of := predecessor
			in := placeInput
			in.Spec, in.Predecessor = keeping(), &of
			c.in(&in)
			opened := placed()
			opened.Spec, opened.URL, opened.State = in.Spec, "", ports.OrderPlanned
			order := ports.NewOrder{Certificate: certName, Key: key, Issuer: "default", Spec: in.Spec, CSR: []byte("csr")}
			r.orders.EXPECT().FindOrder(anything, certName, key).Return(nil, nil)
			if c.kept {
				order.KeyOf = "v1"
				r.deliveries.EXPECT().Bundle(anything, "v1").Return(ports.KeyPair{SealedKey: []byte("old")}, nil)
				r.keys.EXPECT().Reuse(anything, []byte("old"), spec.Names).Return([]byte("csr"), nil)
			} else {
				order.SealedKey = []byte("sealed")
				r.keys.EXPECT().Create(anything, spec.KeyType, spec.Names).Return([]byte("sealed"), []byte("csr"), nil)
			}
			r.orders.EXPECT().OpenOrder(anything, order).Return(opened, nil)
			r.expectPlaced(ports.OrderRequest{Names: spec.Names})
			_, err := call(r, ports.PlaceOrder, in)
			require.NoError(t, err)
		})
	}
}

// A workflow that was ended and started anew costs no order while its certificate is good.
func TestPlaceOrderAdopts(t *testing.T) {
	kept := func() *ports.CertificateRecord {
		return &ports.CertificateRecord{
			Spec:    spec,
			Issued:  &domain.Issued{Version: "v1", Issuer: "default", Names: spec.Names, KeyType: spec.KeyType, NotAfter: now.Add(60 * 24 * time.Hour)},
			Renewal: &domain.RenewalPlan{At: now.Add(30 * 24 * time.Hour)},
		}
	}
	for name, c := range map[string]struct {
		found   func(*ports.CertificateRecord) *ports.CertificateRecord
		adopted bool
	}{
		"good": {func(r *ports.CertificateRecord) *ports.CertificateRecord { return r }, true},
		"none": {func(*ports.CertificateRecord) *ports.CertificateRecord { return nil }, false},
		"for other names": {func(r *ports.CertificateRecord) *ports.CertificateRecord {
			r.Issued.Names, r.Spec.Names = nil, nil
			return r
		}, false},
		"by another CA":   {func(r *ports.CertificateRecord) *ports.CertificateRecord { r.Issued.Issuer = "gone"; return r }, false},
		"due for renewal": {func(r *ports.CertificateRecord) *ports.CertificateRecord { r.Renewal.At = now; return r }, false},
		"run out":         {func(r *ports.CertificateRecord) *ports.CertificateRecord { r.Issued.NotAfter = now; return r }, false},
		"revoked":         {func(r *ports.CertificateRecord) *ports.CertificateRecord { r.Issued.Revoked = true; return r }, false},
		"to be revoked without replacement": {func(r *ports.CertificateRecord) *ports.CertificateRecord {
			r.Issued.Version = "ends"
			return r
		}, false},
		"without its plan": {func(r *ports.CertificateRecord) *ports.CertificateRecord { r.Renewal = nil; return r }, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			in := placeInput
			in.Adopt = true
			r.orders.EXPECT().FindOrder(anything, certName, key).Return(nil, nil)
			found := c.found(kept())
			r.certificates.EXPECT().InService(anything, certName).Return(found, nil)
			var left []domain.Revocation
			var delivered []domain.Delivery
			if found != nil { // what was never issued costs no look
				left = []domain.Revocation{{Issued: domain.Issued{Version: "v0"}, Reason: domain.RevokedSuperseded}}
				if found.Issued.Version == "ends" {
					left[0].Issued, left[0].WithoutReplacement = *found.Issued, true
				}
				told := left[0]
				told.Failure, told.After = &domain.Failure{}, now
				delivered = []domain.Delivery{{Target: "disk", Version: "v0"}}
				r.certificates.EXPECT().Left(anything, certName).Return(ports.Left{Revoking: []domain.Revocation{told},
					Deliveries: []domain.Delivery{{Target: "disk", Version: "v0", Failure: &domain.Failure{}}}}, nil)
			}
			if c.adopted {
				r.certificates.EXPECT().RecordAdopted(anything, certName, "v1", spec)
			} else {
				opened := placed()
				planned(&opened)
				r.expectOpened(opened)
				r.expectPlaced(ports.OrderRequest{Names: spec.Names})
			}
			out, err := call(r, ports.PlaceOrder, in)
			require.NoError(t, err)
			require.Equal(t, c.adopted, out.Adopted != nil)
			require.Equal(t, left, out.Revoking, "to be tried at once")
			require.Equal(t, delivered, out.Delivered, "to be cleared at once")
			if c.adopted {
				require.Equal(t, found.Issued, out.Adopted)
				require.Equal(t, found.Renewal, out.Plan)
			}
		})
	}
}

// The order in flight of a workflow that was ended is resumed, and what that one left to be revoked is not forgotten.
func TestPlaceOrderResumesAndTellsWhatIsToBeRevoked(t *testing.T) {
	r := newRig(t)
	in := placeInput
	in.Adopt = true
	stored := placed()
	r.orders.EXPECT().FindOrder(anything, certName, key).Return(&stored, nil)
	r.ca.EXPECT().Order(anything, orderURL).Return(pending, nil)
	left := ports.Left{Revoking: []domain.Revocation{{Issued: domain.Issued{Version: "v0"}}}, Deliveries: []domain.Delivery{{Target: "disk"}}}
	r.certificates.EXPECT().Left(anything, certName).Return(left, nil)
	out, err := call(r, ports.PlaceOrder, in)
	require.NoError(t, err)
	require.True(t, out.Resumed)
	require.Equal(t, left, ports.Left{Revoking: out.Revoking, Deliveries: out.Delivered})
}

// An order that never reached the CA has its predecessor's key if keys are kept: not once that was called compromised.
func TestPlaceOrderDoesNotPlaceWhatAnEndedWorkflowLeftWithACompromisedKey(t *testing.T) {
	r := newRig(t)
	in := placeInput
	in.Adopt, in.Spec.KeyRotation = true, domain.RotateNever
	stored := placed()
	planned(&stored)
	stored.Spec.KeyRotation = domain.RotateNever
	left := []domain.Revocation{{Issued: domain.Issued{Version: "v0"}, Reason: domain.RevokedKeyCompromise}}
	r.orders.EXPECT().FindOrder(anything, certName, key).Return(&stored, nil)
	r.certificates.EXPECT().Left(anything, certName).Return(ports.Left{Revoking: left}, nil).Times(2)
	r.orders.EXPECT().AbandonOrder(anything, orderID, anything)
	r.certificates.EXPECT().InService(anything, certName).Return(&ports.CertificateRecord{Issued: &domain.Issued{Version: "v0"}}, nil)
	r.keys.EXPECT().Create(anything, spec.KeyType, spec.Names).Return([]byte("sealed"), []byte("csr"), nil)
	r.orders.EXPECT().OpenOrder(anything, anything).Return(stored, nil)
	r.expectPlaced(ports.OrderRequest{Names: spec.Names})
	out, err := call(r, ports.PlaceOrder, in)
	require.NoError(t, err)
	require.False(t, out.Resumed)
	require.Equal(t, left, out.Revoking)
}

func TestRecordRevoking(t *testing.T) {
	pending := []domain.Revocation{{Issued: domain.Issued{Version: "v1"}}, {Issued: domain.Issued{Version: "v2"}}}
	r := newRig(t)
	r.certificates.EXPECT().RecordRevoking(anything, pending[0])
	r.certificates.EXPECT().RecordRevoking(anything, pending[1])
	_, err := call(r, ports.RecordRevoking, ports.RecordRevokingInput{Certificate: certName, Revoking: pending})
	require.NoError(t, err)

	inOrder(one(r.certificates.EXPECT().RecordRevoking(anything, pending[0])), one(r.certificates.EXPECT().RecordReleased(anything, certName).Return([]domain.Delivery{{Target: "disk"}}, nil)))
	released, err := call(r, ports.RecordReleased, ports.RecordReleasedInput{Certificate: certName, Revoking: pending[:1]})
	require.NoError(t, err)
	require.Equal(t, "disk", released.Delivered[0].Target)

	r.certificates.EXPECT().RecordRevoking(anything, pending[0]).Return(waitFault)
	_, err = call(r, ports.RecordReleased, ports.RecordReleasedInput{Certificate: certName, Revoking: pending[:1]})
	wire(t, err, waitFault, true)
}

func TestObtainCertificateGivesUpWhatRanOut(t *testing.T) {
	gone := domain.NewFault(domain.FaultWait, "AuthorizationExpired", nil, "it is expired").Permanent()
	r := newRig(t)
	r.ca.EXPECT().Authorization(anything, anything).Return(domain.Authorization{Status: "expired", Fault: gone}, nil)
	r.solver.EXPECT().CleanUp(anything, orderID)
	r.orders.EXPECT().AbandonOrder(anything, orderID, "it is expired")
	_, err := call(r, ports.ObtainCertificate, obtain)
	_, fault := faultIn(t, err)
	require.Equal(t, domain.ReasonOrderExpired, fault.Reason)
	require.Equal(t, ports.AuthorizeOrder.Name, fault.Step)
	require.True(t, fault.Final, "not again in place")
}

func TestRecordChange(t *testing.T) {
	in := ports.RecordChangeInput{Certificate: certName, Spec: domain.Spec{Names: []string{"WWW.example.com"}}, Changes: []string{"names: …"}, At: now}
	r := newRig(t)
	validated, err := in.Spec.Validated()
	require.NoError(t, err)
	r.certificates.EXPECT().RecordChange(anything, certName, in.Changes, now, &validated)
	_, err = call(r, ports.RecordChange, in)
	require.NoError(t, err)

	in.Reissue = true
	r.certificates.EXPECT().RecordChange(anything, certName, in.Changes, now, (*domain.Spec)(nil))
	_, err = call(r, ports.RecordChange, in)
	require.NoError(t, err)
}
