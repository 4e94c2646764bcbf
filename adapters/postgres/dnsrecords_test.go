package postgres_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"everleaf/adapters/postgres"
	"everleaf/domain"
	"everleaf/ports"
)

const (
	rowsOfRecord = `SELECT FROM dns_records WHERE name = $1 ORDER BY order_id FOR UPDATE`
	delegated    = "_acme-challenge.shop.example"
)

func record(value string) ports.DNSRecord {
	return ports.DNSRecord{Zone: "shop.example", Name: delegated, Value: value}
}

// puts is PutRecords that must succeed.
func (s store) puts(d *postgres.DNSRecords, orderID string, records ...ports.DNSRecord) {
	s.t.Helper()
	require.NoError(s.t, d.PutRecords(s.t.Context(), orderID, records))
}

// mine are an order's records by value: those that it removes, and those that it leaves to others.
func (s store) mine(d *postgres.DNSRecords, orderID string) (removes, leaves []string) {
	s.t.Helper()
	all, shared, err := d.OrderRecords(s.t.Context(), orderID)
	require.NoError(s.t, err)
	for _, r := range all {
		if slices.Contains(shared, r) {
			leaves = append(leaves, r.Value)
		} else {
			removes = append(removes, r.Value)
		}
	}
	return removes, leaves
}

func TestDNSRecords(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	d := postgres.NewDNSRecords(s.pool)
	first, second := s.placed(newOrder("web", "web/1")), s.placed(newOrder("api", "api/1"))
	for range 2 {
		s.puts(d, first.ID, record("both"), record("own"), record("own"))
	}
	s.puts(d, second.ID, record("both"), record("other"))
	s.puts(d, second.ID)
	require.Equal(t, 4, s.count("dns_records"))

	// What another order has put as well stays in DNS, and is that order's alone from then on.
	removes, leaves := s.mine(d, first.ID)
	require.Equal(t, [][]string{{"own"}, {"both"}}, [][]string{removes, leaves})
	removes, leaves = s.mine(d, first.ID)
	require.Equal(t, [][]string{{"own"}, nil}, [][]string{removes, leaves}, "what is not forgotten is removed again")
	removes, leaves = s.mine(d, second.ID)
	require.Equal(t, [][]string{{"both", "other"}, nil}, [][]string{removes, leaves})

	for range 2 {
		require.NoError(t, d.ForgetRecords(t.Context(), first.ID, []ports.DNSRecord{record("own"), record("both")}))
	}
	require.NoError(t, d.ForgetRecords(t.Context(), second.ID, nil))
	require.Equal(t, 2, s.count("dns_records"), "an order forgets its own")
	require.NoError(t, d.ForgetRecords(t.Context(), second.ID,
		[]ports.DNSRecord{record("both"), record("other"), record("never")}))
	removes, leaves = s.mine(d, second.ID)
	require.Equal(t, [][]string{nil, nil}, [][]string{removes, leaves})
}

// A record is removed from the zone that it was put into: the same one in another zone is another record, of whichever
// order.
func TestARecordInTwoZones(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	d := postgres.NewDNSRecords(s.pool)
	before, after := record("x"), record("x")
	before.Zone = "example"
	one, two := s.placed(newOrder("web", "web/1")), s.placed(newOrder("api", "api/1"))
	s.puts(d, one.ID, before)
	s.puts(d, one.ID, after, record("both"))
	s.puts(d, two.ID, after)
	all, shared, err := d.OrderRecords(t.Context(), one.ID)
	require.NoError(t, err)
	zones := func(records []ports.DNSRecord) (zones []string) {
		for _, r := range records {
			zones = append(zones, r.Zone+" "+r.Value)
		}
		slices.Sort(zones)
		return zones
	}
	require.Equal(t, []string{"example x", "shop.example both", "shop.example x"}, zones(all))
	require.Equal(t, []string{"shop.example x"}, zones(shared), "the other order has put it into this zone alone")
	require.NoError(t, d.ForgetRecords(t.Context(), one.ID, []ports.DNSRecord{record("both"), record("x")}))
	all, _, err = d.OrderRecords(t.Context(), one.ID)
	require.NoError(t, err)
	require.Equal(t, []string{"example x"}, zones(all))
}

