package issuing

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"github.com/golang/mock/gomock"
	"github.com/stretchr/testify/require"

	"everleaf/domain"
	"everleaf/ports"
)

// signed is a stored order with a real CSR and the chain that a CA made of it.
type signed struct {
	stored ports.StoredOrder
	chain  []byte
	want   domain.Issued // as VerifyChain and the CA give it, before it is recorded
}

func newSigned(t *testing.T) signed {
	t.Helper()
	caKey, leafKey := newKey(t), newKey(t)
	root := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test CA"}, IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, SubjectKeyId: []byte{1, 2, 3},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour * 24 * 365)}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(10), DNSNames: spec.Names,
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour * 24 * 90)}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: spec.Names}, leafKey)
	require.NoError(t, err)
	var chain []byte
	for _, cert := range []struct {
		template *x509.Certificate
		key      crypto.PublicKey
	}{{leaf, leafKey.Public()}, {root, caKey.Public()}} {
		der, err := x509.CreateCertificate(rand.Reader, cert.template, root, cert.key, caKey)
		require.NoError(t, err)
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	order := placed()
	order.CSR = csr
	want, err := domain.VerifyChain(chain, csr, spec.Names, now)
	require.NoError(t, err)
	want.Issuer, want.AccountURL = "default", account
	return signed{order, chain, want}
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}

// answer is the order at the CA after finalize.
func answer(status domain.OrderStatus) domain.Order {
	order := atCA(status)
	if status == domain.OrderValid {
		order.CertificateURL = certURL
	}
	return order
}

// finalize runs the part on an order that is stored as s has it.
func (r *rig) finalize(s signed, order domain.Order) (issued domain.Issued, err error) {
	r.Helper()
	err = r.parts(func(ctx context.Context, i *issuance) (err error) {
		i.switchTo(orderID)
		i.stored = s.stored
		issued, _, err = i.finalize(ctx, order)
		return err
	})
	return issued, err
}

// ready is the order after its authorization.
func ready() domain.Order {
	order := pending
	order.Status = domain.OrderReady
	return order
}

// done is the certificate as it is recorded.
func (s signed) done() domain.Issued {
	issued := s.want
	issued.Version = "v1"
	return issued
}

// stores expects the way from a valid order to a recorded certificate.
func (r *rig) stores(s signed) []*gomock.Call {
	return []*gomock.Call{
		r.ca.EXPECT().Download(anything, certURL).Return(s.chain, nil),
		r.ca.EXPECT().AccountURL(anything).Return(account, nil),
		r.certificates.EXPECT().RecordIssued(anything, certName, orderID, s.want, s.chain).Return(s.done(), nil),
	}
}

func TestFinalizeOrder(t *testing.T) {
	s := newSigned(t)
	soon := answer(domain.OrderProcessing)
	soon.RetryAfter = time.Millisecond
	sends := func(r *rig, order domain.Order) []*gomock.Call {
		return one(r.ca.EXPECT().Finalize(anything, ready(), s.stored.CSR).Return(order, nil))
	}
	looks := func(r *rig, order domain.Order) []*gomock.Call {
		return one(r.ca.EXPECT().Order(anything, orderURL).Return(order, nil))
	}
	for _, c := range []struct {
		name   string
		order  domain.Order
		expect func(r *rig)
	}{
		{"valid at once", ready(), func(r *rig) { inOrder(sends(r, answer(domain.OrderValid)), r.stores(s)) }},
		{"processing, then valid in place", ready(), func(r *rig) {
			inOrder(sends(r, soon), looks(r, soon), looks(r, answer(domain.OrderValid)), r.stores(s))
		}},
		{"sent by an earlier try", soon, func(r *rig) { inOrder(looks(r, answer(domain.OrderValid)), r.stores(s)) }},
		{"issued for an earlier try", answer(domain.OrderValid), func(r *rig) { inOrder(r.stores(s)) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			c.expect(r)
			issued, err := r.finalize(s, c.order)
			require.NoError(t, err)
			require.Equal(t, s.done(), issued)
		})
	}
}

