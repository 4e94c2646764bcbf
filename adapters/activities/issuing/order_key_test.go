package issuing

import (
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
	"everleaf/ports"
)

var (
	sealedKey = ports.SealedKey{ID: "k2", Sealed: []byte("sealed")}
	oldPair   = ports.SealedPair{Certificate: certName, ChainPEM: chainPEM,
		Key: ports.SealedKey{ID: "k1", Sealed: []byte("old")}}
)

// keeping is spec with its key kept.
func keeping() domain.Spec {
	s := spec
	s.KeyRotation = domain.RotateNever
	return s
}

// expectOpenedFor expects an order in place of the version, with a new key unless the version's is used again.
func (r *rig) expectOpenedFor(version, keyOf, keyLost string) {
	opened := placed()
	planned(&opened)
	opened.Spec = r.in.Spec
	order := ports.NewOrder{Certificate: certName, Key: version, Issuer: "default", Spec: r.in.Spec,
		CSR: []byte("csr"), KeyOf: keyOf, KeyLost: keyLost}
	if keyOf == "" {
		order.SealedKey = sealedKey
		r.keys.EXPECT().Create(anything, certName, spec.KeyType, spec.Names).Return(sealedKey, []byte("csr"), nil)
	}
	r.orders.EXPECT().OpenOrder(anything, order).Return(opened, nil)
	r.expectPlaced(ports.OrderRequest{Names: spec.Names})
}

func TestPlaceOrderKeepsTheKey(t *testing.T) {
	inService := domain.Issued{Version: "v1", Issuer: "elsewhere", KeyType: spec.KeyType, Serial: "0a"}
	for name, c := range map[string]struct {
		in   func(*ports.ObtainCertificateInput)
		of   domain.Issued
		kept bool
	}{
		"kept":                   {func(*ports.ObtainCertificateInput) {}, inService, true},
		"rotated, as by default": {func(in *ports.ObtainCertificateInput) { in.Spec.KeyRotation = domain.RotateAlways }, inService, false},
		"another key type": {func(*ports.ObtainCertificateInput) {},
			domain.Issued{Version: "v1", KeyType: domain.KeyRSA2048}, false},
		"the policy asks for a new one": {func(in *ports.ObtainCertificateInput) { in.NewKey = true }, inService,
			false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.in.Spec = keeping()
			c.in(&r.in)
			keyOf := ""
			if c.kept {
				keyOf = "v1"
				r.certificates.EXPECT().SealedPair(anything, certName, "v1").Return(oldPair, nil)
				r.keys.EXPECT().Reuse(anything, oldPair, spec.Names).Return([]byte("csr"), nil)
			}
			r.expectOpenedFor("v1", keyOf, "")
			_, err := r.place(domain.Record{Issued: &c.of}, nil)
			require.NoError(t, err)
		})
	}
	t.Run("the first certificate", func(t *testing.T) {
		r := newRig(t)
		r.in.Spec = keeping()
		r.expectOpenedFor(firstOrder, "", "")
		_, err := r.place(domain.Record{}, nil)
		require.NoError(t, err)
	})
}

// A key that is lost does not keep its certificate from being renewed: there is a new one, and an event that says why.
func TestPlaceOrderReplacesALostKey(t *testing.T) {
	inService := domain.Issued{Version: "v1", Issuer: "elsewhere", KeyType: spec.KeyType, Serial: "0a"}
	unknown := domain.NewFault(domain.FaultOperator, domain.ReasonUnknownVersion, nil, "no version v1")
	for _, fault := range []*domain.Fault{
		domain.NewFault(domain.FaultOperator, "SecretDamaged", nil, "it was changed"),
		domain.NewFault(domain.FaultOperator, "SealingKeyWrong", nil, "no configured key has sealed it"),
		domain.NewFault(domain.FaultOperator, "SecretMisplaced", nil, "it is another certificate's"),
		domain.NewFault(domain.FaultOperator, "KeyMismatch", nil, "the chain is for another key"),
		domain.NewFault(domain.FaultOperator, "KeyUnreadable", nil, "it is no key"),
		domain.NewFault(domain.FaultOperator, "ChainMalformed", nil, "nobody knows what it is for"),
	} {
		t.Run(string(fault.Reason), func(t *testing.T) {
			r := newRig(t)
			r.in.Spec = keeping()
			r.certificates.EXPECT().SealedPair(anything, certName, "v1").Return(oldPair, nil)
			r.keys.EXPECT().Reuse(anything, anything, anything).Return(nil, fault)
			r.expectOpenedFor("v1", "", fault.Message)
			_, err := r.place(domain.Record{Issued: &inService}, nil)
			require.NoError(t, err)
		})
	}
	t.Run(string(unknown.Reason), func(t *testing.T) {
		r := newRig(t)
		r.in.Spec = keeping()
		r.certificates.EXPECT().SealedPair(anything, certName, "v1").Return(ports.SealedPair{}, unknown)
		r.expectOpenedFor("v1", "", "read key: no version v1")
		_, err := r.place(domain.Record{Issued: &inService}, nil)
		require.NoError(t, err)
	})
	t.Run("a key service that is away is waited for", func(t *testing.T) {
		r := newRig(t)
		r.in.Spec = keeping()
		away := domain.NewFault(domain.FaultWait, "SealingUnavailable", nil, "the key service does not answer")
		r.certificates.EXPECT().SealedPair(anything, certName, "v1").Return(oldPair, nil)
		r.keys.EXPECT().Reuse(anything, anything, anything).Return(nil, away)
		_, err := r.place(domain.Record{Issued: &inService}, nil)
		application, fault := faultIn(t, err)
		require.False(t, application.NonRetryable())
		require.Equal(t, away.Reason, fault.Reason)
	})
}

// A key that was called compromised after its order was placed goes with the order; a fresh one stays.
func TestPlaceOrderKeepsNoCompromisedKey(t *testing.T) {
	for name, reused := range map[string]bool{"the old key": true, "a fresh key": false} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.in.NewKey, r.in.Spec = true, keeping()
			order := stored(func(o *ports.StoredOrder) { planned(o); o.ReusedKey, o.Spec = reused, r.in.Spec })
			if reused {
				r.orders.EXPECT().AbandonOrder(anything, certName, orderID, "its key must not be used any more")
				r.expectOpenedFor("v1", "", "")
			} else {
				r.expectPlaced(ports.OrderRequest{Names: spec.Names})
			}
			_, err := r.place(domain.Record{Issued: &domain.Issued{Version: "v1", Issuer: "elsewhere"}}, order)
			require.NoError(t, err)
		})
	}
}
