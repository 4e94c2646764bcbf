package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/acme/acmetest"
	"everleaf/adapters/dns01/dns01test"
	"everleaf/ports"
)

// withDNS is a stack whose CA asks this name server; its workers may write into the zones, and deliver into the
// directory.
func withDNS(t *testing.T, server *dns01test.Server, zones ...string) (s *stack, directory string) {
	t.Helper()
	s = newStackOn(t, acmetest.Options{Profiles: map[string]acmetest.Profile{"default": ninetyDays}, DNS: server.Addr,
		Env: []string{steady}})
	directory = t.TempDir()
	s.writes(server, directory, zones...)
	s.set("TEST_TSIG_SECRET", server.Key.Secret)
	s.set("EVERLEAF_DNS01_RESOLVER", server.Addr)
	s.set("EVERLEAF_DNS01_CHECK_PORT", fmt.Sprint(server.Port))
	for _, instead := range []string{"EVERLEAF_ACME_DIRECTORY", "EVERLEAF_ACME_CA_BUNDLE", "EVERLEAF_ACME_EMAIL"} {
		s.set(instead, "")
	}
	return s, directory
}

// writes has workers that start from now on write into these zones.
func (s *stack) writes(server *dns01test.Server, directory string, zones ...string) {
	s.t.Helper()
	text := fmt.Sprintf("issuers: [{name: default, directory: %q, caBundle: %q}]\ntargets: [{name: files, directory: {path: \"%s/{name}\"}}]\ndns:\n",
		s.proxy.Directory, s.proxy.CABundle, directory)
	for _, zone := range zones {
		text += fmt.Sprintf("- {zone: %s, rfc2136: {server: %q, tsig: {name: %s, secret: \"${TEST_TSIG_SECRET}\"}}}\n",
			zone, server.Addr, server.Key.Name)
	}
	file := filepath.Join(s.t.TempDir(), "everleaf.yaml")
	require.NoError(s.t, os.WriteFile(file, []byte(text), 0o600))
	s.set("EVERLEAF_CONFIG", file)
}

// A name and its wildcard, in one certificate: issued, shown, found, delivered, renewed. Nothing stays in DNS.
func TestWildcard(t *testing.T) {
	t.Parallel()
	server := dns01test.Start(t, "shop.test", "acme.test")
	server.Add("_acme-challenge.tenant.shop.test. 1 CNAME tenant.acme.test.")
	s, directory := withDNS(t, server, "acme.test")
	s.worker()
	ensure := []string{"cert", "ensure", s.name, "--name", "tenant.shop.test", "--name", "*.tenant.shop.test",
		"--deliver", "files", "--output", "json"}
	got := status(t, s.must(append(ensure, "--challenge", "dns-01")...))
	require.ElementsMatch(t, []string{"tenant.shop.test", "*.tenant.shop.test"}, got.Issued.Names)
	s.clean(server, "tenant.acme.test")

	for _, command := range []string{"status", "explain"} {
		require.Contains(t, s.must("cert", command, s.name).stdout, "tenant.shop.test, *.tenant.shop.test")
	}
	require.Contains(t, s.must("cert", "list").stdout, s.name)
	s.found(fmt.Sprintf("%s = '*.tenant.shop.test' AND WorkflowId = '%s'", ports.SearchNames, ports.WorkflowID(s.name)))
	s.eventually("the delivery", func() bool { _, current, _, _ := s.deliveredTo("files"); return current })
	require.FileExists(t, filepath.Join(directory, s.name, "tls.crt"),
		"by the certificate's name, not by a name of DNS")

	renewed := status(t, s.must("cert", "renew", s.name, "--output", "json"))
	require.NotEqual(t, got.Issued.Serial, renewed.Issued.Serial)
	s.clean(server, "tenant.acme.test")

	// What is asked for and cannot be: reported at once, with the fix, and nothing is written.
	r := s.cli(append(ensure, "--replace")...)
	r.exits(t, 1)
	require.Contains(t, r.stdout+r.stderr, "a wildcard can only be validated by dns-01")
	r = s.cli("cert", "ensure", s.name+"-other", "--name", "other.shop.test", "--challenge", "dns-01")
	r.exits(t, 1)
	require.Contains(t, r.stdout+r.stderr, "NameNotDelegated")
	require.Contains(t, r.stdout+r.stderr, "create a CNAME record from _acme-challenge.other.shop.test into one of them")
	require.Zero(t, s.scalar(`SELECT count(*) FROM dns_records`))

	// Another way of showing control is for the next renewal: what is in service stays.
	other := s.name + "-changed"
	first := status(t, s.must("cert", "ensure", other, "--name", "tenant.shop.test", "--challenge", "dns-01",
		"--output", "json"))
	changed := status(t, s.must("cert", "ensure", other, "--challenge", "http-01", "--output", "json"))
	require.Equal(t, []string{"challenge: dns-01 is now http-01"}, changed.Changes)
	require.Equal(t, first.Issued.Serial, changed.Issued.Serial)
	require.NotContains(t, s.log.String(), server.Key.Secret)
}

