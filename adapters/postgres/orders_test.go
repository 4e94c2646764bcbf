package postgres_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
	"everleaf/ports"
)

func TestOpenOrderStoresCertificateKeyAndOrderTogether(t *testing.T) {
	s := newStore(t)
	opened := s.open(newOrder("web", "web/1", "b.example", "a.example"))

	require.Equal(t, ports.OrderPlanned, opened.State)
	require.Equal(t, opened, s.order(opened.ID))
	require.Equal(t, []string{"b.example", "a.example"}, opened.Spec.Names, "the order of names is kept")
	require.Equal(t, "sealed key of web/1", string(query[[]byte](s, `SELECT sealed FROM keys JOIN orders ON key_id = keys.id`)))
	list, err := s.List(t.Context(), "", 10)
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, domain.PhaseIssuing, list[0].Phase)
	require.Equal(t, opened.Spec, list[0].Spec)
}

func TestTheFirstOrderWins(t *testing.T) {
	for name, second := range map[string]ports.NewOrder{
		"same key again":                     newOrder("web", "web/1"),
		"another key while one is in flight": newOrder("web", "web/2"),
		"changed names, one in flight":       newOrder("web", "web/2", "new.example"),
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			first := s.placed(newOrder("web", "web/1"))
			require.Equal(t, first, s.open(second))
			require.Equal(t, 1, s.count("orders"))
			require.Equal(t, 1, s.count("keys"), "a key that lost is not stored")
		})
	}
}

func TestAnIssuedOrderIsFoundByItsKeyAndNotOpenedAgain(t *testing.T) {
	s := newStore(t)
	issued := s.issue(newOrder("web", "web/1"))

	again := s.open(newOrder("web", "web/1"))
	require.Equal(t, ports.OrderIssued, again.State)
	require.Equal(t, &issued, again.Issued)
	require.Equal(t, ports.OrderPlanned, s.open(newOrder("web", "web/2")).State, "the next issuance has its own")
}

func TestOpenOrderFromManyReplicasMakesOne(t *testing.T) {
	s := newStore(t)
	const replicas = 8
	ids, errs := make([]string, replicas), make([]error, replicas)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range replicas {
		wg.Go(func() {
			<-start
			order := newOrder("web", "web/1")
			order.CSR = []byte{byte(i)}
			stored, err := s.OpenOrder(t.Context(), order)
			ids[i], errs[i] = stored.ID, err
		})
	}
	close(start)
	wg.Wait()
	for i := range replicas {
		require.NoError(t, errs[i])
		require.Equal(t, ids[0], ids[i])
	}
	require.Equal(t, 1, s.count("orders"))
	require.Equal(t, 1, s.count("keys"))
}

// Eight workers on one step have placed an order each: all go on with the one that is stored.
func TestConcurrentRecordPlacedAgree(t *testing.T) {
	s := newStore(t)
	order := s.open(newOrder("web", "web/1"))
	urls := make(chan string, 8)
	for i := range cap(urls) {
		go func() {
			url, err := s.RecordPlaced(t.Context(), order.ID, fmt.Sprintf("https://ca.example/order/%d", i), noon)
			if err != nil {
				url = err.Error()
			}
			urls <- url
		}()
	}
	first := <-urls
	require.Equal(t, first, s.order(order.ID).URL)
	for range cap(urls) - 1 {
		require.Equal(t, first, <-urls)
	}
}

// An order that is left in flight by a certificate that is kept no more gives its names free when it expires, and an
// abandoned one leaves no token.
func TestExpiredAndAbandonedOrdersHoldNothing(t *testing.T) {
	s := newStore(t)
	left := s.open(newOrder("left", "left/1", "a.example"))
	_, err := s.RecordPlaced(t.Context(), left.ID, "https://ca.example/order/1", time.Now().Add(time.Hour))
	require.NoError(t, err)
	_, err = s.OpenOrder(t.Context(), newOrder("web", "web/1", "a.example"))
	requireFault(t, err, domain.FaultWait, "SameNamesInFlight")
	require.NoError(t, s.PutTokens(t.Context(), left.ID, []domain.Challenge{{Token: "l", KeyAuthorization: "l.k"}}))
	_, err = s.pool.Exec(t.Context(), `UPDATE orders SET expires = now() - interval '1 second'`)
	require.NoError(t, err)
	web := s.open(newOrder("web", "web/1", "a.example"))
	require.Equal(t, ports.OrderAbandoned, s.order(left.ID).State)
	require.Equal(t, 0, s.count("http_tokens"))
	require.Equal(t, []string{"placed", "abandoned"}, s.events("left"))

	never := s.open(newOrder("never", "never/1", "b.example")) // the CA never answered: no expiry
	_, err = s.pool.Exec(t.Context(), `UPDATE orders SET updated_at = now() - interval '8 days' WHERE id = $1`, never.ID)
	require.NoError(t, err)
	require.Equal(t, "other", s.open(newOrder("other", "other/1", "b.example")).Certificate)

	require.NoError(t, s.PutTokens(t.Context(), web.ID, []domain.Challenge{{Token: "t", KeyAuthorization: "t.k"}}))
	require.NoError(t, s.AbandonOrder(t.Context(), web.ID, "the spec changed"))
	require.Equal(t, 0, s.count("http_tokens"))
}

