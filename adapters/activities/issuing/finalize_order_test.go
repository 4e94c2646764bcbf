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

var finalizeInput = ports.FinalizeOrderInput{Certificate: certName, Order: pending}

// issuance is a stored order with a real CSR and the chain that a CA made of it.
type issuance struct {
	stored ports.StoredOrder
	chain  []byte
	want   domain.Issued // as VerifyChain and the CA give it, before it is recorded
}

func newIssuance(t *testing.T) issuance {
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
	return issuance{order, chain, want}
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

// stores expects the way from a valid order to a recorded certificate.
func (r *rig) stores(i issuance) []*gomock.Call {
	recorded := i.want
	recorded.Version = "v1"
	return []*gomock.Call{
		r.ca.EXPECT().Download(anything, certURL).Return(i.chain, nil),
		r.ca.EXPECT().AccountURL(anything).Return(account, nil),
		r.certificates.EXPECT().RecordIssued(anything, orderID, i.want, i.chain).Return(recorded, nil),
	}
}

func TestFinalizeOrder(t *testing.T) {
	i := newIssuance(t)
	done := i.want
	done.Version = "v1"
	soon, slow := answer(domain.OrderProcessing), answer(domain.OrderProcessing)
	soon.RetryAfter, slow.RetryAfter = time.Millisecond, time.Minute
	endless := answer(domain.OrderProcessing)
	find := func(r *rig) []*gomock.Call {
		return one(r.orders.EXPECT().Order(anything, orderID).Return(i.stored, nil))
	}
	finalize := func(r *rig, order domain.Order) []*gomock.Call {
		return one(r.ca.EXPECT().Finalize(anything, pending, i.stored.CSR).Return(order, nil))
	}
	poll := func(r *rig, order domain.Order) []*gomock.Call {
		return one(r.ca.EXPECT().Order(anything, orderURL).Return(order, nil))
	}
	for _, c := range []struct {
		name   string
		expect func(r *rig)
		want   ports.FinalizeOrderOutput
	}{
		{"issued already: the CA does not hear", func(r *rig) {
			stored := i.stored
			stored.State, stored.Issued = ports.OrderIssued, &done
			r.orders.EXPECT().Order(anything, orderID).Return(stored, nil)
		}, ports.FinalizeOrderOutput{Issued: &done}},
		{"valid at once", func(r *rig) {
			inOrder(find(r), finalize(r, answer(domain.OrderValid)), r.stores(i))
		}, ports.FinalizeOrderOutput{Issued: &done}},
		{"processing, then valid in place", func(r *rig) {
			inOrder(find(r), finalize(r, soon), poll(r, soon), poll(r, answer(domain.OrderValid)), r.stores(i))
		}, ports.FinalizeOrderOutput{Issued: &done}},
		{"processing for longer than it waits: the CA's pause goes out", func(r *rig) {
			inOrder(find(r), finalize(r, slow))
		}, ports.FinalizeOrderOutput{RetryAfter: time.Minute}},
		{"processing without an end or a word: our pause goes out", func(r *rig) {
			r.step = 3 * time.Second // of 5
			inOrder(find(r), finalize(r, endless), poll(r, endless))
		}, ports.FinalizeOrderOutput{RetryAfter: 5 * time.Second}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			c.expect(r)
			out, err := call(r, ports.FinalizeOrder, finalizeInput)
			require.NoError(t, err)
			require.Equal(t, c.want, out)
		})
	}
}

// A CA that does not see its own validation yet is asked again: first in place, then by the workflow.
func TestFinalizeOrderThatIsNotReadyYet(t *testing.T) {
	for _, status := range []domain.OrderStatus{domain.OrderPending, domain.OrderReady} {
		i := newIssuance(t)
		r := newRig(t)
		r.orders.EXPECT().Order(anything, orderID).Return(i.stored, nil)
		gomock.InOrder(
			r.ca.EXPECT().Finalize(anything, anything, anything).Return(answer(status), nil),
			r.ca.EXPECT().Finalize(anything, anything, anything).Return(answer(domain.OrderProcessing), nil),
			r.ca.EXPECT().Order(anything, orderURL).Return(domain.Order{}, limitedFault),
		)
		_, err := call(r, ports.FinalizeOrder, finalizeInput)
		wire(t, err, limitedFault, false)

		r = newRig(t)
		r.step = 3 * time.Second // of 5
		r.orders.EXPECT().Order(anything, orderID).Return(i.stored, nil)
		r.ca.EXPECT().Finalize(anything, anything, anything).Return(answer(status), nil).Times(2)
		out, err := call(r, ports.FinalizeOrder, finalizeInput)
		require.NoError(t, err)
		require.Nil(t, out.Issued)
		require.Positive(t, out.RetryAfter)
	}
}

// A key or CSR that the CA will not sign is given up with its order: the next attempt makes new ones.
func TestFinalizeOrderAbandonsARefusedKey(t *testing.T) {
	for _, reason := range []string{domain.ReasonBadCSR, domain.ReasonBadPublicKey} {
		r := newRig(t)
		refused := domain.NewFault(domain.FaultOperator, reason, nil, "the CA will not sign it")
		r.orders.EXPECT().Order(anything, orderID).Return(placed(), nil)
		r.ca.EXPECT().Finalize(anything, anything, anything).Return(domain.Order{}, refused)
		r.orders.EXPECT().AbandonOrder(anything, orderID, anything)
		_, err := call(r, ports.FinalizeOrder, finalizeInput)
		application, fault := faultIn(t, err)
		require.True(t, application.NonRetryable())
		require.Equal(t, reason, fault.Reason)
	}
}

