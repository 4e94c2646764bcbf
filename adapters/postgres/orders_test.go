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
	require.Equal(t, "sealed key of web/1", string(query[[]byte](s,
		`SELECT sealed FROM keys JOIN orders ON key_id = keys.id`)))
	list := s.list()
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

func TestAnIssuedOrderIsNotOpenedAgain(t *testing.T) {
	s := newStore(t)
	s.issue(newOrder("web", "web/1"))

	again := s.open(newOrder("web", "web/1"))
	require.Equal(t, ports.OrderIssued, again.State)
	_, inFlight, err := s.FindOrder(t.Context(), "web")
	require.NoError(t, err)
	require.Nil(t, inFlight)
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
			url, err := s.RecordPlaced(t.Context(), "web", order.ID, fmt.Sprintf("https://ca.example/order/%d", i),
				noon)
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

// An order that is left in flight by a certificate that is retired gives its names free when it expires, and an
// abandoned one leaves no token.
func TestExpiredAndAbandonedOrdersHoldNothing(t *testing.T) {
	s := newStore(t)
	left := s.open(newOrder("left", "left/1", "a.example"))
	_, err := s.RecordPlaced(t.Context(), "left", left.ID, "https://ca.example/order/1", time.Now().Add(time.Hour))
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
	_, err = s.pool.Exec(t.Context(), `UPDATE orders SET updated_at = now() - interval '8 days' WHERE id = $1`,
		never.ID)
	require.NoError(t, err)
	require.Equal(t, "other", s.open(newOrder("other", "other/1", "b.example")).Certificate)

	require.NoError(t, s.PutTokens(t.Context(), web.ID, []domain.Challenge{{Token: "t", KeyAuthorization: "t.k"}}))
	require.NoError(t, s.AbandonOrder(t.Context(), "web", web.ID, "the spec changed"))
	require.Equal(t, 0, s.count("http_tokens"))
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

	require.NoError(t, s.AbandonOrder(t.Context(), "web", first.ID, "done with"))
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

func TestFindOrderFindsWhatIsInFlight(t *testing.T) {
	s := newStore(t)
	find := func(certificate string) (domain.Record, *ports.StoredOrder) {
		t.Helper()
		record, found, err := s.FindOrder(t.Context(), certificate)
		require.NoError(t, err)
		return record, found
	}
	record, found := find("web")
	require.Zero(t, record, "nothing yet")
	require.Nil(t, found)
	issued := s.issue(newOrder("web", "first"))
	second := s.placed(newOrder("web", issued.Version))
	record, found = find("web")
	require.Equal(t, &issued, record.Issued, "together with the record")
	require.Equal(t, &second, found)
	_, found = find("other")
	require.Nil(t, found, "another certificate's is not found")

	require.NoError(t, s.AbandonOrder(t.Context(), "web", second.ID, "expired"))
	_, found = find("web")
	require.Nil(t, found, "abandoned orders are not found")
	reopened := s.open(newOrder("web", issued.Version))
	require.NotEqual(t, second.ID, reopened.ID, "the key may be used again")
	_, found = find("web")
	require.Equal(t, &reopened, found)
}

func TestRecordPlacedKeepsTheFirstURL(t *testing.T) {
	s := newStore(t)
	order := s.open(newOrder("web", "web/1"))
	for _, url := range []string{"https://ca.example/order/1", "https://ca.example/order/1",
		"https://ca.example/order/2"} {
		require.Equal(t, "https://ca.example/order/1", s.place(order, url))
	}

	stored := s.order(order.ID)
	require.Equal(t, ports.OrderPlaced, stored.State)
	require.Equal(t, "https://ca.example/order/1", stored.URL)
	require.Equal(t, []string{"placed"}, s.events("web"), "recorded once")
}

func TestAbandonOrderIsIdempotentAndLeavesIssuedOrders(t *testing.T) {
	s := newStore(t)
	order := s.placed(newOrder("web", "web/1"))
	require.NoError(t, s.AbandonOrder(t.Context(), "web", order.ID, "the CA gave it up\x00\xff"))
	require.NoError(t, s.AbandonOrder(t.Context(), "web", order.ID, "again"))
	require.Equal(t, ports.OrderAbandoned, s.order(order.ID).State)
	require.Equal(t, "the CA gave it up\uFFFD\uFFFD", query[string](s, `SELECT reason FROM orders`))
	require.Equal(t, []string{"placed", "abandoned"}, s.events("web"))
	_, err := s.RecordPlaced(t.Context(), "web", order.ID, "https://ca.example/order/9", noon)
	require.True(t, requireFault(t, err, domain.FaultWait, "OrderAbandoned").Final)

	issued := s.placed(newOrder("web", "web/2"))
	s.record(issued, issuedFor(issued), "chain")
	require.NoError(t, s.AbandonOrder(t.Context(), "web", issued.ID, "too late"))
	require.Equal(t, ports.OrderIssued, s.order(issued.ID).State)
}

// What is not stored is named, and another certificate's order or version is as if it were not.
func TestOnesOwnOrdersAndVersionsAlone(t *testing.T) {
	s := newStore(t)
	victim := s.issue(newOrder("victim", "first"))
	order := s.placed(newOrder("victim", victim.Version))
	s.issue(newOrder("web", "first"))
	_, err := s.pool.Exec(t.Context(), `UPDATE versions SET revoking = '{"reason": "superseded"}' WHERE id = $1::uuid`,
		victim.Version)
	require.NoError(t, err)
	stored := query[[]byte](s, `SELECT to_jsonb(array_agg(v)) || to_jsonb(array_agg(o)) FROM versions v, orders o WHERE v.certificate = 'victim'`)
	for _, id := range []string{"", "no uuid", nobody, "victim's"} {
		orderID, version := id, id
		if id == "victim's" {
			orderID, version = order.ID, victim.Version
		}
		_, issuedErr := s.RecordIssued(t.Context(), "web", orderID, domain.Issued{Names: []string{"a.example"}}, nil)
		_, placedErr := s.RecordPlaced(t.Context(), "web", orderID, "u", noon)
		_, chainErr := s.Chain(t.Context(), "web", version)
		_, keyErr := s.SealedPair(t.Context(), "web", version)
		_, renewalErr := s.RecordRenewal(t.Context(), "web", version, domain.RenewalPlan{}, time.Time{})
		_, revokedErr := s.RecordRevoked(t.Context(), "web", version, "", noon)
		for _, fault := range []struct {
			err    error
			reason string
			id     string
		}{
			{issuedErr, "UnknownOrder", orderID}, {placedErr, "UnknownOrder", orderID},
			{s.AbandonOrder(t.Context(), "web", orderID, "r"), "UnknownOrder", orderID},
			{chainErr, "UnknownVersion", version}, {keyErr, "UnknownVersion", version},
			{renewalErr, "UnknownVersion", version},
			{revokedErr, "UnknownVersion", version},
		} {
			require.Contains(t, requireFault(t, fault.err, domain.FaultOperator, fault.reason).Message,
				`"`+fault.id+`"`)
		}
	}
	require.NoError(t, s.RecordUnrevoked(t.Context(), "web", victim.Version, domain.Failure{At: noon}))
	_, err = s.RecordRequest(t.Context(), "web",
		ports.StoredRequest{Version: victim.Version, Request: domain.Request{ID: "1",
			Kind: domain.RequestRevoke, At: noon, Reason: domain.RevokedKeyCompromise, WithoutReplacement: true}})
	requireFault(t, err, domain.FaultOperator, "UnknownVersion")
	steals := newOrder("web", "stolen")
	steals.SealedKey, steals.KeyOf = ports.SealedKey{}, victim.Version
	_, err = s.OpenOrder(t.Context(), steals)
	requireFault(t, err, domain.FaultOperator, "DatabaseError")
	require.Equal(t, string(stored), string(query[[]byte](s,
		`SELECT to_jsonb(array_agg(v)) || to_jsonb(array_agg(o)) FROM versions v, orders o WHERE v.certificate = 'victim'`)), "nothing of it was changed")
}

// A key that could not be used again is shown by an event of its order.
func TestOpenOrderSaysWhichKeyWasLost(t *testing.T) {
	s := newStore(t)
	s.issue(newOrder("web", "first"))
	order := newOrder("web", "next")
	order.KeyLost = "the key is damaged\x00"
	opened := s.open(order)
	require.Equal(t, []string{"placed", "issued", "key_lost"}, s.events("web"))
	require.Equal(t, opened.ID+" the key is damaged\uFFFD",
		query[string](s, `SELECT (detail ->> 'order') || ' ' || (detail ->> 'reason') FROM events WHERE type = 'key_lost'`))
}

// A kept key is the same row, and it is known that the order has it.
func TestOrderWithAKeptKey(t *testing.T) {
	s := newStore(t)
	first := newOrder("web", "first")
	issued := s.issue(first)
	next := newOrder("web", issued.Version)
	next.SealedKey, next.KeyOf = ports.SealedKey{}, issued.Version
	opened := s.open(next)
	require.True(t, opened.ReusedKey)
	require.Equal(t, 1, s.count("keys"))
	_, found, err := s.FindOrder(t.Context(), "web")
	require.NoError(t, err)
	require.True(t, found.ReusedKey)
	pair, err := s.SealedPair(t.Context(), "web", issued.Version)
	require.NoError(t, err)
	require.Equal(t, ports.SealedPair{Certificate: "web", ChainPEM: []byte("chain of first"), Key: first.SealedKey}, pair)

	require.NoError(t, s.AbandonOrder(t.Context(), "web", opened.ID, "enough"))
	require.False(t, s.open(newOrder("web", issued.Version)).ReusedKey)
	_, found, err = s.FindOrder(t.Context(), "web")
	require.NoError(t, err)
	require.False(t, found.ReusedKey)
}

// The order of a certificate that is asleep after a failure does not keep its names from another one for days.
func TestSleepingFailureHoldsNoNames(t *testing.T) {
	s := newStore(t)
	dead := s.placed(newOrder("dead", "dead/1", "a.example"))
	_, err := s.OpenOrder(t.Context(), newOrder("twin", "twin/1", "a.example"))
	fault := requireFault(t, err, domain.FaultWait, "SameNamesInFlight")
	require.Positive(t, fault.RetryAfter, "asked again soon, and not counted")
	at := time.Now()
	failed := func(at, retry time.Time) {
		s.fail("dead", domain.Failure{Fault: domain.Fault{Kind: domain.FaultName, Reason: "CAA"}, Attempts: 1, At: at,
			RetryAt: retry})
	}
	failed(at, at.Add(5*time.Second))
	_, err = s.OpenOrder(t.Context(), newOrder("twin", "twin/1", "a.example"))
	requireFault(t, err, domain.FaultWait, "SameNamesInFlight") // its next attempt is about to begin
	failed(at.Add(time.Second), at.Add(time.Minute))            // the first pause after a failure
	require.Equal(t, "twin", s.open(newOrder("twin", "twin/1", "a.example")).Certificate)
	require.Equal(t, ports.OrderAbandoned, s.order(dead.ID).State)
}

// The indexes are the last word, whatever the code above them does.
func TestConstraintsHoldWithoutTheCode(t *testing.T) {
	s := newStore(t)
	s.open(newOrder("web", "web/1"))
	const insert = `WITH k AS (INSERT INTO keys (id, certificate, sealed) VALUES (gen_random_uuid(), $1, 'x') RETURNING id)
		INSERT INTO orders (certificate, issuance_key, state, issuer, profile, spec, names, name_set, csr, key_id, url)
		SELECT $1, $2, $3, $4, '', '{}', '{x}', (SELECT name_set FROM orders LIMIT 1), '', k.id, $5 FROM k`
	for _, c := range []struct{ certificate, key, state, issuer, url, constraint string }{
		{"web", "web/1", "issued", "x", "u", "orders_one_per_key"},
		{"web", "web/9", "placed", "x", "u", "orders_one_in_flight"},
		{"other", "1", "planned", "default", "u", "orders_one_in_flight_per_names"},
		{"nowhere", "1", "planned", "x", "u", "keys_certificate_fkey"},
		{"web", "web/9", "lost", "x", "u", "orders_state_check"},
	} {
		_, err := s.pool.Exec(t.Context(), insert, c.certificate, c.key, c.state, c.issuer, c.url)
		require.ErrorContains(t, err, `"`+c.constraint+`"`, "%+v", c)
	}
	_, err := s.pool.Exec(t.Context(), `UPDATE orders SET state = 'placed'`)
	require.ErrorContains(t, err, "check constraint", "placed without a URL")

	// What is one certificate's is not another's.
	victim := s.issue(newOrder("victim", "first"))
	for constraint, statement := range map[string]string{
		"orders_certificate_key_id_fkey":           `UPDATE orders SET key_id = (SELECT k.id FROM keys k WHERE k.certificate = 'victim') WHERE certificate = 'web'`,
		"certificates_name_current_version_fkey":   `UPDATE certificates SET current_version = $1::uuid WHERE name = 'web'`,
		"deliveries_certificate_version_fkey":      `INSERT INTO deliveries (certificate, target, version) VALUES ('web', 'disk', $1::uuid)`,
		"delivery_tokens_certificate_version_fkey": `INSERT INTO delivery_tokens (certificate, target, version, digest, expires) VALUES ('web', 'disk', $1::uuid, sha256('x'), now())`,
	} {
		args := []any{victim.Version}
		if constraint == "orders_certificate_key_id_fkey" {
			args = nil
		}
		_, err := s.pool.Exec(t.Context(), statement, args...)
		require.ErrorContains(t, err, `"`+constraint+`"`)
	}
}

// A worker may be killed after each call: what it stored is found, and every call may be made again.
func TestAWorkerKilledAtAnyPointIsResumed(t *testing.T) {
	s := newStore(t)
	find := func() ports.StoredOrder {
		t.Helper()
		_, found, err := s.FindOrder(t.Context(), "web")
		require.NoError(t, err)
		require.NotNil(t, found)
		return *found
	}
	opened := s.open(newOrder("web", "web/1"))
	require.Equal(t, opened, find(), "killed after the key was stored: the CSR is there, the URL is not")
	require.Equal(t, "csr of web/1", string(find().CSR))

	for range 2 { // killed after the URL was stored
		s.place(find(), "https://ca.example/order/1")
		require.Equal(t, ports.OrderPlaced, find().State)
	}
	for range 2 { // killed while authorizing
		require.NoError(t, s.PutTokens(t.Context(), opened.ID,
			[]domain.Challenge{{Token: "t", KeyAuthorization: "t.k"}}))
	}
	var issued domain.Issued
	for range 2 { // killed after the download was recorded
		issued = s.record(opened, issuedFor(opened), "chain")
		require.Equal(t, &issued, s.read("web").Issued)
	}
	for range 2 { // killed after the plan was recorded
		s.plan("web", issued.Version, domain.RenewalPlan{At: noon}, noon)
	}
	for _, table := range []string{"orders", "keys", "versions", "certificates"} {
		require.Equal(t, 1, s.count(table), table)
	}
	require.Zero(t, s.count("http_tokens"))
	require.Equal(t, []string{"placed", "issued", "renewal_planned"}, s.events("web"))
}
