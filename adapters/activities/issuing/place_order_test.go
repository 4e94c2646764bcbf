package issuing

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"github.com/golang/mock/gomock"
	"github.com/stretchr/testify/require"

	"everleaf/domain"
	"everleaf/ports"
)

var placeInput = ports.PlaceOrderInput{Certificate: certName, Key: key, Spec: spec, Issuer: "default"}

// atCA is the order as the CA shows it: our ID is not the CA's to know.
func atCA(status domain.OrderStatus) domain.Order {
	order := pending
	order.ID, order.Status = "", status
	return order
}

// stored is placed() with changes.
func stored(change func(*ports.StoredOrder)) *ports.StoredOrder {
	order := placed()
	change(&order)
	return &order
}

func planned(order *ports.StoredOrder) { order.State, order.URL = ports.OrderPlanned, "" }

// expectOpened expects a new key and order; expectPlaced that the CA hears of it and its URL is stored.
func (r *rig) expectOpened(opened ports.StoredOrder) []*gomock.Call {
	return []*gomock.Call{
		r.keys.EXPECT().Create(anything, spec.KeyType, spec.Names).Return([]byte("sealed"), []byte("csr"), nil),
		r.orders.EXPECT().OpenOrder(anything, ports.NewOrder{Certificate: certName, Key: key, Issuer: "default", Spec: spec,
			SealedKey: []byte("sealed"), CSR: []byte("csr")}).Return(opened, nil),
	}
}

func (r *rig) expectPlaced(request ports.OrderRequest) []*gomock.Call {
	return []*gomock.Call{
		r.ca.EXPECT().PlaceOrder(anything, request).Return(atCA(domain.OrderPending), nil),
		r.orders.EXPECT().RecordPlaced(anything, orderID, orderURL, pending.Expires).Return(orderURL, nil),
	}
}

func TestPlaceOrder(t *testing.T) {
	request := ports.OrderRequest{Names: spec.Names}
	found := func(r *rig, order *ports.StoredOrder) *gomock.Call {
		return r.orders.EXPECT().FindOrder(anything, certName, key).Return(order, nil)
	}
	abandoned := func(r *rig, why string) *gomock.Call {
		return r.orders.EXPECT().AbandonOrder(anything, orderID, why)
	}
	read := func(r *rig, order domain.Order) *gomock.Call {
		return r.ca.EXPECT().Order(anything, orderURL).Return(order, nil)
	}
	fresh := func(r *rig) []*gomock.Call {
		return append(r.expectOpened(*stored(planned)), r.expectPlaced(request)...)
	}
	status := func(s domain.OrderStatus) domain.Order { o := pending; o.Status = s; return o }
	gaveUp := atCA(domain.OrderInvalid)
	gaveUp.Problem = "expired"
	otherSpec := func(o *ports.StoredOrder) { o.Spec.Names = []string{"old.example.com"} }
	otherIssuer := func(o *ports.StoredOrder) { o.Issuer = "other" }
	issuedOrder := func(o *ports.StoredOrder) { o.State, o.Issued = ports.OrderIssued, &issued }
	done := domain.Order{ID: orderID, Issuer: "default", URL: orderURL, Status: domain.OrderValid}

	for _, c := range []struct {
		name   string
		expect func(*rig) []*gomock.Call
		want   ports.PlaceOrderOutput
	}{
		{"fresh: key stored before the CA hears, URL right after", func(r *rig) []*gomock.Call {
			return append([]*gomock.Call{found(r, nil)}, fresh(r)...)
		}, ports.PlaceOrderOutput{Order: pending}},
		{"planned: placed with the key it has", func(r *rig) []*gomock.Call {
			return append([]*gomock.Call{found(r, stored(planned))}, r.expectPlaced(request)...)
		}, ports.PlaceOrderOutput{Order: pending}},
		{"planned for another spec: abandoned", func(r *rig) []*gomock.Call {
			old := stored(planned)
			otherSpec(old)
			return append([]*gomock.Call{found(r, old), abandoned(r, "the spec changed")}, fresh(r)...)
		}, ports.PlaceOrderOutput{Order: pending}},
		{"placed and pending: resumed", func(r *rig) []*gomock.Call {
			return []*gomock.Call{found(r, stored(func(*ports.StoredOrder) {})), read(r, atCA(domain.OrderPending))}
		}, ports.PlaceOrderOutput{Order: pending, Resumed: true}},
		{"placed and ready: resumed", func(r *rig) []*gomock.Call {
			return []*gomock.Call{found(r, stored(func(*ports.StoredOrder) {})), read(r, atCA(domain.OrderReady))}
		}, ports.PlaceOrderOutput{Order: status(domain.OrderReady), Resumed: true}},
		{"placed and valid: resumed", func(r *rig) []*gomock.Call {
			return []*gomock.Call{found(r, stored(func(*ports.StoredOrder) {})), read(r, atCA(domain.OrderValid))}
		}, ports.PlaceOrderOutput{Order: status(domain.OrderValid), Resumed: true}},
		{"placed and given up by the CA: abandoned", func(r *rig) []*gomock.Call {
			return append([]*gomock.Call{found(r, stored(func(*ports.StoredOrder) {})), read(r, gaveUp),
				abandoned(r, "the CA gave it up: expired")}, fresh(r)...)
		}, ports.PlaceOrderOutput{Order: pending}},
		{"placed for another spec: abandoned unread", func(r *rig) []*gomock.Call {
			return append([]*gomock.Call{found(r, stored(otherSpec)), abandoned(r, "the spec changed")}, fresh(r)...)
		}, ports.PlaceOrderOutput{Order: pending}},
		{"placed at another issuer: abandoned unread", func(r *rig) []*gomock.Call {
			return append([]*gomock.Call{found(r, stored(otherIssuer)), abandoned(r, "the spec changed")}, fresh(r)...)
		}, ports.PlaceOrderOutput{Order: pending}},
		{"issued: nothing to do", func(r *rig) []*gomock.Call {
			return []*gomock.Call{found(r, stored(issuedOrder))}
		}, ports.PlaceOrderOutput{Order: done, Resumed: true}},
		{"issued for another spec: used, but said", func(r *rig) []*gomock.Call {
			return []*gomock.Call{found(r, stored(func(o *ports.StoredOrder) { issuedOrder(o); otherSpec(o) }))}
		}, ports.PlaceOrderOutput{Order: done, Resumed: true, Outdated: true}},
		{"race: a concurrent try planned it", func(r *rig) []*gomock.Call {
			return append(append([]*gomock.Call{found(r, nil)}, r.expectOpened(*stored(planned))...), r.expectPlaced(request)...)
		}, ports.PlaceOrderOutput{Order: pending}},
		{"race: a concurrent try placed it", func(r *rig) []*gomock.Call {
			return append(append([]*gomock.Call{found(r, nil)}, r.expectOpened(placed())...), read(r, atCA(domain.OrderReady)))
		}, ports.PlaceOrderOutput{Order: status(domain.OrderReady)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			gomock.InOrder(c.expect(r)...)
			out, err := call(r, ports.PlaceOrder, placeInput)
			require.NoError(t, err)
			require.Equal(t, c.want, out)
		})
	}
}

