package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Let's Encrypt and RFC 8555 §6.6: rateLimited carries Retry-After. Pebble has no rate limits, so the proxy answers.
func TestRateLimitIsWaitedOut(t *testing.T) {
	t.Parallel()
	s := newStackWith(t, ninetyDays, steady)
	s.worker()
	s.proxy.on(&rule{path: pathNewOrder, left: 1,
		instead: problem(429, "rateLimited", "too many new orders", "Retry-After", "7")})
	started := time.Now()
	got := status(t, s.must("cert", "ensure", s.name, "--name", "limited.example.test", "--output", "json"))
	require.NotNil(t, got.Issued)
	require.Nil(t, got.Failure)
	require.GreaterOrEqual(t, time.Since(started), 7*time.Second, "waited as asked")
	require.Equal(t, 2, s.proxy.count(pathNewOrder), "the CA was asked twice: not again before it said")
}

// While the CA fails in whatever way, the workflow waits, and then succeeds.
func TestFaultyCA(t *testing.T) {
	t.Parallel()
	unavailable := problem(503, "serverInternal", "down for maintenance", "Retry-After", "4")
	for _, fault := range []struct {
		name string
		rule rule
	}{
		{"503 with Retry-After on newOrder", rule{path: pathNewOrder, left: 2, instead: unavailable}},
		{"503 with Retry-After on an authorization", rule{path: pathAuthz, left: 2, instead: unavailable}},
		{"503 with Retry-After on finalize", rule{path: pathFinalize, left: 1, instead: unavailable}},
		{"503 with Retry-After on the download", rule{path: pathCert, left: 1, instead: unavailable}},
		{"500 on newOrder", rule{path: pathNewOrder, left: 4, instead: problem(500, "serverInternal", "oops")}},
		{"500 with a page instead of a problem",
			rule{path: pathFinalize, left: 4, instead: func(w http.ResponseWriter, _ *http.Request) {
				http.Error(w, "<html>Bad Gateway</html>", http.StatusBadGateway)
			}}},
		{"badNonce six times in a row", rule{path: pathNewOrder, left: 6,
			instead: func(w http.ResponseWriter, r *http.Request) {
				problem(400, "badNonce", "JWS has an invalid anti-replay nonce")(w, r)
			}}},
		{"connections cut", rule{path: pathNewOrder, left: 5, instead: func(http.ResponseWriter, *http.Request) {
			panic(http.ErrAbortHandler)
		}}},
		{"slow answers", rule{path: pathFinalize, left: 1, instead: func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-time.After(3 * time.Second):
			case <-r.Context().Done():
			}
			panic(http.ErrAbortHandler)
		}}},
	} {
		t.Run(fault.name, func(t *testing.T) {
			t.Parallel()
			s := newStack(t)
			s.worker()
			s.proxy.on(&fault.rule)
			got := status(t, s.must("cert", "ensure", s.name, "--name", "faulty.example.test", "--output", "json"))
			require.NotNil(t, got.Issued)
			require.Zero(t, fault.rule.left, "the fault was met")
			require.Equal(t, 1, s.scalar(`SELECT count(*) FROM versions`))
		})
	}
}

// The CA is not there at all when the worker starts and when the certificate is asked for.
func TestCADownAtFirst(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.ca.Stop()
	s.worker()
	done := make(chan result, 1)
	go func() { done <- s.cli("cert", "ensure", s.name, "--name", "down.example.test", "--output", "json") }()
	s.eventually("the worker to ask the CA", func() bool { return s.proxy.count(pathDirectory) > 1 })
	s.ca.Restart()
	r := <-done
	r.exits(t, 0)
	require.NotNil(t, status(t, r).Issued)
}

// A problem of the name is reported at once, with the fix, and does not burn the CA's limits.
func TestNameProblemIsReportedAndRecovers(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.set("EVERLEAF_HTTP01_CHECK_PORT", "1") // looks where nobody listens
	first := s.worker()
	r := s.cli("cert", "ensure", s.name, "--name", "invisible.example.test")
	r.exits(t, 1)
	require.Contains(t, r.stderr, "ChallengeNotVisible")
	require.Contains(t, r.stderr, "invisible.example.test")
	require.Zero(t, s.proxy.count(pathChallenge), "the CA was not asked to validate a challenge that cannot be seen")
	require.Equal(t, 0, s.scalar(`SELECT count(*) FROM http_tokens`), "tokens left")
	require.Contains(t, s.must("cert", "list").stdout, "Failing")

	first.stop()
	_, port, _ := strings.Cut(s.http01, ":")
	s.set("EVERLEAF_HTTP01_CHECK_PORT", port)
	s.worker()
	got := status(t, s.must("cert", "renew", s.name, "--output", "json"))
	require.NotNil(t, got.Issued)
	require.Equal(t, 1, strings.Count(s.ca.Log(), "Added order"), "the same order was resumed")
}
