package dns01_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/dns01/dns01test"
	"everleaf/domain"
	"everleaf/ports"
)

const delegated = "tenants.acme.test"

// Two tenants with one delegated TXT: certificates of many tenants are validated under one name at once. No
// value is lost, and who cleans up takes nothing but its own.
func TestTenantsOfOneDelegatedName(t *testing.T) {
	t.Parallel()
	server := dns01test.Start(t, "a.test", "b.test", "acme.test")
	server.Add("_acme-challenge.a.test. 1 CNAME "+delegated+".", "_acme-challenge.b.test. 1 CNAME "+delegated+".")
	store := newRecords()
	const orders = 24
	challenges := make([]domain.Challenge, orders)
	each := func(from, to int, do func(s ports.Solver, i int, order string) error) {
		t.Helper()
		var going sync.WaitGroup
		failed := make([]error, orders)
		for i := from; i < to; i++ {
			// A solver of its own, as another replica has it.
			s := solver(t, server, store, server.Zone("acme.test"))
			going.Go(func() { failed[i] = do(s, i, fmt.Sprintf("order-%d", i)) })
		}
		going.Wait()
		for _, err := range failed {
			require.NoError(t, err)
		}
	}
	each(0, orders, func(s ports.Solver, i int, order string) error {
		challenges[i] = challenge([]string{"a.test", "b.test"}[i%2])
		return s.Present(t.Context(), order, challenges[i:i+1])
	})
	require.Len(t, server.TXT(delegated), orders)
	// More than UDP carries.
	each(0, orders, func(s ports.Solver, i int, _ string) error { return s.Check(t.Context(), challenges[i]) })
	each(0, orders/2, func(s ports.Solver, _ int, order string) error { return s.CleanUp(t.Context(), order) })
	var left []string
	for i := orders / 2; i < orders; i++ {
		left = append(left, store.of(fmt.Sprintf("order-%d", i))[0].Value)
	}
	slices.Sort(left)
	require.Equal(t, left, server.TXT(delegated))
	requireFault(t, solver(t, server, store, server.Zone("acme.test")).Check(t.Context(), challenges[0]),
		domain.FaultWait, "ChallengeNotVisible",
		"but 12 other TXT records")
	each(orders/2, orders, func(s ports.Solver, _ int, order string) error { return s.CleanUp(t.Context(), order) })
	require.Empty(t, server.TXT(delegated))
}

// A TXT record orphaned by a SIGKILL: nothing but the store knows of a record whose process is gone, and any other
// process removes it. So it is after a kill between storing and writing.
func TestAnotherProcessCleansUp(t *testing.T) {
	t.Parallel()
	server := dns01test.Start(t, "shop.test")
	store := newRecords()
	require.NoError(t, solver(t, server, store, server.Zone("shop.test")).Present(t.Context(), "order",
		[]domain.Challenge{challenge("shop.test")}))
	server.Add(`_acme-challenge.shop.test. 1 TXT "somebody's own"`)
	require.NoError(t, store.PutRecords(t.Context(), "order",
		[]ports.DNSRecord{{Zone: "shop.test", Name: "_acme-challenge.www.shop.test", Value: "never written"}}))
	require.NoError(t, solver(t, server, store, server.Zone("shop.test")).CleanUp(t.Context(), "order"))
	require.Equal(t, []string{"somebody's own"}, server.TXT("_acme-challenge.shop.test"))
	require.Empty(t, store.of("order"))
}

// A CA may hand one authorization to two orders: the value stays until the last of them is done.
func TestSharedRecord(t *testing.T) {
	t.Parallel()
	server := dns01test.Start(t, "shop.test")
	store := newRecords()
	s := solver(t, server, store, server.Zone("shop.test"))
	both, one := challenge("shop.test"), challenge("shop.test")
	require.NoError(t, s.Present(t.Context(), "first", []domain.Challenge{both, one}))
	require.NoError(t, s.Present(t.Context(), "second", []domain.Challenge{both}))
	require.Len(t, server.TXT("_acme-challenge.shop.test"), 2)
	require.NoError(t, s.CleanUp(t.Context(), "first"))
	require.Empty(t, store.of("first"))
	require.NoError(t, s.Check(t.Context(), both))
	require.Len(t, server.TXT("_acme-challenge.shop.test"), 1)
	require.NoError(t, s.CleanUp(t.Context(), "second"))
	require.Empty(t, server.TXT("_acme-challenge.shop.test"))
}

// A zone that is configured no longer keeps its rows for the day when it is again; the others are cleaned.
func TestZoneConfiguredNoLonger(t *testing.T) {
	t.Parallel()
	server := dns01test.Start(t, "shop.test", "deep.shop.test", "acme.test")
	store := newRecords()
	s := solver(t, server, store, server.Zone("acme.test"), server.Zone("shop.test"), server.Zone("deep.shop.test"))
	challenges := []domain.Challenge{challenge("shop.test"), challenge("www.deep.shop.test"), challenge("acme.test")}
	require.NoError(t, s.Present(t.Context(), "order", challenges))
	require.Len(t, server.TXT("_acme-challenge.www.deep.shop.test"), 1, "the longest zone is taken")

	fewer := solver(t, server, store, server.Zone("acme.test"))
	requireFault(t, fewer.CleanUp(t.Context(), "order"), domain.FaultOperator, "UnknownDNSZone", "_acme-challenge.",
		"shop.test, which is none", "acme.test", "EVERLEAF_CONFIG")
	require.Len(t, store.of("order"), 2)
	require.Empty(t, server.TXT("_acme-challenge.acme.test"))
	require.NoError(t, s.CleanUp(t.Context(), "order"))
	require.Empty(t, store.of("order"))
	require.Empty(t, server.TXT("_acme-challenge.shop.test"))
	require.Empty(t, server.TXT("_acme-challenge.www.deep.shop.test"))
}