// Why the CA gave the order up is the name's fault or whose it is, not just the CA's.
func TestFinalizeOrderHandsOnWhyTheCAGaveUp(t *testing.T) {
	r := newRig(t)
	r.orders.EXPECT().Order(anything, orderID).Return(placed(), nil)
	given := answer(domain.OrderInvalid)
	given.Fault = nameFault
	r.ca.EXPECT().Finalize(anything, anything, anything).Return(given, nil)
	_, err := call(r, ports.FinalizeOrder, finalizeInput)
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
			r.orders.EXPECT().Order(anything, orderID).Return(placed(), nil)
			given := answer(status)
			given.Problem = "badCSR"
			r.ca.EXPECT().Finalize(anything, anything, anything).Return(given, nil)
			_, err := call(r, ports.FinalizeOrder, finalizeInput)
			_, fault := faultIn(t, err)
			require.Equal(t, want.Kind, fault.Kind)
			require.Equal(t, want.Reason, fault.Reason)
			require.Contains(t, fault.Message, "badCSR")
		})
	}
}

// A chain for another key: the order is given up, so that the next attempt has a new one, and nothing is recorded.
func TestFinalizeOrderAbandonsWhatDoesNotVerify(t *testing.T) {
	i, another := newIssuance(t), newIssuance(t)
	for name, abandonErr := range map[string]error{"abandoned": nil, "not even that": waitFault} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.orders.EXPECT().Order(anything, orderID).Return(i.stored, nil)
			r.ca.EXPECT().Finalize(anything, anything, anything).Return(answer(domain.OrderValid), nil)
			r.ca.EXPECT().Download(anything, certURL).Return(another.chain, nil)
			r.orders.EXPECT().AbandonOrder(anything, orderID, anything).DoAndReturn(func(_ context.Context, _, reason string) error {
				require.Contains(t, reason, "another key")
				return abandonErr
			})
			_, err := call(r, ports.FinalizeOrder, finalizeInput)
			_, fault := faultIn(t, err)
			require.Equal(t, "CertificateKeyMismatch", fault.Reason)
		})
	}
}

func TestFinalizeOrderFaults(t *testing.T) {
	i := newIssuance(t)
	find := func(r *rig) { r.orders.EXPECT().Order(anything, anything).Return(i.stored, nil) }
	valid := func(r *rig) {
		find(r)
		r.ca.EXPECT().Finalize(anything, anything, anything).Return(answer(domain.OrderValid), nil)
	}
	download := func(r *rig) { valid(r); r.ca.EXPECT().Download(anything, anything).Return(i.chain, nil) }
	for _, c := range []struct {
		name      string
		expect    func(r *rig, f *domain.Fault)
		faults    []*domain.Fault
		retryable bool
	}{
		{"find order", func(r *rig, f *domain.Fault) {
			r.orders.EXPECT().Order(anything, anything).Return(ports.StoredOrder{}, f)
		}, []*domain.Fault{waitFault}, true},
		{"find order", func(r *rig, f *domain.Fault) {
			r.orders.EXPECT().Order(anything, anything).Return(ports.StoredOrder{}, f)
		}, []*domain.Fault{operatorFault}, false},
		{"find issuer", func(r *rig, _ *domain.Fault) {
			order := i.stored
			order.Issuer = "other"
			r.orders.EXPECT().Order(anything, anything).Return(order, nil)
		}, []*domain.Fault{operatorFault}, false},
		{"finalize", func(r *rig, f *domain.Fault) {
			find(r)
			r.ca.EXPECT().Finalize(anything, anything, anything).Return(domain.Order{}, f)
		}, []*domain.Fault{caFault}, true},
		{"finalize", func(r *rig, f *domain.Fault) {
			find(r)
			r.ca.EXPECT().Finalize(anything, anything, anything).Return(domain.Order{}, f)
		}, []*domain.Fault{limitedFault, busyFault, nameFault}, false},
		{"poll", func(r *rig, f *domain.Fault) {
			find(r)
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
			r.certificates.EXPECT().RecordIssued(anything, anything, anything, anything).Return(domain.Issued{}, f)
		}, []*domain.Fault{waitFault}, true},
	} {
		for _, fault := range c.faults {
			t.Run(c.name+"/"+fault.Reason, func(t *testing.T) {
				r := newRig(t)
				c.expect(r, fault)
				_, err := call(r, ports.FinalizeOrder, finalizeInput)
				wire(t, err, fault, c.retryable)
			})
		}
	}
}

func TestFinalizeOrderEndsWithItsContext(t *testing.T) {
	r := newRig(t)
	cancel := r.cancellable()
	r.activities.pace.finalize, r.activities.pace.pollMax = time.Hour, time.Minute
	slow := answer(domain.OrderProcessing)
	slow.RetryAfter = time.Minute
	r.orders.EXPECT().Order(anything, anything).Return(placed(), nil)
	r.ca.EXPECT().Finalize(anything, anything, anything).DoAndReturn(func(context.Context, domain.Order, []byte) (domain.Order, error) {
		time.AfterFunc(20*time.Millisecond, cancel)
		return slow, nil
	})
	_, err := call(r, ports.FinalizeOrder, finalizeInput)
	require.ErrorContains(t, err, context.Canceled.Error())
}
