package issuing

import (
	"context"
	"testing"
	"time"

	"github.com/golang/mock/gomock"
	"github.com/stretchr/testify/require"

	"everleaf/domain"
	"everleaf/ports"
)

// place runs the part where the record and the order in flight are these.
func (r *rig) place(record domain.Record, inFlight *ports.StoredOrder) (order domain.Order, err error) {
	r.Helper()
	err = r.parts(func(ctx context.Context, i *issuance) (err error) {
		order, err = i.place(ctx, record, inFlight)
		return err
	})
	return order, err
}

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
		r.keys.EXPECT().Create(anything, certName, spec.KeyType, spec.Names).Return(sealedKey, []byte("csr"), nil),
		r.orders.EXPECT().OpenOrder(anything,
			ports.NewOrder{Certificate: certName, Key: firstOrder, Issuer: "default", Spec: spec,
				SealedKey: sealedKey, CSR: []byte("csr")}).Return(opened, nil),
	}
}

func (r *rig) expectPlaced(request ports.OrderRequest) []*gomock.Call {
	return []*gomock.Call{
		r.ca.EXPECT().PlaceOrder(anything, request).Return(atCA(domain.OrderPending), nil),
		r.orders.EXPECT().RecordPlaced(anything, certName, orderID, orderURL, pending.Expires).Return(orderURL, nil),
	}
}

func TestPlaceOrder(t *testing.T) {
	request := ports.OrderRequest{Names: spec.Names}
	abandoned := func(r *rig, why string) *gomock.Call {
		return r.orders.EXPECT().AbandonOrder(anything, certName, orderID, why)
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
	asIs := func(*ports.StoredOrder) {}
	otherSpec := func(o *ports.StoredOrder) { o.Spec.Names = []string{"old.example.com"} }
	otherIssuer := func(o *ports.StoredOrder) { o.Issuer = "other" }

	for _, c := range []struct {
		name   string
		found  *ports.StoredOrder
		expect func(*rig) []*gomock.Call
		want   domain.Order
	}{
		{"fresh: key stored before the CA hears, URL right after", nil, fresh, pending},
		{"planned: placed with the key it has", stored(planned), func(r *rig) []*gomock.Call {
			return r.expectPlaced(request)
		}, pending},
		{"planned for another spec: abandoned", stored(func(o *ports.StoredOrder) { planned(o); otherSpec(o) }),
			func(r *rig) []*gomock.Call {
				return append([]*gomock.Call{abandoned(r, "the spec changed")}, fresh(r)...)
			}, pending},
		{"placed and pending: resumed", stored(asIs), func(r *rig) []*gomock.Call {
			return one(read(r, atCA(domain.OrderPending)))
		}, pending},
		{"placed and ready: resumed", stored(asIs), func(r *rig) []*gomock.Call {
			return one(read(r, atCA(domain.OrderReady)))
		}, status(domain.OrderReady)},
		{"placed and valid: resumed", stored(asIs), func(r *rig) []*gomock.Call {
			return one(read(r, atCA(domain.OrderValid)))
		}, status(domain.OrderValid)},
		{"placed and given up by the CA: abandoned", stored(asIs), func(r *rig) []*gomock.Call {
			return append([]*gomock.Call{read(r, gaveUp), abandoned(r, "the CA gave it up: expired")}, fresh(r)...)
		}, pending},
		{"placed for another spec: abandoned unread", stored(otherSpec), func(r *rig) []*gomock.Call {
			return append(one(abandoned(r, "the spec changed")), fresh(r)...)
		}, pending},
		{"placed at another issuer: abandoned unread", stored(otherIssuer), func(r *rig) []*gomock.Call {
			return append(one(abandoned(r, "the spec changed")), fresh(r)...)
		}, pending},
		{"race: a concurrent try planned it", nil, func(r *rig) []*gomock.Call {
			return append(r.expectOpened(*stored(planned)), r.expectPlaced(request)...)
		}, pending},
		{"race: a concurrent try placed it", nil, func(r *rig) []*gomock.Call {
			return append(r.expectOpened(placed()), read(r, atCA(domain.OrderReady)))
		}, status(domain.OrderReady)},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			gomock.InOrder(c.expect(r)...)
			order, err := r.place(domain.Record{}, c.found)
			require.NoError(t, err)
			require.Equal(t, c.want, order)
		})
	}
}

