package sweeping_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang/mock/gomock"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"everleaf/adapters/acme"
	"everleaf/adapters/activities/activitytest"
	"everleaf/adapters/activities/sweeping"
	"everleaf/adapters/postgres"
	"everleaf/adapters/postgres/postgrestest"
	"everleaf/adapters/system"
	"everleaf/domain"
	"everleaf/mocks"
	"everleaf/ports"
)

// fleet is certificates in a real database whose CAs answer renewalInfo by the RFC, with a clock that the test sets.
type fleet struct {
	*testing.T
	pool *pgxpool.Pool
	env  *testsuite.TestActivityEnvironment
	cas  map[string]*ariServer

	mu  sync.Mutex
	now time.Time
	// notified are the certificates whose workflow was notified.
	notified []string
	// unkept are certificates whose workflow has ended.
	unkept map[string]bool
	// refusing are those whose workflow cannot be notified.
	refusing map[string]bool
	// logged is what the steps logged.
	logged strings.Builder
}

// answer is what a CA says of a certificate.
type answer struct {
	status           int
	body, retryAfter string
}

// ariServer is the part of a CA that sweeps ask.
type ariServer struct {
	*httptest.Server
	mu     sync.Mutex
	answer func(serial int) answer
	asked  map[int]int
}

func (s *ariServer) answers(a func(serial int) answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer, s.asked = a, map[int]int{}
}

func (s *ariServer) total() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, asked := range s.asked {
		n += asked
	}
	return n
}

func (s *ariServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id, ok := strings.CutPrefix(r.URL.Path, "/renewal-info/")
	if !ok {
		_, _ = fmt.Fprintf(w, `{"newNonce":"%[1]s/n","newAccount":"%[1]s/a","newOrder":"%[1]s/o","renewalInfo":"%[1]s/renewal-info"}`, s.URL)
		return
	}
	_, encoded, _ := strings.Cut(id, ".")
	der, _ := base64.RawURLEncoding.DecodeString(encoded)
	serial := int(new(big.Int).SetBytes(der).Int64())
	s.mu.Lock()
	s.asked[serial]++
	answer := s.answer
	s.mu.Unlock()
	a := answer(serial)
	if a.retryAfter != "" {
		w.Header().Set("Retry-After", a.retryAfter)
	}
	if a.status != http.StatusOK {
		w.Header().Set("Content-Type", "application/problem+json")
	}
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, a.body)
}

// window is an answer with this window and, if there is one, this Retry-After.
func window(start, end time.Time, explanation, retryAfter string) answer {
	return answer{http.StatusOK, fmt.Sprintf(`{"suggestedWindow":{"start":%q,"end":%q},"explanationURL":%q}`,
		start.Format(time.RFC3339), end.Format(time.RFC3339), explanation), retryAfter}
}

// newFleet has CAs of these names.
func newFleet(t *testing.T, issuers ...string) *fleet {
	t.Helper()
	pool, _ := postgrestest.New(t)
	f := &fleet{T: t, pool: pool, cas: map[string]*ariServer{}, unkept: map[string]bool{}, refusing: map[string]bool{},
		now: time.Now().UTC().Truncate(time.Second)}
	var cas []*acme.CA
	for _, issuer := range issuers {
		server := &ariServer{asked: map[int]int{}}
		server.Server = httptest.NewUnstartedServer(server)
		server.Config.ErrorLog = log.New(io.Discard, "", 0)
		server.StartTLS()
		t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
		bundle := filepath.Join(t.TempDir(), "ca.pem")
		require.NoError(t, os.WriteFile(bundle,
			pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600))
		ca, err := acme.New(acme.Config{Issuer: issuer, Directory: server.URL + "/dir", CABundle: bundle}, nil, nil,
			slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		f.cas[issuer], cas = server, append(cas, ca)
	}
	advice := postgres.NewAdvice(pool)
	ctrl := gomock.NewController(t)
	resealer, observer := mocks.NewMockResealer(ctrl), mocks.NewMockObserver(ctrl)
	resealer.EXPECT().Stale(gomock.Any()).AnyTimes()
	observer.EXPECT().Swept(gomock.Any()).AnyTimes()
	observer.EXPECT().ARIChecked(gomock.Any(), gomock.Any(), gomock.Any()).AnyTimes()
	f.env = activitytest.Env(slog.NewTextHandler(f, &slog.HandlerOptions{Level: slog.LevelInfo}))
	sweeping.Register(f.env, sweeping.New(sweeping.Params{Advice: advice, Backlog: advice,
		Issuers: acme.NewIssuers(cas...), Notifier: f,
		Resealer: resealer, Records: postgres.NewDNSRecords(pool), Clock: f, Rand: system.Rand{}, Observer: observer}))
	f.env.SetTestTimeout(5 * time.Minute)
	return f
}

// Write takes what is logged.
func (f *fleet) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.logged.Write(p)
}

// Now implements ports.Clock.
func (f *fleet) Now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

func (f *fleet) pass(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = f.now.Add(d)
}