// A CA that takes long holds no slot.
func TestFinalizeOrderIsParked(t *testing.T) {
	s := newSigned(t)
	slow := answer(domain.OrderProcessing)
	slow.RetryAfter = time.Minute
	r := newRig(t)
	r.ca.EXPECT().Finalize(anything, anything, anything).Return(slow, nil)
	_, err := r.finalize(s, ready())
	require.Equal(t, time.Minute, parked(t, err))
	require.Equal(t, progress{Order: orderID, Stage: finalizing,
		Look: domain.Look{For: "the issuer default to issue", Since: now}, Checks: 1}, r.progress())

	r.again(time.Minute)
	_, err = r.finalize(s, slow) // as the next try finds it
	require.Equal(t, time.Minute, parked(t, err))

	r.again(time.Hour)
	_, err = r.finalize(s, slow)
	application, fault := faultIn(t, err)
	require.True(t, application.NonRetryable())
	require.EqualValues(t, "OrderStuck", fault.Reason)
	require.Contains(t, fault.Message, orderURL)
}

// A CA that does not see its own validation yet is asked again: first in place, then by the next try.
func TestFinalizeOrderThatIsNotReadyYet(t *testing.T) {
	for _, status := range []domain.OrderStatus{domain.OrderPending, domain.OrderReady} {
		s := newSigned(t)
		r := newRig(t)
		gomock.InOrder(
			r.ca.EXPECT().Finalize(anything, anything, anything).Return(answer(status), nil),
			r.ca.EXPECT().Finalize(anything, anything, anything).Return(answer(domain.OrderProcessing), nil),
			r.ca.EXPECT().Order(anything, orderURL).Return(domain.Order{}, limitedFault),
		)
		_, err := r.finalize(s, ready())
		wire(t, err, limitedFault, false)

		r = newRig(t)
		r.step = 6 * time.Second // of 10
		r.ca.EXPECT().Finalize(anything, anything, anything).Return(answer(status), nil).Times(2)
		_, err = r.finalize(s, ready())
		require.Positive(t, parked(t, err))
	}
}

// A key or CSR that the CA will not sign is given up with its order: the next attempt makes new ones.
func TestFinalizeOrderAbandonsARefusedKey(t *testing.T) {
	for _, reason := range []domain.Reason{domain.ReasonBadCSR, domain.ReasonBadPublicKey} {
		r := newRig(t)
		refused := domain.NewFault(domain.FaultOperator, reason, nil, "the CA will not sign it")
		r.ca.EXPECT().Finalize(anything, anything, anything).Return(domain.Order{}, refused)
		r.orders.EXPECT().AbandonOrder(anything, certName, orderID, anything)
		_, err := r.finalize(newSigned(t), ready())
		application, fault := faultIn(t, err)
		require.True(t, application.NonRetryable())
		require.Equal(t, reason, fault.Reason)
	}
}

// Why the CA gave the order up is the name's fault or whose it is, not just the CA's.
func TestFinalizeOrderHandsOnWhyTheCAGaveUp(t *testing.T) {
	r := newRig(t)
	given := answer(domain.OrderInvalid)
	given.Fault = nameFault
	r.ca.EXPECT().Finalize(anything, anything, anything).Return(given, nil)
	_, err := r.finalize(newSigned(t), ready())
	wire(t, err, nameFault, false)
}

func TestFinalizeOrderThatTheCAGaveUp(t *testing.T) {
	for status, want := range map[domain.OrderStatus]*domain.Fault{
		// Without an error of its own it ran out.
		domain.OrderInvalid: {Kind: domain.FaultWait, Reason: domain.ReasonOrderExpired},
		"unheard of":        {Kind: domain.FaultCA, Reason: "OrderNotIssued"},
	} {
		t.Run(string(status), func(t *testing.T) {
			r := newRig(t)
			given := answer(status)
			given.Problem = "badCSR"
			r.ca.EXPECT().Finalize(anything, anything, anything).Return(given, nil)
			_, err := r.finalize(newSigned(t), ready())
			_, fault := faultIn(t, err)
			require.Equal(t, want.Kind, fault.Kind)
			require.Equal(t, want.Reason, fault.Reason)
			require.Contains(t, fault.Message, "badCSR")
		})
	}
}