func TestPlaceOrderReplaces(t *testing.T) {
	elsewhere := issued
	elsewhere.Issuer = "other"
	for _, c := range []struct {
		name     string
		replaced *domain.Issued
		want     ports.OrderRequest
	}{
		{"the same issuer's", &issued, ports.OrderRequest{Names: spec.Names, Profile: "tlsserver",
			Replaces: issued.ARIID, ReplacesAccount: account}},
		{"another issuer's", &elsewhere, ports.OrderRequest{Names: spec.Names, Profile: "tlsserver"}},
		{"none", nil, ports.OrderRequest{Names: spec.Names, Profile: "tlsserver"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			r.in.Spec.Profile = "tlsserver"
			order := stored(planned)
			order.Spec = r.in.Spec
			gomock.InOrder(r.expectPlaced(c.want)...)
			_, err := r.place(domain.Record{Issued: c.replaced}, order)
			require.NoError(t, err)
		})
	}
}

func TestPlaceOrderUsesTheNamesAsTheCAWill(t *testing.T) {
	r := newRig(t)
	in := obtainInput
	in.Spec = domain.Spec{Names: []string{"A.example.com", "b.EXAMPLE.com"}}
	r.finds(domain.Record{}, nil)
	r.expectOpened(*stored(planned))
	r.ca.EXPECT().PlaceOrder(anything, ports.OrderRequest{Names: spec.Names}).Return(domain.Order{}, nameFault)
	_, err := call(r, ports.ObtainCertificate, in)
	_, fault := faultIn(t, err)
	require.Equal(t, nameFault.Reason, fault.Reason)
}

func TestPlaceOrderFaults(t *testing.T) {
	for _, c := range []struct {
		name      string
		found     *ports.StoredOrder
		expect    func(r *rig, fault *domain.Fault)
		faults    []*domain.Fault
		retryable bool
	}{
		{"create key", nil, func(r *rig, f *domain.Fault) {
			r.keys.EXPECT().Create(anything, anything, anything, anything).Return(sealedKey, nil, f)
		}, []*domain.Fault{operatorFault}, false},
		{"open order", nil, func(r *rig, f *domain.Fault) {
			r.keys.EXPECT().Create(anything, anything, anything, anything)
			r.orders.EXPECT().OpenOrder(anything, anything).Return(ports.StoredOrder{}, f)
		}, []*domain.Fault{waitFault}, true},
		{"read order", stored(func(*ports.StoredOrder) {}), func(r *rig, f *domain.Fault) {
			r.ca.EXPECT().Order(anything, anything).Return(domain.Order{}, f)
		}, []*domain.Fault{caFault}, true},
		{"abandon order", stored(func(o *ports.StoredOrder) { o.Issuer = "other" }), func(r *rig, f *domain.Fault) {
			r.orders.EXPECT().AbandonOrder(anything, anything, anything, anything).Return(f)
		}, []*domain.Fault{waitFault}, true},
		{"read the order that a race placed", nil, func(r *rig, f *domain.Fault) {
			r.expectOpened(placed())
			r.ca.EXPECT().Order(anything, anything).Return(domain.Order{}, f)
		}, []*domain.Fault{caFault}, true},
		{"place order", stored(planned), func(r *rig, f *domain.Fault) {
			r.ca.EXPECT().PlaceOrder(anything, anything).Return(domain.Order{}, f)
		}, []*domain.Fault{caFault}, true},
		{"place order", stored(planned), func(r *rig, f *domain.Fault) {
			r.ca.EXPECT().PlaceOrder(anything, anything).Return(domain.Order{}, f)
		}, []*domain.Fault{limitedFault, busyFault, nameFault, operatorFault, specFault}, false},
		{"record order", stored(planned), func(r *rig, f *domain.Fault) {
			r.ca.EXPECT().PlaceOrder(anything, anything).Return(atCA(domain.OrderPending), nil)
			r.orders.EXPECT().RecordPlaced(anything, anything, anything, anything, anything).Return("", f)
		}, []*domain.Fault{waitFault}, true},
	} {
		for _, fault := range c.faults {
			t.Run(c.name+"/"+string(fault.Reason), func(t *testing.T) {
				r := newRig(t)
				c.expect(r, fault)
				_, err := r.place(domain.Record{}, c.found)
				wire(t, err, fault, c.retryable)
			})
		}
	}
}