// One that is put again while somebody removes it is in DNS again: its row stays for the one that removes it next.
func TestRecordPutAgainWhileItIsRemoved(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	d := postgres.NewDNSRecords(s.pool)
	order, other := s.placed(newOrder("web", "web/1")), s.placed(newOrder("api", "api/1"))
	for _, shared := range []bool{false, true} {
		s.puts(d, order.ID, record("again"), record("once"))
		if shared {
			s.puts(d, order.ID, record("both"))
			s.puts(d, other.ID, record("both"))
		}
		read, _, err := d.OrderRecords(t.Context(), order.ID)
		require.NoError(t, err)
		s.puts(d, order.ID, record("again"))
		require.NoError(t, d.ForgetRecords(t.Context(), order.ID, read))
		removes, leaves := s.mine(d, order.ID)
		require.Equal(t, [][]string{{"again"}, nil}, [][]string{removes, leaves})
		read, _, err = d.OrderRecords(t.Context(), order.ID)
		require.NoError(t, err)
		require.NoError(t, d.ForgetRecords(t.Context(), order.ID, read))
		require.Empty(t, first(d.OrderRecords(t.Context(), order.ID)))
	}
}

func first(all, _ []ports.DNSRecord, _ error) []ports.DNSRecord { return all }

// Of two orders that go at the same moment, one removes what both had put, and not neither.
func TestOneOfTwoOrdersRemovesWhatBothHad(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	d := postgres.NewDNSRecords(s.pool)
	var orders []string
	for _, name := range []string{"a", "b"} {
		order := s.placed(newOrder(name, name+"/1"))
		s.puts(d, order.ID, record("x"), record("y"), record("own of "+name))
		orders = append(orders, order.ID)
	}
	var mu sync.Mutex
	var removed []string
	s.collide(rowsOfRecord, delegated, len(orders), func(i int) {
		all, shared, err := d.OrderRecords(t.Context(), orders[i])
		if err != nil {
			t.Error(err)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		for _, r := range all {
			if !slices.Contains(shared, r) {
				removed = append(removed, r.Value)
			}
		}
	})
	slices.Sort(removed)
	require.Equal(t, []string{"own of a", "own of b", "x", "y"}, removed)
}

func TestRecordsArePutAtTheSameTime(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	d := postgres.NewDNSRecords(s.pool)
	orders := []string{s.placed(newOrder("a", "a/1")).ID, s.placed(newOrder("b", "b/1")).ID}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			if err := d.PutRecords(t.Context(), orders[i%2], []ports.DNSRecord{record("x"), record("y")}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.Equal(t, 4, s.count("dns_records"))
}

func TestOrphanedOrders(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	d, advice := postgres.NewDNSRecords(s.pool), postgres.NewAdvice(s.pool)
	with := func(order ports.StoredOrder) string {
		s.puts(d, order.ID, record("1 of "+order.ID), record("2 of "+order.ID))
		return order.ID
	}
	working := with(s.placed(newOrder("working", "w/1"))) // expires at noon
	s.placed(newOrder("without", "wo/1"))
	issued := with(s.placed(newOrder("issued", "i/1")))
	s.record(s.order(issued), issuedFor(s.order(issued)), "chain")
	abandoned := with(s.placed(newOrder("abandoned", "a/1")))
	require.NoError(t, s.AbandonOrder(t.Context(), "abandoned", abandoned, "the CA gave it up"))
	unanswered := with(s.open(newOrder("unanswered", "u/1"))) // the CA never said when it expires

	orphans := func(at time.Time, after string, limit int) []string {
		t.Helper()
		found, err := d.OrphanedOrders(t.Context(), at, after, limit)
		require.NoError(t, err)
		return found
	}
	sorted := func(ids ...string) []string { slices.Sort(ids); return ids }
	gone := sorted(issued, abandoned)
	early := time.Now().Add(-time.Hour)
	require.Equal(t, gone, orphans(early, "", 10))
	require.Equal(t, gone[:1], orphans(early, "", 1))
	require.Equal(t, gone[1:], orphans(early, gone[0], 10))
	require.Empty(t, orphans(early, gone[1], 10))
	require.Empty(t, orphans(early, "", -1))
	require.Equal(t, sorted(issued, abandoned, working, unanswered), orphans(noon.Add(time.Second), "", 10), "run out")
	require.Equal(t, gone, orphans(time.Now().Add(6*24*time.Hour), "", 10))

	// What was given up, and what waits after a failure, but not what is about to be tried again.
	released := with(s.placed(newOrder("released", "r/1")))
	s.release("released")
	waits := with(s.placed(newOrder("waits", "w/1")))
	failure := domain.Failure{Fault: domain.Fault{Kind: domain.FaultWait, Reason: "DNSUnavailable"}, Attempts: 1,
		At: early, RetryAt: early.Add(2 * time.Minute)}
	s.fail("waits", failure)
	require.Equal(t, sorted(issued, abandoned, released, waits), orphans(early, "", 10))
	require.Equal(t, sorted(issued, abandoned, released), orphans(early.Add(115*time.Second), "", 10))
	s.ask("released", ensured("1", time.Now(), s.order(released).Spec)) // somebody wants it again
	_, _, err := s.FindOrder(t.Context(), "waits")                      // the next attempt goes on with it
	require.NoError(t, err)

	found, err := advice.Backlog(t.Context(), early)
	require.NoError(t, err)
	require.Equal(t, 2, found.Records, "orders, not records")
	require.NoError(t, d.ForgetRecords(t.Context(), issued, []ports.DNSRecord{record("1 of " + issued)}))
	require.Equal(t, gone, orphans(early, "", 10), "one record is left")
	require.NoError(t, d.ForgetRecords(t.Context(), issued, []ports.DNSRecord{record("2 of " + issued)}))
	require.Equal(t, []string{abandoned}, orphans(early, "", 10))
}

// A row is all that is known of a record in DNS: it does not go with its order.
func TestAnOrderWithRecordsCannotBeDeleted(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	d := postgres.NewDNSRecords(s.pool)
	order := s.placed(newOrder("web", "web/1"))
	s.puts(d, order.ID, record("x"))
	_, err := s.pool.Exec(t.Context(), `DELETE FROM orders`)
	require.ErrorContains(t, err, "dns_records")
	require.NoError(t, d.ForgetRecords(t.Context(), order.ID, []ports.DNSRecord{record("x")}))
	_, err = s.pool.Exec(t.Context(), `DELETE FROM orders`)
	require.NoError(t, err)
}

func TestDNSRecordsFaults(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	d := postgres.NewDNSRecords(s.pool)
	for _, id := range []string{nobody, "not-an-id"} {
		requireFault(t, d.PutRecords(t.Context(), id, []ports.DNSRecord{record("x")}), domain.FaultOperator,
			"UnknownOrder")
	}
	_, _, err := d.OrderRecords(t.Context(), "not-an-id")
	requireFault(t, err, domain.FaultOperator, "UnknownOrder")
	requireFault(t, d.ForgetRecords(t.Context(), "not-an-id", nil), domain.FaultOperator, "UnknownOrder")
	_, err = d.OrphanedOrders(t.Context(), noon, "not-an-id", 1)
	requireFault(t, err, domain.FaultOperator, "UnknownOrder")
	s.pool.Close()
	_, _, err = d.OrderRecords(t.Context(), uuid.NewString())
	requireFault(t, err, domain.FaultWait, "DatabaseUnavailable")
	requireFault(t, d.PutRecords(t.Context(), nobody, []ports.DNSRecord{record("x")}), domain.FaultWait,
		"DatabaseUnavailable")
}