func TestAdoptOrderMovesWhatIsInFlight(t *testing.T) {
	s := newStore(t)
	order := s.placed(newOrder("web", "ended/1"))
	for range 2 {
		require.NoError(t, s.AdoptOrder(t.Context(), order.ID, "successor/1"))
	}
	_, err := s.RecordIssued(t.Context(), order.ID, issuedFor(order), []byte("chain"))
	require.NoError(t, err)
	found, err := s.FindOrder(t.Context(), "web", "successor/1")
	require.NoError(t, err)
	require.Equal(t, ports.OrderIssued, found.State, "issued, and found by the successor's key")
	require.NoError(t, s.AdoptOrder(t.Context(), order.ID, "too/late"))
	require.Equal(t, "successor/1", s.order(order.ID).Key)
}

func TestTwoCertificatesWithTheSameNamesTakeTurns(t *testing.T) {
	s := newStore(t)
	first := s.open(newOrder("web", "web/1", "a.example", "b.example"))

	_, err := s.OpenOrder(t.Context(), newOrder("copy", "copy/1", "b.example", "a.example"))
	fault := requireFault(t, err, domain.FaultWait, "SameNamesInFlight")
	require.Contains(t, fault.Message, "the certificate web has")
	require.Equal(t, 1, s.count("certificates"), "nothing is stored")

	for name, change := range map[string]func(*ports.NewOrder){
		"profile": func(o *ports.NewOrder) { o.Spec.Profile = "shortlived" },
		"issuer":  func(o *ports.NewOrder) { o.Issuer = "other" },
		"names":   func(o *ports.NewOrder) { o.Spec.Names = []string{"a.example"} },
	} {
		order := newOrder("by "+name, "1", "a.example", "b.example")
		change(&order)
		require.Equal(t, "by "+name, s.open(order).Certificate)
	}

	require.NoError(t, s.AbandonOrder(t.Context(), first.ID, "done with"))
	require.Equal(t, "copy", s.open(newOrder("copy", "copy/1", "b.example", "a.example")).Certificate)
}

func TestAHundredLongNamesFitTheIndexes(t *testing.T) {
	s := newStore(t)
	names := make([]string, 100)
	for i := range names {
		names[i] = string(rune('a'+i%26)) + string(longLabels(i)) + ".example"
	}
	opened := s.open(newOrder("large", "large/1", names...))
	require.Equal(t, names, s.order(opened.ID).Spec.Names)
}

func longLabels(seed int) []byte {
	label := make([]byte, 230)
	for i := range label {
		label[i] = "abcdefghijklmnopqrstuvwxyz"[(i*7+seed)%26]
	}
	return label
}

func TestFindOrderPrefersTheKeyThenWhatIsInFlight(t *testing.T) {
	s := newStore(t)
	find := func(certificate, key string) *ports.StoredOrder {
		t.Helper()
		found, err := s.FindOrder(t.Context(), certificate, key)
		require.NoError(t, err)
		return found
	}
	require.Nil(t, find("web", "web/1"), "nothing yet")
	s.issue(newOrder("web", "web/1"))
	second := s.placed(newOrder("web", "web/2"))

	require.Equal(t, ports.OrderIssued, find("web", "web/1").State, "the key's, although another is in flight")
	require.Equal(t, "0a1b", find("web", "web/1").Issued.Serial)
	require.Equal(t, &second, find("web", "web/2"))
	require.Equal(t, &second, find("web", "web/3"), "what is in flight, under whatever key")
	require.Nil(t, find("other", "web/2"), "another certificate's is not found")

	require.NoError(t, s.AbandonOrder(t.Context(), second.ID, "expired"))
	require.Nil(t, find("web", "web/2"), "abandoned orders are not found")
	reopened := s.open(newOrder("web", "web/2"))
	require.NotEqual(t, second.ID, reopened.ID, "the key may be used again")
	require.Equal(t, &reopened, find("web", "web/2"))
}

func TestRecordPlacedKeepsTheFirstURL(t *testing.T) {
	s := newStore(t)
	order := s.open(newOrder("web", "web/1"))
	for _, url := range []string{"https://ca.example/order/1", "https://ca.example/order/1", "https://ca.example/order/2"} {
		require.Equal(t, "https://ca.example/order/1", s.place(order.ID, url))
	}

	stored := s.order(order.ID)
	require.Equal(t, ports.OrderPlaced, stored.State)
	require.Equal(t, "https://ca.example/order/1", stored.URL)
	require.Equal(t, []string{"placed"}, s.events("web"), "told once")
}

