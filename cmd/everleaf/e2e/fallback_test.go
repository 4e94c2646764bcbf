package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/acme/acmetest"
	"everleaf/domain"
)

// twoIssuers is a configuration file with both CAs. What differs from run to run comes from the environment.
const twoIssuers = `
issuers:
  - name: main
    directory: ${FALLBACK_MAIN}
    caBundle: ${FALLBACK_MAIN_ROOTS}
    email: ops@example.com
  - name: spare
    preset: step-ca
    directory: ${FALLBACK_SPARE}
    caBundle: ${FALLBACK_SPARE_ROOTS}
`

// Two CAs of different make: Pebble, and step-ca, which has neither ARI nor profiles.
func TestTwoIssuers(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	spare := s.twoIssuers()
	s.worker()

	// The second CA alone.
	alone := s.name + "-alone"
	first := status(t, s.must("cert", "ensure", alone, "--name", "alone.example.test", "--use-issuer", "spare",
		"--output", "json"))
	require.Equal(t, "spare", first.Issued.Issuer)
	require.EqualValues(t, "HalfLeft", first.Renewal.Reason, "without ARI, by its own life of a day")
	require.Nil(t, first.Renewal.Window)
	renewed := status(t, s.must("cert", "renew", alone, "--output", "json"))
	require.Equal(t, "spare", renewed.Issued.Issuer)
	require.NotEqual(t, first.Issued.Serial, renewed.Issued.Serial)
	s.issuedUnder(alone, "alone.example.test", spare.CABundle)
	require.Zero(t, s.proxy.count(pathNewOrder), "the first CA was not asked")

	// The first CA is out of order: the second one issues. The next renewal begins with the first again.
	name := s.name + "-both"
	both := []string{"cert", "ensure", name, "--name", "both.example.test", "--use-issuer", "main", "--use-issuer",
		"spare", "--output", "json"}
	down := s.proxy.on(&rule{path: pathNewOrder, left: -1,
		instead: problem(http.StatusInternalServerError, "serverInternal", "oops")})
	got := status(t, s.must(both...))
	require.Equal(t, "spare", got.Issued.Issuer)
	require.Nil(t, got.Failure, "a certificate is in service, and that is what counts")
	s.issuedUnder(name, "both.example.test", spare.CABundle)
	require.Equal(t, []string{"spare"}, s.fallbacks(name))
	s.proxy.off(down)
	got = status(t, s.must("cert", "renew", name, "--output", "json"))
	require.Equal(t, "main", got.Issued.Issuer, "the first CA is well again")
	require.NotNil(t, got.Renewal.Window, "and says when to renew")

	// A limit that is further away than a caller waits.
	s.proxy.on(&rule{path: pathNewOrder, left: 1,
		instead: problem(http.StatusTooManyRequests, "rateLimited", "too many", "Retry-After", "7200")})
	got = status(t, s.must("cert", "renew", name, "--output", "json"))
	require.Equal(t, "spare", got.Issued.Issuer)
	require.Equal(t, []string{"spare", "spare"}, s.fallbacks(name))
	require.Equal(t, 1, s.scalar(`SELECT count(*) FROM events WHERE certificate = $1 AND type = 'fell_back' AND
		detail->'fault'->>'reason' = 'RateLimited' AND detail->>'issuer' = 'main'`, name))
	require.Equal(t, 3, s.scalar(`SELECT count(*) FROM versions WHERE certificate = $1`, name))

	// A fault of the name would be one at any CA.
	asked := strings.Count(spare.Log(), "/new-order")
	require.NotZero(t, asked, "its log has orders")
	refused := s.name + "-refused"
	r := s.cli("cert", "ensure", refused, "--name", blockedName, "--use-issuer", "main", "--use-issuer", "spare")
	r.exits(t, 1)
	now := status(t, s.must("cert", "status", refused, "--output", "json"))
	require.Equal(t, domain.PhaseFailing, now.Phase)
	require.Equal(t, domain.FaultName, now.Failure.Fault.Kind)
	require.EqualValues(t, "NameRejected", now.Failure.Fault.Reason)
	require.Empty(t, s.fallbacks(refused))
	require.Zero(t, s.scalar(`SELECT count(*) FROM orders WHERE certificate = $1 AND issuer = 'spare'`, refused))
	require.Equal(t, asked, strings.Count(spare.Log(), "/new-order"), "the second CA was not asked")
}

// twoIssuers starts step-ca beside the stack's CA and has workers read both from a file.
func (s *stack) twoIssuers() *acmetest.StepCA {
	s.t.Helper()
	spare := acmetest.StartStepCA(s.t, acmetest.StepCAOptions{DNS: s.ca.DNS, HTTPPort: s.ca.HTTPPort})
	s.env = slices.DeleteFunc(s.env, func(v string) bool { return strings.HasPrefix(v, "EVERLEAF_ACME_") })
	s.set("FALLBACK_MAIN", s.proxy.Directory)
	s.set("FALLBACK_MAIN_ROOTS", s.proxy.CABundle)
	s.set("FALLBACK_SPARE", spare.Directory)
	s.set("FALLBACK_SPARE_ROOTS", spare.CABundle)
	file := filepath.Join(s.t.TempDir(), "everleaf.yaml")
	require.NoError(s.t, os.WriteFile(file, []byte(twoIssuers), 0o600))
	s.set("EVERLEAF_CONFIG", file)
	return spare
}

// fallbacks are the issuers that were asked next, in order.
func (s *stack) fallbacks(certificate string) (next []string) {
	s.t.Helper()
	require.NoError(s.t, s.pool.QueryRow(context.Background(),
		`SELECT coalesce(array_agg(detail->>'next' ORDER BY at), '{}')
		FROM events WHERE certificate = $1 AND type = 'fell_back'`, certificate).Scan(&next))
	return next
}

// issuedUnder exports the certificate and verifies its chain up to the root.
func (s *stack) issuedUnder(certificate, name, root string) {
	s.t.Helper()
	dir := filepath.Join(s.t.TempDir(), certificate)
	s.must("cert", "export", certificate, "--dir", dir)
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key"))
	require.NoError(s.t, err, "the key is the certificate's")
	between := x509.NewCertPool()
	for _, der := range pair.Certificate[1:] {
		link, err := x509.ParseCertificate(der)
		require.NoError(s.t, err)
		between.AddCert(link)
	}
	_, err = pair.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: poolOf(s.t, root), Intermediates: between})
	require.NoError(s.t, err)
}
