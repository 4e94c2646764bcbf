package issuing

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"everleaf/domain"
	"everleaf/ports"
)

// A repeat that comes while the first run waits for Postgres places no second order: it takes the first's.
func TestPlaceOrderTwiceAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		slow := make(chan struct{})
		r.orders.EXPECT().FindOrder(anything, certName, key).DoAndReturn(
			func(context.Context, string, string) (*ports.StoredOrder, error) { <-slow; return nil, nil })
		r.expectOpened(*stored(planned))
		r.expectPlaced(ports.OrderRequest{Names: spec.Names})
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() {
				out, err := r.activities.PlaceOrder(context.Background(), placeInput)
				assert.NoError(t, err)
				assert.Equal(t, orderURL, out.Order.URL)
			})
		}
		synctest.Wait() // both wait
		close(slow)
		both.Wait()
	})
}

// The first run's context ends, the repeat's does not: it goes on by itself.
func TestPlaceOrderOutlivesTheRunThatItWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		first, end := context.WithCancel(context.Background())
		slow := make(chan struct{})
		r.orders.EXPECT().FindOrder(anything, certName, key).DoAndReturn(
			func(context.Context, string, string) (*ports.StoredOrder, error) { <-slow; return nil, first.Err() })
		r.orders.EXPECT().FindOrder(anything, certName, key).Return(stored(func(*ports.StoredOrder) {}), nil)
		r.ca.EXPECT().Order(anything, orderURL).Return(atCA(domain.OrderPending), nil)
		var both sync.WaitGroup
		both.Go(func() {
			_, err := r.activities.PlaceOrder(first, placeInput)
			assert.ErrorIs(t, err, context.Canceled)
		})
		synctest.Wait()
		both.Go(func() {
			out, err := r.activities.PlaceOrder(context.Background(), placeInput)
			assert.NoError(t, err)
			assert.True(t, out.Resumed)
		})
		synctest.Wait()
		end()
		synctest.Wait()
		close(slow)
		both.Wait()
	})
}

// A panic is the failure of its step, as the SDK has it, and not the end of the process.
func TestPlaceOrderPanics(t *testing.T) {
	r := newRig(t)
	r.orders.EXPECT().FindOrder(anything, certName, key).DoAndReturn(
		func(context.Context, string, string) (*ports.StoredOrder, error) { panic("unforeseen") })
	_, err := call(r, ports.PlaceOrder, placeInput)
	require.ErrorContains(t, err, "unforeseen")
}