// A killed worker leaves its records in DNS. The worker that goes on with the order removes them; where nobody does,
// the sweep.
func TestKilledWorkersRecordsAreRemoved(t *testing.T) {
	t.Parallel()
	server := dns01test.Start(t, "shop.test", "gone.test")
	s, directory := withDNS(t, server, "shop.test", "gone.test")
	first := s.worker()
	resumed, dropped := s.name+"-resumed", s.name+"-dropped"
	ensured := make(chan result, 1)
	held := newGate()
	s.proxy.on(&rule{path: pathChallenge, left: -1, gate: held})
	go func() {
		ensured <- s.cli("cert", "ensure", resumed, "--name", "shop.test", "--name", "*.shop.test", "--challenge",
			"dns-01", "--timeout", "150s")
	}()
	s.eventually("the record of one that nobody waits for, since a caller would start it again", func() bool {
		s.cli("cert", "ensure", dropped, "--name", "gone.test", "--challenge", "dns-01", "--timeout", "2s")
		return len(server.TXT("_acme-challenge.gone.test")) == 1
	})
	s.eventually("the other's records", func() bool { return len(server.TXT("_acme-challenge.shop.test")) == 2 })
	s.eventually("both to ask the CA", func() bool { return held.waiting.Load() >= 2 })
	first.kill()
	require.Equal(t, 3, s.scalar(`SELECT count(*) FROM dns_records`))
	s.proxy.freeAll()
	ctx := context.Background()
	require.NoError(t, s.temporal.TerminateWorkflow(ctx, ports.WorkflowID(dropped), "", "nobody goes on with it"))
	_, err := s.pool.Exec(ctx, `UPDATE orders SET expires = now() - interval '1 second' WHERE certificate = $1`,
		dropped)
	require.NoError(t, err)

	// A worker that has only one of the zones left.
	s.writes(server, directory, "shop.test")
	second := s.worker()
	r := <-ensured
	r.exits(t, 0)
	require.Equal(t, 1, s.scalar(`SELECT count(*) FROM orders WHERE certificate = $1`, resumed))
	s.eventually("the removal", func() bool { return len(server.TXT("_acme-challenge.shop.test")) == 0 })
	found := s.swept()
	require.Zero(t, found.Cleaned)
	require.Len(t, found.Problems, 1)
	require.True(t, strings.HasPrefix(found.Problems[0], "DNS records: those of 1 orders"), found.Problems[0])
	require.Contains(t, s.log.String(), "UnknownDNSZone")
	require.Len(t, server.TXT("_acme-challenge.gone.test"), 1)
	require.Equal(t, 1, s.scalar(`SELECT count(*) FROM dns_records`),
		"it is known for the day on which somebody can remove it")
	second.kill()

	s.writes(server, directory, "shop.test", "gone.test")
	s.worker()
	require.Equal(t, ports.SweepResult{Cleaned: 1}, s.swept())
	s.clean(server, "_acme-challenge.gone.test")
	require.Equal(t, ports.SweepResult{}, s.swept())
}

// Tenants whose names all lead to one record are validated at the same time: none takes another's value away.
func TestTenantsOfOneDelegatedName(t *testing.T) {
	t.Parallel()
	server := dns01test.Start(t, "customers.test", "acme.test")
	s, _ := withDNS(t, server, "acme.test")
	s.worker()
	var tenants sync.WaitGroup
	for _, tenant := range []string{"one", "two", "three", "four", "five"} {
		server.Add("_acme-challenge." + tenant + ".customers.test. 1 CNAME delegated.acme.test.")
		tenants.Go(func() {
			r := s.cli("cert", "ensure", s.name+"-"+tenant, "--name", tenant+".customers.test", "--challenge",
				"dns-01", "--timeout", "150s")
			if r.code != 0 {
				t.Errorf("%s: %s%s", tenant, r.stdout, r.stderr)
			}
		})
	}
	tenants.Wait()
	require.Equal(t, 5, strings.Count(s.ca.Log(), "Added order"))
	s.clean(server, "delegated.acme.test")
}

// clean says that nothing is left under the name, nor known of.
func (s *stack) clean(server *dns01test.Server, name string) {
	s.t.Helper()
	require.Empty(s.t, server.TXT(name))
	require.Zero(s.t, s.scalar(`SELECT count(*) FROM dns_records`))
}