func TestPlaceOrderReplaces(t *testing.T) {
	elsewhere := issued
	elsewhere.Issuer = "other"
	for _, c := range []struct {
		name        string
		predecessor *domain.Issued
		want        ports.OrderRequest
	}{
		{"the same issuer's", &issued, ports.OrderRequest{Names: spec.Names, Profile: "tlsserver", Replaces: issued.ARIID, ReplacesAccount: account}},
		{"another issuer's", &elsewhere, ports.OrderRequest{Names: spec.Names, Profile: "tlsserver"}},
		{"none", nil, ports.OrderRequest{Names: spec.Names, Profile: "tlsserver"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			in := placeInput
			in.Spec.Profile, in.Predecessor = "tlsserver", c.predecessor
			order := stored(planned)
			order.Spec = in.Spec
			r.orders.EXPECT().FindOrder(anything, certName, key).Return(order, nil)
			gomock.InOrder(r.expectPlaced(c.want)...)
			_, err := call(r, ports.PlaceOrder, in)
			require.NoError(t, err)
		})
	}
}

func TestPlaceOrderUsesTheNamesAsTheCAWill(t *testing.T) {
	r := newRig(t)
	in := placeInput
	in.Spec = domain.Spec{Names: []string{"A.example.com", "b.EXAMPLE.com"}}
	r.orders.EXPECT().FindOrder(anything, certName, key)
	gomock.InOrder(append(r.expectOpened(*stored(planned)), r.expectPlaced(ports.OrderRequest{Names: spec.Names})...)...)
	_, err := call(r, ports.PlaceOrder, in)
	require.NoError(t, err)
}