func TestAbandonOrderIsIdempotentAndLeavesIssuedOrders(t *testing.T) {
	s := newStore(t)
	order := s.placed(newOrder("web", "web/1"))
	require.NoError(t, s.AbandonOrder(t.Context(), order.ID, "the CA gave it up\x00\xff"))
	require.NoError(t, s.AbandonOrder(t.Context(), order.ID, "again"))
	require.Equal(t, ports.OrderAbandoned, s.order(order.ID).State)
	require.Equal(t, "the CA gave it up\uFFFD\uFFFD", query[string](s, `SELECT reason FROM orders`))
	require.Equal(t, []string{"placed", "abandoned"}, s.events("web"))
	_, err := s.RecordPlaced(t.Context(), order.ID, "https://ca.example/order/9", noon)
	requireFault(t, err, domain.FaultOperator, "OrderAbandoned")

	s.issue(newOrder("web", "web/2"))
	issued, err := s.FindOrder(t.Context(), "web", "web/2")
	require.NoError(t, err)
	require.NoError(t, s.AbandonOrder(t.Context(), issued.ID, "too late"))
	require.Equal(t, ports.OrderIssued, s.order(issued.ID).State)
}

func TestUnknownIDsAreNamed(t *testing.T) {
	s := newStore(t)
	for _, id := range []string{"", "no uuid", nobody} {
		_, orderErr := s.Order(t.Context(), id)
		_, issuedErr := s.RecordIssued(t.Context(), id, domain.Issued{Names: []string{"a.example"}}, nil)
		_, chainErr := s.Chain(t.Context(), id)
		_, placedErr := s.RecordPlaced(t.Context(), id, "u", noon)
		_, renewalErr := s.RecordRenewal(t.Context(), id, domain.RenewalPlan{}, time.Time{})
		for _, fault := range []struct {
			err    error
			reason string
		}{
			{orderErr, "UnknownOrder"}, {issuedErr, "UnknownOrder"}, {chainErr, "UnknownVersion"}, {renewalErr, "UnknownVersion"},
			{placedErr, "UnknownOrder"}, {s.AbandonOrder(t.Context(), id, "r"), "UnknownOrder"},
			{s.PutTokens(t.Context(), id, []domain.Challenge{{Token: "t"}}), "UnknownOrder"},
		} {
			require.Contains(t, requireFault(t, fault.err, domain.FaultOperator, fault.reason).Message, `"`+id+`"`)
		}
	}
}

// The indexes are the last word, whatever the code above them does.
func TestConstraintsHoldWithoutTheCode(t *testing.T) {
	s := newStore(t)
	s.open(newOrder("web", "web/1"))
	const insert = `WITH k AS (INSERT INTO keys (sealed) VALUES ('x') RETURNING id)
		INSERT INTO orders (certificate, issuance_key, state, issuer, profile, spec, names, name_set, csr, key_id, url)
		SELECT $1, $2, $3, $4, '', '{}', '{x}', (SELECT name_set FROM orders LIMIT 1), '', k.id, $5 FROM k`
	for _, c := range []struct{ certificate, key, state, issuer, url, constraint string }{
		{"web", "web/1", "issued", "x", "u", "orders_one_per_key"},
		{"web", "web/9", "placed", "x", "u", "orders_one_in_flight"},
		{"other", "1", "planned", "default", "u", "orders_one_in_flight_per_names"},
		{"nowhere", "1", "planned", "x", "u", "orders_certificate_fkey"},
		{"web", "web/9", "lost", "x", "u", "orders_state_check"},
	} {
		_, err := s.pool.Exec(t.Context(), insert, c.certificate, c.key, c.state, c.issuer, c.url)
		require.ErrorContains(t, err, `"`+c.constraint+`"`, "%+v", c)
	}
	_, err := s.pool.Exec(t.Context(), `UPDATE orders SET state = 'placed'`)
	require.ErrorContains(t, err, "check constraint", "placed without a URL")
}

// A worker may be killed after each call: what it stored is found, and every call may be made again.
func TestAWorkerKilledAtAnyPointIsResumed(t *testing.T) {
	s := newStore(t)
	find := func() ports.StoredOrder {
		t.Helper()
		found, err := s.FindOrder(t.Context(), "web", "web/1")
		require.NoError(t, err)
		require.NotNil(t, found)
		return *found
	}
	opened := s.open(newOrder("web", "web/1"))
	require.Equal(t, opened, find(), "killed after the key was stored: the CSR is there, the URL is not")
	require.Equal(t, "csr of web/1", string(find().CSR))

	for range 2 { // killed after the URL was stored
		s.place(find().ID, "https://ca.example/order/1")
		require.Equal(t, ports.OrderPlaced, find().State)
	}
	for range 2 { // killed while authorizing
		require.NoError(t, s.PutTokens(t.Context(), opened.ID, []domain.Challenge{{Token: "t", KeyAuthorization: "t.k"}}))
	}
	for range 2 { // killed after the download was recorded
		issued, err := s.RecordIssued(t.Context(), find().ID, issuedFor(opened), []byte("chain"))
		require.NoError(t, err)
		require.Equal(t, &issued, find().Issued)
	}
	for _, table := range []string{"orders", "keys", "versions", "certificates"} {
		require.Equal(t, 1, s.count(table), table)
	}
	require.Zero(t, s.count("http_tokens"))
	require.Equal(t, []string{"placed", "issued"}, s.events("web"))
}
