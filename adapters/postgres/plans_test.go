package postgres_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"everleaf/adapters/postgres"
	"everleaf/adapters/postgres/postgrestest"
	"everleaf/ports"
)

// statements remembers what was sent to Postgres.
type statements struct {
	mu  sync.Mutex
	all []pgx.TraceQueryStartData
}

func (s *statements) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, data)
	return ctx
}

func (s *statements) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// sent are the statements of a call.
func (s *statements) sent(call func()) []pgx.TraceQueryStartData {
	s.all = nil
	call()
	return slices.Clone(s.all)
}

const (
	fleetSize = 10_000
	fleetDue  = 40
)

// newPlanned is a database with a fleet of which few are due, each certificate with an earlier version and two
// deliveries.
func newPlanned(t *testing.T) (store, *statements) {
	t.Helper()
	_, url := postgrestest.New(t)
	config, err := pgxpool.ParseConfig(url)
	require.NoError(t, err)
	sent := &statements{}
	config.ConnConfig.Tracer = sent
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	_, err = pool.Exec(t.Context(), fmt.Sprintf(`
		INSERT INTO certificates (name, spec, phase) SELECT 'c' || n, jsonb_build_object('names', ARRAY['c' || n || '.example.com'], 'issuers', ARRAY['main'], 'note', repeat('x', 200)), 'Ready' FROM generate_series(1, %[1]d) n;
		INSERT INTO keys (id, certificate, sealed) SELECT md5('k' || n)::uuid, 'c' || n, 'x' FROM generate_series(1, %[1]d) n;
		INSERT INTO orders (id, certificate, issuance_key, state, issuer, profile, spec, names, name_set, csr, key_id)
		SELECT md5('o' || n || '/' || v)::uuid, 'c' || n, v, 'issued', 'main', '', '{}', ARRAY['c' || n], sha256(('c' || n)::bytea), 'x', md5('k' || n)::uuid
		FROM generate_series(1, %[1]d) n, generate_series(1, 2) v;
		INSERT INTO versions (id, certificate, order_id, issuer, issuer_cn, names, serial, not_before, not_after, ari_id, account_url, chain_pem,
			key_type, profile, renewal, renew_at, next_check, moved)
		SELECT md5('v' || n || '/' || v)::uuid, 'c' || n, md5('o' || n || '/' || v)::uuid, 'main', 'CA', ARRAY['c' || n], n || '/' || v, now(),
			now() + interval '60 days', '', '', 'chain', '', '', '{"at": "2030-01-01T00:00:00Z"}', '2030-01-01T00:00:00Z',
			CASE WHEN v = 2 THEN now() + CASE WHEN n <= %[2]d THEN -1 ELSE n END * interval '1 minute' END, v = 2 AND n <= 10
		FROM generate_series(1, %[1]d) n, generate_series(1, 2) v;
		UPDATE certificates SET current_version = md5('v' || substr(name, 2) || '/2')::uuid;
		INSERT INTO deliveries (certificate, target, contacted, version, delivered_at)
		SELECT name, target, true, current_version, now() FROM certificates, unnest(ARRAY['files@web1', 'hook']) target;
		INSERT INTO delivery_sequences (certificate, target, version, sequence, requests)
		SELECT certificate, target, version, 1, '{}' FROM deliveries;
		INSERT INTO delivery_tokens (certificate, target, version, digest, expires)
		SELECT certificate, target, version, sha256((certificate || target)::bytea), now() + interval '15 minutes' FROM deliveries WHERE target = 'hook';
		UPDATE deliveries SET failure = '{}' WHERE target = 'hook' AND certificate LIKE 'c%%00';
		INSERT INTO dns_records (order_id, zone, name, value) SELECT id, 'z', certificate, 'x' FROM orders WHERE certificate LIKE 'c%%00'`, fleetSize, fleetDue))
	require.NoError(t, err)
	_, err = pool.Exec(t.Context(), `VACUUM ANALYZE`)
	require.NoError(t, err)
	return store{postgres.NewOrders(pool), postgres.NewCertificates(pool), postgres.NewCatalog(pool),
		postgres.NewAccounts(pool), postgres.NewHTTPTokens(pool), pool, t}, sent
}

// scanned are the tables that a statement reads from end to end, other than the small one.
func (s store) scanned(statement pgx.TraceQueryStartData) (tables []string) {
	s.t.Helper()
	var text []byte
	require.NoError(s.t, s.pool.QueryRow(s.t.Context(), "EXPLAIN (FORMAT JSON) "+statement.SQL,
		statement.Args...).Scan(&text), statement.SQL)
	var plans []struct{ Plan plan }
	require.NoError(s.t, json.Unmarshal(text, &plans))
	for _, p := range plans {
		tables = append(tables, p.Plan.scanned()...)
	}
	return slices.DeleteFunc(tables, func(table string) bool { return table == "dns_records" })
}

type plan struct {
	Type     string `json:"Node Type"`
	Relation string `json:"Relation Name"`
	Plans    []plan
}

func (p plan) scanned() (tables []string) {
	if strings.Contains(p.Type, "Seq Scan") {
		tables = append(tables, p.Relation)
	}
	for _, inner := range p.Plans {
		tables = append(tables, inner.scanned()...)
	}
	return tables
}