// An order that a late try opened for another spec: the next try abandons it.
func TestPlaceOrderForAnEarlierSpec(t *testing.T) {
	r := newRig(t)
	r.expectOpened(*stored(func(o *ports.StoredOrder) { planned(o); o.Spec.Names = []string{"old.example.com"} }))
	_, err := r.place(domain.Record{}, nil)
	application, fault := faultIn(t, err)
	require.False(t, application.NonRetryable())
	require.EqualValues(t, "OrderInFlight", fault.Reason)
}

// Two workers on one step have placed an order each: the one whose URL is not stored goes on with the other's.
func TestPlaceOrderGoesOnWithTheStoredURL(t *testing.T) {
	r := newRig(t)
	r.ca.EXPECT().PlaceOrder(anything, anything).Return(atCA(domain.OrderPending), nil)
	r.orders.EXPECT().RecordPlaced(anything, certName, orderID, orderURL,
		anything).Return("https://ca.test/order/first", nil)
	first := atCA(domain.OrderPending)
	first.URL = "https://ca.test/order/first"
	r.ca.EXPECT().Order(anything, first.URL).Return(first, nil)
	order, err := r.place(domain.Record{}, stored(planned))
	require.NoError(t, err)
	first.ID = orderID
	require.Equal(t, first, order)
}

// The database was away when the CA answered: the process remembers, and the CA hears of the order once.
func TestPlaceOrderStoresWhatItCouldNotStore(t *testing.T) {
	r := newRig(t)
	r.ca.EXPECT().PlaceOrder(anything, anything).Times(1).Return(atCA(domain.OrderPending), nil)
	gomock.InOrder(
		r.orders.EXPECT().RecordPlaced(anything, certName, orderID, orderURL, pending.Expires).Times(2).Return("",
			waitFault),
		r.orders.EXPECT().RecordPlaced(anything, certName, orderID, orderURL, pending.Expires).Return(orderURL, nil),
	)
	for range 2 {
		_, err := r.place(domain.Record{}, stored(planned))
		wire(t, err, waitFault, true)
	}
	order, err := r.place(domain.Record{}, stored(planned))
	require.NoError(t, err)
	require.Equal(t, pending, order)
}

// The step was cancelled just then: whichever takes the order over in this process still knows of it.
func TestPlaceOrderRemembersWhatItsEndLeftUnstored(t *testing.T) {
	r := newRig(t)
	r.ca.EXPECT().PlaceOrder(anything, anything).Times(1).Return(atCA(domain.OrderPending), nil)
	gomock.InOrder(
		r.orders.EXPECT().RecordPlaced(anything, certName, orderID, orderURL, pending.Expires).DoAndReturn(
			func(ctx context.Context, _, _, _ string, _ time.Time) (string, error) { return "", ctx.Err() }),
		r.orders.EXPECT().RecordPlaced(anything, certName, orderID, orderURL, pending.Expires).Return(orderURL, nil),
	)
	err := r.parts(func(ctx context.Context, i *issuance) error {
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		_, err := i.place(ctx, domain.Record{}, stored(planned))
		require.ErrorIs(t, err, context.Canceled)
		return nil
	})
	require.NoError(t, err)
	order, err := r.place(domain.Record{}, stored(planned))
	require.NoError(t, err)
	require.Equal(t, pending, order)
}

// What could not be stored is forgotten when it turns out to be stored, or when nobody wants it any more.
func TestPlaceOrderForgetsWhatItCouldNotStore(t *testing.T) {
	earlier := placed()
	planned(&earlier)
	earlier.Spec.Names = []string{"old.example.com"}
	inService := placed()
	for name, found := range map[string]*ports.StoredOrder{"it is stored": &inService,
		"for an earlier spec": &earlier} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.activities.unstored.Store(orderID, pending)
			r.ca.EXPECT().Order(anything, orderURL).AnyTimes().Return(atCA(domain.OrderPending), nil)
			r.orders.EXPECT().AbandonOrder(anything, certName, orderID, anything).AnyTimes().Return(operatorFault)
			_, _ = r.place(domain.Record{}, found) // one of them goes no further
			_, known := r.activities.unstored.Load(orderID)
			require.False(t, known)
		})
	}
}