func TestPlaceOrderFaults(t *testing.T) {
	find := func(r *rig, order *ports.StoredOrder) {
		r.orders.EXPECT().FindOrder(anything, anything, anything).Return(order, nil)
	}
	for _, c := range []struct {
		name      string
		expect    func(r *rig, fault *domain.Fault)
		faults    []*domain.Fault
		retryable bool
	}{
		{"find order", func(r *rig, f *domain.Fault) {
			r.orders.EXPECT().FindOrder(anything, anything, anything).Return(nil, f)
		}, []*domain.Fault{waitFault}, true},
		{"create key", func(r *rig, f *domain.Fault) {
			find(r, nil)
			r.keys.EXPECT().Create(anything, anything, anything).Return(nil, nil, f)
		}, []*domain.Fault{operatorFault}, false},
		{"open order", func(r *rig, f *domain.Fault) {
			find(r, nil)
			r.keys.EXPECT().Create(anything, anything, anything)
			r.orders.EXPECT().OpenOrder(anything, anything).Return(ports.StoredOrder{}, f)
		}, []*domain.Fault{waitFault}, true},
		{"read order", func(r *rig, f *domain.Fault) {
			find(r, stored(func(*ports.StoredOrder) {}))
			r.ca.EXPECT().Order(anything, anything).Return(domain.Order{}, f)
		}, []*domain.Fault{caFault}, true},
		{"abandon order", func(r *rig, f *domain.Fault) {
			find(r, stored(func(o *ports.StoredOrder) { o.Issuer = "other" }))
			r.orders.EXPECT().AbandonOrder(anything, anything, anything).Return(f)
		}, []*domain.Fault{waitFault}, true},
		{"read the order that a race placed", func(r *rig, f *domain.Fault) {
			find(r, nil)
			r.expectOpened(placed())
			r.ca.EXPECT().Order(anything, anything).Return(domain.Order{}, f)
		}, []*domain.Fault{caFault}, true},
		{"place order", func(r *rig, f *domain.Fault) {
			find(r, stored(planned))
			r.ca.EXPECT().PlaceOrder(anything, anything).Return(domain.Order{}, f)
		}, []*domain.Fault{caFault}, true},
		{"place order", func(r *rig, f *domain.Fault) {
			find(r, stored(planned))
			r.ca.EXPECT().PlaceOrder(anything, anything).Return(domain.Order{}, f)
		}, []*domain.Fault{limitedFault, busyFault, nameFault, operatorFault, specFault}, false},
		{"record order", func(r *rig, f *domain.Fault) {
			find(r, stored(planned))
			r.ca.EXPECT().PlaceOrder(anything, anything).Return(atCA(domain.OrderPending), nil)
			r.orders.EXPECT().RecordPlaced(anything, anything, anything, anything).Return("", f)
		}, []*domain.Fault{waitFault}, true},
	} {
		for _, fault := range c.faults {
			t.Run(c.name+"/"+fault.Reason, func(t *testing.T) {
				r := newRig(t)
				c.expect(r, fault)
				_, err := call(r, ports.PlaceOrder, placeInput)
				wire(t, err, fault, c.retryable)
			})
		}
	}
}

func TestPlaceOrderRefuses(t *testing.T) {
	t.Run("a bad spec before anything is touched", func(t *testing.T) {
		r := newRig(t)
		in := placeInput
		in.Spec.Names = []string{"a_b.example.com"}
		_, err := call(r, ports.PlaceOrder, in)
		application, fault := faultIn(t, err)
		require.True(t, application.NonRetryable())
		require.Equal(t, domain.FaultSpec, fault.Kind)
	})
	t.Run("an unknown issuer before anything is touched", func(t *testing.T) {
		r := newRig(t)
		in := placeInput
		in.Issuer = "other"
		_, err := call(r, ports.PlaceOrder, in)
		wire(t, err, operatorFault, false)
	})
	t.Run("an order that a late try opened for another spec: the next try abandons it", func(t *testing.T) {
		r := newRig(t)
		r.orders.EXPECT().FindOrder(anything, certName, key)
		r.expectOpened(*stored(func(o *ports.StoredOrder) { planned(o); o.Spec.Names = []string{"old.example.com"} }))
		_, err := call(r, ports.PlaceOrder, placeInput)
		application, fault := faultIn(t, err)
		require.False(t, application.NonRetryable())
		require.Equal(t, "OrderInFlight", fault.Reason)
	})
}

// Two workers on one step have placed an order each: the one whose URL is not stored goes on with the other's.
func TestPlaceOrderGoesOnWithTheStoredURL(t *testing.T) {
	r := newRig(t)
	r.orders.EXPECT().FindOrder(anything, certName, key).Return(stored(planned), nil)
	r.ca.EXPECT().PlaceOrder(anything, anything).Return(atCA(domain.OrderPending), nil)
	r.orders.EXPECT().RecordPlaced(anything, orderID, orderURL, anything).Return("https://ca.test/order/first", nil)
	first := atCA(domain.OrderPending)
	first.URL = "https://ca.test/order/first"
	r.ca.EXPECT().Order(anything, first.URL).Return(first, nil)
	out, err := call(r, ports.PlaceOrder, placeInput)
	require.NoError(t, err)
	first.ID = orderID
	require.Equal(t, first, out.Order)
}

