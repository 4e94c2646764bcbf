package postgres_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"everleaf/adapters/postgres"
	"everleaf/adapters/postgres/postgrestest"
	"everleaf/domain"
	"everleaf/ports"
)

// store is every port on one database.
type store struct {
	*postgres.Orders
	*postgres.Certificates
	*postgres.Catalog
	*postgres.Accounts
	*postgres.HTTPTokens
	pool *pgxpool.Pool
	t    testing.TB
}

func newStore(t testing.TB) store {
	t.Helper()
	pool, _ := postgrestest.New(t)
	return store{postgres.NewOrders(pool), postgres.NewCertificates(pool), postgres.NewCatalog(pool),
		postgres.NewAccounts(pool), postgres.NewHTTPTokens(pool), pool, t}
}

var (
	// noon is a hundred days ahead of the database's clock, which decides what has expired.
	noon   = time.Now().UTC().Truncate(24 * time.Hour).Add(100*24*time.Hour + 12*time.Hour)
	nobody = uuid.NewString()
)

func newOrder(certificate, key string, names ...string) ports.NewOrder {
	if len(names) == 0 {
		names = []string{certificate + ".example"}
	}
	return ports.NewOrder{Certificate: certificate, Key: key, Issuer: "default",
		Spec:      domain.Spec{Names: names}.WithDefaults(),
		SealedKey: ports.SealedKey{ID: uuid.NewString(), Sealed: []byte("sealed key of " + key)},
		CSR:       []byte("csr of " + key)}
}

func issuedFor(order ports.StoredOrder) domain.Issued {
	return domain.Issued{Issuer: order.Issuer, IssuerCN: "Test CA 1", Names: order.Spec.Names, Serial: "0a1b",
		NotBefore: noon,
		NotAfter:  noon.Add(48 * time.Hour), ARIID: "aki.serial", AccountURL: "https://ca.example/acct/1"}
}

// list are the first certificates by name.
func (s store) list() []ports.ListedCertificate {
	s.t.Helper()
	page, err := s.List(s.t.Context(), ports.CertificateFilter{}, "", 10)
	require.NoError(s.t, err)
	return page.Certificates
}

// open is OpenOrder that must succeed.
func (s store) open(order ports.NewOrder) ports.StoredOrder {
	s.t.Helper()
	stored, err := s.OpenOrder(s.t.Context(), order)
	require.NoError(s.t, err)
	return stored
}

// placed is an order that was opened and placed.
func (s store) placed(order ports.NewOrder) ports.StoredOrder {
	s.t.Helper()
	stored := s.open(order)
	s.place(stored, "https://ca.example/order/"+order.Key)
	return s.order(stored.ID)
}

// place is RecordPlaced that must succeed; it returns the URL that is stored.
func (s store) place(order ports.StoredOrder, url string) string {
	s.t.Helper()
	storedURL, err := s.RecordPlaced(s.t.Context(), order.Certificate, order.ID, url, noon)
	require.NoError(s.t, err)
	return storedURL
}

// issue is a whole issuance.
func (s store) issue(order ports.NewOrder) domain.Issued {
	s.t.Helper()
	stored := s.placed(order)
	return s.record(stored, issuedFor(stored), "chain of "+order.Key)
}

// record is RecordIssued that must succeed.
func (s store) record(order ports.StoredOrder, issued domain.Issued, chain string) domain.Issued {
	s.t.Helper()
	issued, err := s.RecordIssued(s.t.Context(), order.Certificate, order.ID, issued, []byte(chain))
	require.NoError(s.t, err)
	return issued
}

// order is an order in whatever state.
func (s store) order(id string) (order ports.StoredOrder) {
	s.t.Helper()
	require.NoError(s.t, s.pool.QueryRow(s.t.Context(), `
		SELECT id::text, certificate, issuance_key, state, issuer, spec, csr, coalesce(url, ''), created_at FROM orders WHERE id = $1::uuid`, id).Scan(
		&order.ID, &order.Certificate, &order.Key, &order.State, &order.Issuer, &order.Spec, &order.CSR, &order.URL,
		&order.OpenedAt))
	order.OpenedAt = order.OpenedAt.UTC()
	return order
}

// release is RecordReleased that must succeed.
func (s store) release(certificate string) {
	s.t.Helper()
	_, err := s.RecordReleased(s.t.Context(), certificate, time.Now(), true)
	require.NoError(s.t, err)
}

// plan is RecordRenewal that must succeed; it returns the stored plan.
func (s store) plan(certificate, version string, plan domain.RenewalPlan, next time.Time) domain.RenewalPlan {
	s.t.Helper()
	record, err := s.RecordRenewal(s.t.Context(), certificate, version, plan, next)
	require.NoError(s.t, err)
	return *record.Renewal
}

// fail is RecordFailure that must succeed.
func (s store) fail(certificate string, failure domain.Failure) {
	s.t.Helper()
	require.NoError(s.t, s.RecordFailure(s.t.Context(), certificate,
		domain.Spec{Names: []string{certificate + ".example"}}.WithDefaults(), failure))
}