// RecordChanged implements ports.Notifier.
func (f *fleet) RecordChanged(_ context.Context, certificate string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.unkept[certificate] {
		return domain.NewFault(domain.FaultSpec, "WorkflowEnded", nil, "its workflow has ended")
	}
	if f.refusing[certificate] {
		return domain.NewFault(domain.FaultOperator, "TemporalError", nil, "the server takes no more signals for it")
	}
	f.notified = append(f.notified, certificate)
	return nil
}

// name is a certificate's name by its serial number.
func name(serial int) string { return fmt.Sprintf("c%05d", serial) }

// validity is where the fleet's certificates stand: issued 30 days ago for 90 days.
const age, life = 30 * 24 * time.Hour, 90 * 24 * time.Hour

// lifeOf is a certificate of the fleet.
func (f *fleet) issued() domain.Issued {
	return domain.Issued{NotBefore: f.now.Add(-age), NotAfter: f.now.Add(life - age)}
}

// usual is the window that the fleet was planned by.
func (f *fleet) usual() *domain.Window {
	return &domain.Window{Start: f.now.Add(30 * 24 * time.Hour), End: f.now.Add(32 * 24 * time.Hour)}
}

// issue stores certificates with the serial numbers from first to last, each planned in the usual window and due.
func (f *fleet) issue(issuer string, first, last int) {
	f.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(f, err)
	var names, chains []string
	var plans []domain.RenewalPlan
	for serial := first; serial <= last; serial++ {
		template := &x509.Certificate{SerialNumber: big.NewInt(int64(serial)), AuthorityKeyId: []byte("authority"),
			SubjectKeyId: []byte("authority"),
			NotBefore:    f.issued().NotBefore, NotAfter: f.issued().NotAfter,
			DNSNames: []string{name(serial) + ".example.com"}}
		der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
		require.NoError(f, err)
		names = append(names, name(serial))
		chains = append(chains, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
		fraction := float64(serial-first) / float64(last-first+1)
		plans = append(plans, domain.PlanRenewal(f.now, f.issued(), f.usual(), fraction))
	}
	_, err = f.pool.Exec(f.Context(), `
		WITH fleet AS (
			SELECT name, chain, plan, gen_random_uuid() AS order_id, gen_random_uuid() AS version
			FROM unnest($1::text[], $2::text[], $3::jsonb[]) AS f (name, chain, plan)
		), keys AS (
			INSERT INTO keys (id, certificate, sealed) SELECT gen_random_uuid(), name, 'x' FROM fleet RETURNING certificate, id
		), certificates AS (
			INSERT INTO certificates (name, spec, phase, current_version) SELECT name, '{}', 'Ready', version FROM fleet
		), orders AS (
			INSERT INTO orders (id, certificate, issuance_key, state, issuer, profile, spec, names, name_set, csr, key_id)
			SELECT order_id, name, name, 'issued', $4, '', '{}', ARRAY[name], sha256(convert_to(name, 'UTF8')), 'x', keys.id FROM fleet JOIN keys ON keys.certificate = name
		)
		INSERT INTO versions (id, certificate, order_id, issuer, issuer_cn, names, serial, not_before, not_after, ari_id, account_url,
			chain_pem, key_type, profile, renewal, renew_at, next_check)
		SELECT version, name, order_id, $4, 'Test CA', ARRAY[name], name, $5, $6, '', '', chain, '', '', plan, (plan ->> 'at')::timestamptz, $7
		FROM fleet`, names, chains, plans, issuer, f.issued().NotBefore, f.issued().NotAfter, f.now)
	require.NoError(f, err)
}

// sweep does what a sweep's workflow does with renewals, and says what it found and how many steps it took.
func (f *fleet) sweep() (found ports.SweepRenewalsOutput, steps int) {
	f.Helper()
	f.mu.Lock()
	f.notified = nil
	f.mu.Unlock()
	var begun ports.BeginSweepOutput
	value, err := f.env.ExecuteActivity(ports.BeginSweep.Name, ports.BeginSweepInput{})
	require.NoError(f, err)
	require.NoError(f, value.Get(&begun))
	page := ports.PageState{Done: begun.Renewals == 0}
	for steps = 1; !page.Done; steps++ {
		value, err := f.env.ExecuteActivity(ports.SweepRenewals.Name, ports.SweepRenewalsInput{After: page.After})
		require.NoError(f, err)
		var out ports.SweepRenewalsOutput
		require.NoError(f, value.Get(&out))
		page = out.Page
		found.Asked, found.Failed, found.Moved = found.Asked+out.Asked, found.Failed+out.Failed, found.Moved+out.Moved
	}
	return found, steps
}

// stored is what Postgres has of a certificate.
type stored struct {
	plan     domain.RenewalPlan
	look     time.Duration // from now
	failures int
	failure  string
}

func (f *fleet) stored(serial int) (s stored) {
	f.Helper()
	var next time.Time
	require.NoError(f, f.pool.QueryRow(f.Context(), `
		SELECT renewal, next_check, check_failures, coalesce(check_failure, '') FROM versions WHERE certificate = $1`,
		name(serial)).
		Scan(&s.plan, &next, &s.failures, &s.failure))
	s.look = next.Sub(f.Now())
	return s
}

func (f *fleet) count(query string, args ...any) (n int) {
	f.Helper()
	require.NoError(f, f.pool.QueryRow(f.Context(), query, args...).Scan(&n))
	return n
}