// An order in flight that an ended workflow left is taken over under our own key before anything else.
func TestPlaceOrderAdoptsWhatAnEndedWorkflowLeft(t *testing.T) {
	r := newRig(t)
	left := stored(func(o *ports.StoredOrder) { o.Key = "ended/1" })
	gomock.InOrder(
		r.orders.EXPECT().FindOrder(anything, certName, key).Return(left, nil),
		r.orders.EXPECT().AdoptOrder(anything, orderID, key),
		r.ca.EXPECT().Order(anything, orderURL).Return(atCA(domain.OrderReady), nil),
	)
	out, err := call(r, ports.PlaceOrder, placeInput)
	require.NoError(t, err)
	require.True(t, out.Resumed)
}

// The database was away when the CA answered: the process remembers, and the CA hears of the order once.
func TestPlaceOrderStoresWhatItCouldNotStore(t *testing.T) {
	r := newRig(t)
	r.orders.EXPECT().FindOrder(anything, certName, key).Times(3).Return(stored(planned), nil)
	r.ca.EXPECT().PlaceOrder(anything, anything).Times(1).Return(atCA(domain.OrderPending), nil)
	gomock.InOrder(
		r.orders.EXPECT().RecordPlaced(anything, orderID, orderURL, pending.Expires).Times(2).Return("", waitFault),
		r.orders.EXPECT().RecordPlaced(anything, orderID, orderURL, pending.Expires).Return(orderURL, nil),
	)
	for range 2 {
		_, err := call(r, ports.PlaceOrder, placeInput)
		wire(t, err, waitFault, true)
	}
	out, err := call(r, ports.PlaceOrder, placeInput)
	require.NoError(t, err)
	require.Equal(t, pending, out.Order)
}

// The workflow was cancelled just then: whoever takes the order over in this process still knows of it.
func TestPlaceOrderRemembersWhatItsEndLeftUnstored(t *testing.T) {
	r := newRig(t)
	ctx, end := context.WithCancel(t.Context())
	r.orders.EXPECT().FindOrder(anything, certName, key).Times(2).Return(stored(planned), nil)
	r.ca.EXPECT().PlaceOrder(anything, anything).Times(1).Return(atCA(domain.OrderPending), nil)
	gomock.InOrder(
		r.orders.EXPECT().RecordPlaced(anything, orderID, orderURL, pending.Expires).DoAndReturn(
			func(ctx context.Context, _, _ string, _ time.Time) (string, error) { end(); return "", ctx.Err() }),
		r.orders.EXPECT().RecordPlaced(anything, orderID, orderURL, pending.Expires).Return(orderURL, nil),
	)
	_, err := r.activities.placeOrder(ctx, placeInput)
	require.ErrorIs(t, err, context.Canceled)
	out, err := call(r, ports.PlaceOrder, placeInput)
	require.NoError(t, err)
	require.Equal(t, pending, out.Order)
}

// A fallback's certificate whose answer was lost is no reason to issue another one: the spec names its issuer.
func TestPlaceOrderTakesWhatAFallbackHasIssued(t *testing.T) {
	r := newRig(t)
	in := placeInput
	in.Spec.Issuers = []string{"default", "other"}
	r.orders.EXPECT().FindOrder(anything, certName, key).Return(stored(func(o *ports.StoredOrder) {
		o.State, o.Issuer, o.Spec.Issuers = ports.OrderIssued, "other", in.Spec.Issuers
	}), nil)
	out, err := call(r, ports.PlaceOrder, in)
	require.NoError(t, err)
	require.True(t, out.Resumed)
	require.False(t, out.Outdated)
}

// A key that was called compromised after its order was placed goes with the order; a fresh one stays.
func TestPlaceOrderKeepsNoCompromisedKey(t *testing.T) {
	old, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	fresh, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: now, NotAfter: now.Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, old.Public(), old)
	require.NoError(t, err)
	chain := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for name, c := range map[string]struct {
		key  *ecdsa.PrivateKey
		kept bool
	}{"the old key": {old, true}, "a fresh key": {fresh, false}} {
		t.Run(name, func(t *testing.T) {
			csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, c.key)
			require.NoError(t, err)
			r := newRig(t)
			r.certificates.EXPECT().Chain(anything, "v3").Return(chain, nil)
			in := placeInput
			in.FreshKey, in.Predecessor = true, &domain.Issued{Version: "v3"}
			kept, err := r.activities.keptKey(t.Context(), in, *stored(func(o *ports.StoredOrder) {
				o.CSR, o.Spec.KeyRotation = csr, domain.RotateNever
			}))
			require.NoError(t, err)
			require.Equal(t, c.kept, kept)
		})
	}
}