// What a sweep, a delivery or a token does reads no table from end to end: a fleet that is ten times as large makes
// none of these ten times as slow.
func TestNoStatementReadsTheWholeFleet(t *testing.T) {
	t.Parallel()
	s, sent := newPlanned(t)
	ctx, now := t.Context(), time.Now()
	advice, deliveries, tokens, records := postgres.NewAdvice(s.pool), postgres.NewDeliveries(s.pool),
		postgres.NewKeyTokens(s.pool), postgres.NewDNSRecords(s.pool)
	version := query[string](s, `SELECT current_version::text FROM certificates WHERE name = 'c77'`)
	order := query[string](s, `SELECT order_id::text FROM versions WHERE id::text = $1`, version)
	request := ports.DeliveryRequest{Certificate: "c77", Target: "hook", ID: "1"}
	const page = 20 // small beside the fleet, as a sweep's is beside one for which it matters
	due, err := advice.Due(ctx, now, "", nil, page)
	require.NoError(t, err)
	require.Len(t, due.Due, page)
	moved, err := advice.Moved(ctx, "", page)
	require.NoError(t, err)
	require.Len(t, moved, 10)
	delivered, err := deliveries.Delivered(ctx, "web1", ports.DeliveredTo{}, page)
	require.NoError(t, err)
	require.Len(t, delivered.Deliveries, page)
	gone := func(i int) ports.Drift { return ports.Drift{DeliveredTo: delivered.Deliveries[i], What: "gone"} }
	for name, call := range map[string]func() error{
		"Backlog": func() error { _, err := advice.Backlog(ctx, now); return err },
		"Due":     func() error { _, err := advice.Due(ctx, now, "", nil, page); return err },
		"Due, page 2": func() error {
			_, err := advice.Due(ctx, now, due.Page.After, []string{"silent"},
				page)
			return err
		},
		"RecordAdvice": func() error {
			return advice.RecordAdvice(ctx, ports.Advised{Certificate: "c77", Version: version, Next: now})
		},
		"Moved":          func() error { _, err := advice.Moved(ctx, "c1", page); return err },
		"RecordNotified": func() error { return advice.RecordNotified(ctx, moved) },
		"Delivered": func() error {
			_,
				err := deliveries.Delivered(ctx, "", ports.DeliveredTo{}, page)
			return err
		},
		"Delivered, page 2": func() error {
			_,
				err := deliveries.Delivered(ctx, "web1", delivered.After, page)
			return err
		},
		"RecordDrifted": func() error {
			return deliveries.RecordDrifted(ctx, []ports.Drift{gone(0), gone(1)})
		},
		"Bundle":        func() error { _, err := deliveries.Bundle(ctx, "c77", version); return err },
		"BeginDelivery": func() error { _, err := deliveries.BeginDelivery(ctx, request, version); return err },
		"RecordDelivered": func() error {
			n := query[int64](s, `SELECT sequence FROM delivery_sequences WHERE certificate = 'c77' AND target = 'hook'`)
			_, err := deliveries.RecordDelivered(ctx, "c77", "hook", n, "written")
			return err
		},
		"RecordUndelivered": func() error {
			return deliveries.RecordUndelivered(ctx, "c77", "hook", version, failedAt(now, time.Minute))
		},
		"BeginRemoval": func() error {
			_, err := deliveries.BeginRemoval(ctx, ports.DeliveryRequest{Certificate: "c78", Target: "hook", ID: "2"})
			return err
		},
		"RecordRemoved": func() error {
			n, err := deliveries.BeginRemoval(ctx, ports.DeliveryRequest{Certificate: "c79", Target: "hook", ID: "2"})
			require.NoError(t, err)
			return deliveries.RecordRemoved(ctx, "c79", "hook", n)
		},
		"Record": func() error { _, err := s.Record(ctx, "c77"); return err },
		"PutToken": func() error {
			_, err := tokens.PutToken(ctx, ports.KeyToken{Certificate: "c77", Target: "hook", Version: version,
				Digest: ports.TokenDigest{1}, Life: time.Minute})
			return err
		},
		"TakeToken": func() error {
			_, err := tokens.PutToken(ctx, ports.KeyToken{Certificate: "c78", Target: "hook", Version: query[string](s,
				`SELECT current_version::text FROM certificates WHERE name = 'c78'`), Digest: ports.TokenDigest{2},
				Life: time.Minute})
			require.NoError(t, err)
			_, err = tokens.TakeToken(ctx, ports.TokenDigest{2})
			return err
		},
		"VoidToken":      func() error { return tokens.VoidToken(ctx, "c77", "hook") },
		"OrphanedOrders": func() error { _, err := records.OrphanedOrders(ctx, now, "", 10); return err },
		"PutRecords": func() error {
			return records.PutRecords(ctx, order, []ports.DNSRecord{{Zone: "z", Name: "n", Value: "x"}})
		},
		"OrderRecords": func() error { _, _, err := records.OrderRecords(ctx, order); return err },
		"ForgetRecords": func() error {
			return records.ForgetRecords(ctx, order, []ports.DNSRecord{{Zone: "z", Name: "n", Value: "x"}})
		},
	} {
		statements := sent.sent(func() { require.NoError(t, call(), name) })
		require.NotEmpty(t, statements, name)
		for _, statement := range statements {
			require.Empty(t, s.scanned(statement), "%s: %s", name, statement.SQL)
		}
	}
}