// A chain for another key: the order is given up, so that the next attempt has a new one, and nothing is recorded.
func TestFinalizeOrderAbandonsWhatDoesNotVerify(t *testing.T) {
	s, another := newSigned(t), newSigned(t)
	for name, abandonErr := range map[string]error{"abandoned": nil, "not even that": waitFault} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.ca.EXPECT().Finalize(anything, anything, anything).Return(answer(domain.OrderValid), nil)
			r.ca.EXPECT().Download(anything, certURL).Return(another.chain, nil)
			r.orders.EXPECT().AbandonOrder(anything, certName, orderID,
				anything).DoAndReturn(func(_ context.Context, _, _, reason string) error {
				require.Contains(t, reason, "another key")
				return abandonErr
			})
			_, err := r.finalize(s, ready())
			_, fault := faultIn(t, err)
			require.EqualValues(t, "CertificateKeyMismatch", fault.Reason)
		})
	}
}

func TestFinalizeOrderFaults(t *testing.T) {
	s := newSigned(t)
	valid := func(r *rig) {
		r.ca.EXPECT().Finalize(anything, anything, anything).Return(answer(domain.OrderValid), nil)
	}
	download := func(r *rig) { valid(r); r.ca.EXPECT().Download(anything, anything).Return(s.chain, nil) }
	for _, c := range []struct {
		name      string
		expect    func(r *rig, f *domain.Fault)
		faults    []*domain.Fault
		retryable bool
	}{
		{"finalize", func(r *rig, f *domain.Fault) {
			r.ca.EXPECT().Finalize(anything, anything, anything).Return(domain.Order{}, f)
		}, []*domain.Fault{caFault}, true},
		{"finalize", func(r *rig, f *domain.Fault) {
			r.ca.EXPECT().Finalize(anything, anything, anything).Return(domain.Order{}, f)
		}, []*domain.Fault{limitedFault, busyFault, nameFault}, false},
		{"look", func(r *rig, f *domain.Fault) {
			r.ca.EXPECT().Finalize(anything, anything, anything).Return(answer(domain.OrderProcessing), nil)
			r.ca.EXPECT().Order(anything, orderURL).Return(domain.Order{}, f)
		}, []*domain.Fault{caFault}, true},
		{"download", func(r *rig, f *domain.Fault) {
			valid(r)
			r.ca.EXPECT().Download(anything, anything).Return(nil, f)
		}, []*domain.Fault{caFault}, true},
		{"find account", func(r *rig, f *domain.Fault) {
			download(r)
			r.ca.EXPECT().AccountURL(anything).Return("", f)
		}, []*domain.Fault{waitFault}, true},
		{"record certificate", func(r *rig, f *domain.Fault) {
			download(r)
			r.ca.EXPECT().AccountURL(anything).Return(account, nil)
			r.certificates.EXPECT().RecordIssued(anything, anything, anything, anything,
				anything).Return(domain.Issued{}, f)
		}, []*domain.Fault{waitFault}, true},
	} {
		for _, fault := range c.faults {
			t.Run(c.name+"/"+string(fault.Reason), func(t *testing.T) {
				r := newRig(t)
				c.expect(r, fault)
				_, err := r.finalize(s, ready())
				wire(t, err, fault, c.retryable)
			})
		}
	}
}

func TestFinalizeOrderEndsWithItsContext(t *testing.T) {
	r := newRig(t)
	cancel := r.cancellable()
	r.activities.pace.place = 2 * time.Hour
	slow := answer(domain.OrderProcessing)
	slow.RetryAfter = time.Hour
	r.ca.EXPECT().Finalize(anything, anything,
		anything).DoAndReturn(func(context.Context, domain.Order, []byte) (domain.Order, error) {
		time.AfterFunc(20*time.Millisecond, cancel)
		return slow, nil
	})
	_, err := r.finalize(newSigned(t), ready())
	require.ErrorContains(t, err, context.Canceled.Error())
}
