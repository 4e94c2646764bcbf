package e2e

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"everleaf/adapters/acme/acmetest"
	"everleaf/adapters/postgres/postgrestest"
	"everleaf/adapters/servertest"
	"everleaf/adapters/temporal"
)

// stack is everything around the binary: its own database, its own CA behind its own proxy, its own task queue on
// the shared Temporal server.
type stack struct {
	t        testing.TB
	name     string // unique; a prefix for certificates
	queue    string
	temporal client.Client
	pool     *pgxpool.Pool
	ca       *acmetest.Pebble
	proxy    *caProxy
	http01   string
	sealing  string // path of the sealing key file
	env      []string
	// program is what workers run: the shipped one, unless a test has another.
	program string
	log     *syncBuffer
}

// ninetyDays is the CA's one profile unless a test needs another.
var ninetyDays = acmetest.Profile{Description: "90 days", ValidityPeriod: 90 * 24 * 3600}

// minute is a profile whose certificates are renewed after 20 s at the earliest, but after 10 s when the CA asks for
// that: see renewsSoon.
var minute = acmetest.Profile{Description: "a minute", ValidityPeriod: 60}

// renewsSoon lets the CA suggest, for the next so many certificates, to renew them 2 s on. Those after them are at
// rest for twice as long, while brief ones may be at work again just when a test wants them still.
func (s *stack) renewsSoon(certificates int) {
	s.proxy.on(&rule{path: pathRenewal, left: certificates, instead: func(w http.ResponseWriter, _ *http.Request) {
		suggest(w, time.Now().Add(2*time.Second), time.Second)
	}})
}

// suggest answers as a CA does that is asked when to renew (RFC 9773 §4.2).
func suggest(w http.ResponseWriter, start time.Time, length time.Duration) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Retry-After", "3600")
	_ = json.NewEncoder(w).Encode(map[string]any{"suggestedWindow": map[string]time.Time{"start": start.UTC(),
		"end": start.Add(length).UTC()}})
}

// steady keeps the CA from rejecting one nonce in twenty, for tests that count or hold its exchanges: held at the wrong
// one, the CA has not done what the test waits for.
const steady = "PEBBLE_WFE_NONCEREJECT=0"

// blockedName is one that the CA refuses (rejectedIdentifier).
const blockedName = "blocked.example.test"

// newStack starts the parts; the database is migrated.
func newStack(t testing.TB) *stack { return newStackWith(t, ninetyDays) }

// newStackWith has a CA of this one profile and with this environment.
func newStackWith(t testing.TB, profile acmetest.Profile, env ...string) *stack {
	t.Helper()
	return newStackOn(t, acmetest.Options{Profiles: map[string]acmetest.Profile{"default": profile},
		Blocked: []string{blockedName}, Env: env})
}

// newStackOn has this CA, which looks for HTTP-01 where the stack's responder is.
func newStackOn(t testing.TB, ca acmetest.Options) *stack {
	t.Helper()
	s := &stack{t: t, log: &syncBuffer{}, program: binary}
	s.name = fmt.Sprintf("e2e-%x", time.Now().UnixNano())
	s.queue = "everleaf-" + s.name

	address := servertest.Setting(t, "EVERLEAF_TEST_TEMPORAL")
	var err error
	s.temporal, err = client.Dial(client.Options{HostPort: address, Logger: quiet{}})
	require.NoError(t, err)
	t.Cleanup(s.temporal.Close)
	_, err = temporal.RegisterSearchAttributes(context.Background(), s.temporal, temporal.Config{
		Client: client.Options{HostPort: address, Namespace: client.DefaultNamespace},
	})
	require.NoError(t, err)

	pool, url := postgrestest.New(t)
	s.pool = pool
	s.http01 = net.JoinHostPort("127.0.0.1", fmt.Sprint(freePort(t)))
	_, port, _ := net.SplitHostPort(s.http01)
	ca.HTTPPort = atoi(t, port)
	s.ca = acmetest.Start(t, ca)
	s.proxy = newCAProxy(t, s.ca.Directory, s.ca.CABundle)

	dir := t.TempDir()
	s.sealing = filepath.Join(dir, "sealing.key")
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	require.NoError(t, os.WriteFile(s.sealing, []byte(base64.StdEncoding.EncodeToString(key)+"\n"), 0o600))
	s.env = append(outside(),
		"TEMPORAL_ADDRESS="+address,
		"EVERLEAF_TASK_QUEUE="+s.queue,
		"EVERLEAF_POSTGRES_URL="+url,
		"EVERLEAF_SEALING_KEY=file://"+s.sealing,
		"EVERLEAF_ACME_DIRECTORY="+s.proxy.Directory,
		"EVERLEAF_ACME_CA_BUNDLE="+s.proxy.CABundle,
		"EVERLEAF_ACME_EMAIL=ops@example.com",
		"EVERLEAF_HTTP01_LISTEN="+s.http01,
		"EVERLEAF_OPS_LISTEN=127.0.0.1:0", // each process its own
		"EVERLEAF_SWEEP_INTERVAL=24h",     // no sweep but those that a test triggers
		"EVERLEAF_HTTP01_CHECK_PORT="+port,
		"EVERLEAF_HTTP01_CHECK_RESOLVER="+s.ca.DNS,
		"EVERLEAF_ALLOW_ADDRESSES=127.0.0.0/8,::1",
	)
	return s
}

// outside is the tests' own environment without any setting of Everleaf's, Temporal's or Postgres's.
func outside() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "EVERLEAF_") || strings.HasPrefix(v, "TEMPORAL_") || strings.HasPrefix(v, "PG")
	})
}

// set changes one setting for the processes that start after.
func (s *stack) set(name, value string) { s.env = append(s.env, name+"="+value) }

// setting is what was last set.
func (s *stack) setting(name string) (value string) {
	for _, variable := range s.env {
		if v, ok := strings.CutPrefix(variable, name+"="); ok {
			value = v
		}
	}
	return value
}

// hang is how long something that must come may take: only what hangs takes longer, also on a busy machine.
const hang = 3 * time.Minute

// eventually waits for something that must come.
func (s *stack) eventually(what string, done func() bool) {
	s.t.Helper()
	deadline := time.Now().Add(hang)
	for !done() {
		if time.Now().After(deadline) {
			s.t.Fatalf("waited %s for %s; log:\n%s", hang, what, s.log)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// reached waits until an exchange is held.
func (s *stack) reached(h *hold) {
	s.t.Helper()
	select {
	case <-h.Reached:
	case <-time.After(hang):
		s.t.Fatalf("waited %s for a held exchange; log:\n%s", hang, s.log)
	}
}

// scalar reads one number from Postgres.
func (s *stack) scalar(query string, args ...any) (n int) {
	s.t.Helper()
	require.NoError(s.t, s.pool.QueryRow(context.Background(), query, args...).Scan(&n))
	return n
}

func freePort(t testing.TB) int { return acmetest.FreePort(t) }

func atoi(t testing.TB, s string) (n int) {
	t.Helper()
	_, err := fmt.Sscan(s, &n)
	require.NoError(t, err)
	return n
}

func poolOf(t testing.TB, path string) *x509.CertPool {
	t.Helper()
	bytes, err := os.ReadFile(path)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(bytes))
	return roots
}

// quiet drops the test client's own log.
type quiet struct{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}
