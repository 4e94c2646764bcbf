package e2e

import (
	"context"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// deliveredTo reads how a certificate stands at a target, as other services do.
func (s *stack) deliveredTo(target string) (serial string, current bool, reason string, attempts int) {
	s.t.Helper()
	require.NoError(s.t, s.pool.QueryRow(context.Background(),
		`SELECT coalesce(max(serial), ''), coalesce(bool_or(current), false),
		coalesce(max(failure_reason), ''), coalesce(max(failure_attempts), 0) FROM everleaf_deliveries WHERE certificate = $1 AND target = $2`,
		s.name, target).Scan(&serial, &current, &reason, &attempts))
	return serial, current, reason, attempts
}

// nginx, which reloads, and HAProxy, which is updated at run time, keep serving through renewals under load. A target
// that fails beside them is reported, tried again by itself, and holds up nobody; what a target lost is brought back.
func TestDeliveryKeepsWebServersServing(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	w := newWebServers(t)
	self, err := os.Executable()
	require.NoError(t, err)
	blocked := filepath.Join(w.dir, "blocked")
	require.NoError(t, os.WriteFile(blocked, nil, 0o600), "a file where a directory should be")
	config := filepath.Join(w.dir, "everleaf.yaml")
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, `
issuers:
- {name: default, directory: %q, caBundle: %q, email: ops@example.com}
targets:
- name: nginx
  directory: {path: "%[3]s/nginx/{name}", command: [%[4]q]}
- name: haproxy
  directory: {path: "%[3]s/haproxy/{name}", combined: tls.pem, command: [%[5]q, %[6]q, %[7]q, "{path}/tls.pem"]}
- name: blocked
  directory: {path: "%[3]s/blocked/{name}"}
`, s.proxy.Directory, s.proxy.CABundle, w.dir, w.reloadNginx, self, updateHAProxy, w.socket), 0o600))
	s.set("EVERLEAF_CONFIG", config)
	for _, instead := range []string{"EVERLEAF_ACME_DIRECTORY", "EVERLEAF_ACME_CA_BUNDLE", "EVERLEAF_ACME_EMAIL"} {
		s.set(instead, "")
	}
	s.worker()

	const host = "delivered.example.test"
	issued := status(t, s.must("cert", "ensure", s.name, "--name", host, "--deliver", "nginx", "--deliver", "haproxy",
		"--deliver", "blocked",
		"--output", "json")).Issued
	inService := func() bool {
		for _, target := range []string{"nginx", "haproxy"} {
			if serial, current, _, _ := s.deliveredTo(target); !current || serial != issued.Serial {
				return false
			}
		}
		return true
	}
	s.eventually("the first delivery", inService)
	w.start(s.name)
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(s.ca.RootPEM()))
	l := newLoad(t, roots, host, 3, w.nginxAt, w.haproxyAt)

	serves := func() {
		t.Helper()
		for _, address := range []string{w.nginxAt, w.haproxyAt} {
			s.eventually("the certificate to be served at "+address,
				func() bool { return !l.since(address, issued.Serial).IsZero() })
		}
	}
	serves()
	undelivered := func() int {
		return s.scalar(`SELECT count(*) FROM events WHERE certificate = $1 AND type = 'delivery_failed'`, s.name)
	}
	fails := func(times int) {
		t.Helper()
		s.eventually("the failure to be recorded", func() bool {
			_, current, reason, attempts := s.deliveredTo("blocked")
			return !current && reason == "TargetRefused" && attempts >= 1 && undelivered() >= times
		})
	}
	fails(1)

	for renewal := range 3 {
		if renewal == 2 { // the operator has corrected it
			require.NoError(t, os.Remove(blocked))
			require.NoError(t, os.Mkdir(blocked, 0o755))
		}
		issued = status(t, s.must("cert", "renew", s.name, "--output", "json")).Issued
		serves()
		var storedAt time.Time
		require.NoError(t, s.pool.QueryRow(t.Context(), `SELECT created_at FROM versions WHERE id = $1::uuid`,
			issued.Version).Scan(&storedAt))
		t.Logf("renewal %d: from its storing, served by nginx after %s and by HAProxy after %s", renewal+1,
			l.since(w.nginxAt, issued.Serial).Sub(storedAt).Round(time.Millisecond),
			l.since(w.haproxyAt, issued.Serial).Sub(storedAt).Round(time.Millisecond))
		s.eventually("the deliveries to be confirmed", inService)
		if renewal < 2 {
			fails(renewal + 2) // each certificate is tried there
		}
	}
	s.eventually("the corrected target to have it", func() bool {
		serial, current, reason, _ := s.deliveredTo("blocked")
		return current && serial == issued.Serial && reason == ""
	})

	key := filepath.Join(w.dir, "nginx", s.name, "tls.key")
	require.NoError(t, os.Remove(key))
	require.Equal(t, 1, s.swept().Drifted)
	s.eventually("the key to be back", func() bool {
		_, err := os.Stat(key)
		return err == nil
	})

	l.stop()
	require.Empty(t, l.failed, "of %d handshakes; %s", l.made, w.log)
	t.Logf("%d handshakes through 3 renewals and a corrected drift, %d failed", l.made, len(l.failed))
	require.Equal(t, 8, s.scalar(`SELECT count(*) FROM events WHERE certificate = $1 AND type = 'delivered' AND detail ->> 'target' IN ('nginx', 'haproxy')`,
		s.name), "each version once at each: the failing target had nothing of theirs repeated")
}
