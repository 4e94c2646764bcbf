package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	historypb "go.temporal.io/api/history/v1"

	"everleaf/domain"
)

// wholeLife has two issuers at one CA, the first behind the test's proxy, and targets that work and do not.
const wholeLife = `
issuers:
  - {name: default, directory: "${LIFE_PROXY}", caBundle: "${LIFE_PROXY_ROOTS}"}
  - {name: spare, directory: "${LIFE_CA}", caBundle: "${LIFE_CA_ROOTS}"}
targets:
  - {name: disk, directory: {path: "${LIFE_DIR}/{name}"}}
  - {name: broken, directory: {path: "${LIFE_FILE}/{name}"}}
`

// TestRecordWholeLife lives through what may happen between a first certificate and the end: each is seen to work on
// the whole stack, and its history replays. With -record, they join the corpus that TestRecord has begun.
func TestRecordWholeLife(t *testing.T) {
	t.Parallel()
	s := newStackWith(t, ninetyDays, steady)
	dir, file := s.wholeLife()
	s.worker()
	histories := map[string]*historypb.History{}
	ensure := func(name string, flags ...string) domain.Status {
		return status(t, s.must(append([]string{"cert", "ensure", name, "--replace", "--output", "json"}, flags...)...))
	}

	// Change: only what is needed is issued, and the answer says what is new.
	changed := s.name + "-changed"
	first := ensure(changed, "--name", "change.example.test")
	kept := ensure(changed, "--name", "change.example.test", "--key-rotation", "Never", "--use-issuer", "default",
		"--use-issuer", "spare", "--deliver", "disk")
	require.Equal(t, first.Issued.Serial, kept.Issued.Serial)
	require.Equal(t, []string{"issuers: default is now default, spare", "keyRotation: Always is now Never",
		"deliveries: added disk"}, kept.Changes)
	s.eventually("the delivery", func() bool {
		_, err := os.Stat(filepath.Join(dir, changed, "tls.crt"))
		return err == nil
	})
	grown := ensure(changed, "--name", "change.example.test", "--name", "more.example.test", "--key-rotation", "Never",
		"--deliver", "disk")
	require.NotEqual(t, first.Issued.Serial, grown.Issued.Serial)
	require.Equal(t, 1, s.scalar(`SELECT count(DISTINCT key_id) FROM orders WHERE certificate = $1`, changed),
		"the key was kept")
	require.Equal(t, 2, s.scalar(`SELECT count(*) FROM events WHERE certificate = $1 AND type = 'changed'`, changed))
	histories["change"] = s.rested(changed)

	// An issuer that fails is followed by the next one.
	fell := s.name + "-fell"
	s.proxy.on(&rule{path: pathNewOrder, left: 1,
		instead: problem(http.StatusServiceUnavailable, "serverInternal", "maintenance", "Retry-After", "7200")})
	require.Equal(t, "spare", ensure(fell, "--name", "fell.example.test", "--use-issuer", "default", "--use-issuer",
		"spare").Issued.Issuer)
	histories["fallback"] = s.rested(fell)

	// An authorization that is gone is no failure.
	over := s.name + "-over"
	s.proxy.on(&rule{path: pathAuthz, left: 1,
		instead: problem(http.StatusNotFound, "malformed", "Expired authorization")})
	require.Nil(t, ensure(over, "--name", "over.example.test").Failure)
	require.Zero(t, s.scalar(`SELECT count(*) FROM events WHERE certificate = $1 AND type = 'failed'`, over))
	require.Equal(t, 1, s.scalar(`SELECT count(*) FROM orders WHERE certificate = $1 AND state = 'abandoned'`, over))
	histories["start-over"] = s.rested(over)

	// A CA's limit is waited out, unless somebody knows better.
	forced := s.name + "-forced"
	s.proxy.on(&rule{path: pathNewOrder, left: 1,
		instead: problem(http.StatusTooManyRequests, "rateLimited", "too many", "Retry-After", "1800")})
	s.cli("cert", "ensure", forced, "--name", "forced.example.test").exits(t, 1)
	s.must("cert", "renew", forced, "--force")
	histories["forced"] = s.rested(forced)

	// One target fails alone; the other has the certificate; the end clears what was delivered.
	delivered := s.name + "-delivered"
	ensure(delivered, "--name", "delivered.example.test", "--deliver", "disk", "--deliver", "broken")
	s.eventually("both targets' outcome", func() bool {
		return s.scalar(`SELECT count(*) FROM deliveries WHERE certificate = $1 AND (target = 'disk') = (failure IS NULL)`, delivered) == 2
	})
	histories["delivery"] = s.rested(delivered)
	require.NoError(t, os.Remove(file)) // somebody looks after the disk
	require.NoError(t, os.Mkdir(file, 0o700))
	ensure(delivered, "--name", "delivered.example.test", "--deliver", "disk")
	s.must("cert", "retire", delivered, "--remove-deliveries")
	require.NoFileExists(t, filepath.Join(dir, delivered, "tls.key"))
	require.Contains(t, s.must("cert", "list", "--all").stdout, "Released")
	histories["retired"] = s.rested(delivered)

	// Who asks for it again gets the one that is there.
	orders := s.scalar(`SELECT count(*) FROM orders WHERE certificate = $1`, delivered)
	require.NotNil(t, ensure(delivered, "--name", "delivered.example.test").Issued)
	require.Equal(t, orders, s.scalar(`SELECT count(*) FROM orders WHERE certificate = $1`, delivered),
		"no order was placed")
	histories["resumed"] = s.rested(delivered)

	// Revoked while in service, by the certificate's own key.
	revoked := s.name + "-revoked"
	before := ensure(revoked, "--name", "revoked.example.test")
	after := status(t, s.must("cert", "revoke", revoked, "--without-replacement", "--signed-by", "certificateKey",
		"--reason", "keyCompromise", "--output", "json"))
	require.Equal(t, before.Issued.Serial, after.Issued.Serial)
	require.True(t, after.Issued.Revoked)
	require.Equal(t, 1, s.scalar(`SELECT count(*) FROM versions WHERE certificate = $1 AND revocation_reason = 'keyCompromise'`, revoked))
	histories["revoked-in-service"] = s.rested(revoked)

	// The CA's advice moves a renewal.
	moved := s.name + "-moved"
	ensure(moved, "--name", "moved.example.test")
	now := time.Now().UTC().Truncate(time.Second)
	s.suggest(moved, now.Add(-time.Hour), now, "https://ca.example.test/incident")
	s.due()
	require.Equal(t, 1, s.swept().Moved)
	s.eventually("the renewal", func() bool {
		return s.scalar(`SELECT count(*) FROM versions WHERE certificate = $1`,
			moved) == 2
	})
	histories["advised"] = s.rested(moved)

	// Each of these timelines can be read, from Postgres alone.
	for certificate, says := range map[string]string{
		changed: "names: added more.example.test", fell: "spare", over: "a new order is needed", forced: "rateLimited",
		delivered: "broken",
		revoked:   "keyCompromise",
	} {
		require.Contains(t, s.must("cert", "explain", certificate).stdout, says)
	}

	for name, history := range histories {
		keep(t, corpus, name, history)
	}
}

// wholeLife gives the workers to come the configuration file, and returns where the target disk writes, and the file
// that is in broken's way.
func (s *stack) wholeLife() (dir, file string) {
	s.t.Helper()
	dir = filepath.Join(s.t.TempDir(), "live")
	require.NoError(s.t, os.Mkdir(dir, 0o700))
	file = filepath.Join(s.t.TempDir(), "no-directory")
	require.NoError(s.t, os.WriteFile(file, nil, 0o600))
	path := filepath.Join(s.t.TempDir(), "everleaf.yaml")
	require.NoError(s.t, os.WriteFile(path, []byte(wholeLife), 0o600))
	for name, value := range map[string]string{
		"LIFE_PROXY": s.proxy.Directory, "LIFE_PROXY_ROOTS": s.proxy.CABundle, "LIFE_CA": s.ca.Directory,
		"LIFE_CA_ROOTS": s.ca.CABundle,
		"LIFE_DIR":      dir, "LIFE_FILE": file,
		"EVERLEAF_CONFIG": path, "EVERLEAF_ACME_DIRECTORY": "", "EVERLEAF_ACME_CA_BUNDLE": "",
		"EVERLEAF_ACME_EMAIL": "",
	} {
		s.set(name, value)
	}
	return dir, file
}