// ask is RecordRequest that must succeed.
func (s store) ask(certificate string, request ports.StoredRequest) domain.Record {
	s.t.Helper()
	out, err := s.RecordRequest(s.t.Context(), certificate, request)
	require.NoError(s.t, err)
	return out.Record
}

// ensured is an Ensure that the certificate in service fulfils.
func ensured(id string, at time.Time, spec domain.Spec, changes ...string) ports.StoredRequest {
	return ports.StoredRequest{Request: domain.Request{ID: id, Kind: domain.RequestEnsure, At: at, Spec: &spec},
		Changes: changes, Fulfilled: true}
}

// read is the record of a certificate.
func (s store) read(certificate string) domain.Record {
	s.t.Helper()
	record, err := s.Record(s.t.Context(), certificate)
	require.NoError(s.t, err)
	return record
}

// events are the types of a certificate's events in order.
func (s store) events(certificate string) []string {
	s.t.Helper()
	return query[[]string](s, `SELECT coalesce(array_agg(type ORDER BY id), '{}') FROM events WHERE certificate = $1`,
		certificate)
}

func (s store) count(table string) int {
	s.t.Helper()
	return query[int](s, `SELECT count(*) FROM `+table)
}

func query[T any](s store, sql string, args ...any) (value T) {
	s.t.Helper()
	require.NoError(s.t, s.pool.QueryRow(s.t.Context(), sql, args...).Scan(&value))
	return value
}

// collide runs calls that all wait for the row that lock selects, and then lets them go: none sees what another did
// when it begins.
func (s store) collide(lock, id string, calls int, call func(i int)) {
	s.t.Helper()
	tx, err := s.pool.Begin(s.t.Context())
	require.NoError(s.t, err)
	defer func() { _ = tx.Rollback(context.Background()) }() // after Commit it does nothing
	_, err = tx.Exec(s.t.Context(), lock, id)
	require.NoError(s.t, err)
	var wg sync.WaitGroup
	for i := range calls {
		wg.Go(func() { call(i) })
	}
	require.Eventually(s.t, func() bool {
		var waiting int
		err := s.pool.QueryRow(s.t.Context(), `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&waiting)
		return err == nil && waiting == calls
	}, 10*time.Second, 5*time.Millisecond, "%d calls wait for the row", calls)
	require.NoError(s.t, tx.Commit(s.t.Context()))
	wg.Wait()
}

func requireFault(t testing.TB, err error, kind domain.FaultKind, reason string) *domain.Fault {
	t.Helper()
	fault, ok := errors.AsType[*domain.Fault](err)
	require.True(t, ok, "%v is a fault", err)
	require.Equal(t, string(kind)+" "+reason, string(fault.Kind)+" "+string(fault.Reason), err.Error())
	return fault
}

// plainSealer seals by putting its key in front.
type plainSealer string

func (p plainSealer) Seal(_ context.Context, _ domain.Place, plaintext []byte) ([]byte, error) {
	return append([]byte(p), plaintext...), nil
}

func (p plainSealer) Open(_ context.Context, _ domain.Place, sealed []byte) ([]byte, error) {
	if string(sealed[:len(p)]) != string(p) {
		return nil, domain.NewFault(domain.FaultOperator, "SealingKeyWrong", nil, "another key")
	}
	return sealed[len(p):], nil
}

func (p plainSealer) Mark() []byte  { return []byte(p) }
func (p plainSealer) IDs() []string { return []string{string(p)} }
func (plainSealer) Rotated() bool   { return false }

// failingSealer cannot be reached.
type failingSealer struct{ err error }

func (f failingSealer) Seal(context.Context, domain.Place, []byte) ([]byte, error) { return nil, f.err }
func (f failingSealer) Open(context.Context, domain.Place, []byte) ([]byte, error) { return nil, f.err }
func (failingSealer) Mark() []byte                                                 { return nil }
func (failingSealer) IDs() []string                                                { return nil }
func (failingSealer) Rotated() bool                                                { return false }

// with is the URL with one more of pgx's parameters.
func with(t testing.TB, rawURL, key, value string) string {
	t.Helper()
	u, err := url.Parse(rawURL)
	require.NoError(t, err)
	parameters := u.Query()
	parameters.Set(key, value)
	u.RawQuery = parameters.Encode()
	return u.String()
}

func itoa(port uint16) string { return strconv.Itoa(int(port)) }

// relay cuts the first connections and hands the others on until front is closed.
func relay(front net.Listener, server string, cut int) {
	for n := 0; ; n++ {
		client, err := front.Accept()
		if err != nil {
			return
		}
		if n < cut {
			_ = client.Close()
			continue
		}
		back, err := net.Dial("tcp", server)
		if err != nil {
			_ = client.Close()
			continue
		}
		go func() { _, _ = io.Copy(back, client); _ = back.Close() }()
		go func() { _, _ = io.Copy(client, back); _ = client.Close() }()
	}
}
