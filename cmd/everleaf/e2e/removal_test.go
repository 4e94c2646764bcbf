package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

// A retirement waits for a target that cannot be cleared. Every answer says that it is a removal that fails, why, when it
// is tried again and which ways out there are: correct it and ask again, or leave the certificate there.
func TestRetirementThatCannotClear(t *testing.T) {
	t.Parallel()
	s := newStackWith(t, ninetyDays, steady)
	dir := t.TempDir()
	program, config := filepath.Join(dir, "drop-site"), filepath.Join(dir, "everleaf.yaml")
	configure := func(targets string) {
		require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, `
issuers:
- {name: default, directory: %q, caBundle: %q, email: ops@example.com}
targets:
- name: disk
  directory: {path: "%s/disk/{name}", command: ["true"], removeCommand: [%q, "{name}"]}
%s`, s.proxy.Directory, s.proxy.CABundle, dir, program, targets), 0o600))
	}
	require.NoError(t, os.Mkdir(filepath.Join(dir, "disk"), 0o700))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "old"), 0o700))
	configure(fmt.Sprintf(`- {name: old, directory: {path: "%s/old/{name}"}}`, dir))
	s.set("EVERLEAF_CONFIG", config)
	for _, instead := range []string{"EVERLEAF_ACME_DIRECTORY", "EVERLEAF_ACME_CA_BUNDLE", "EVERLEAF_ACME_EMAIL"} {
		s.set(instead, "")
	}
	w := s.worker()
	ensure := func(name, target string) {
		t.Helper()
		s.must("cert", "ensure", name, "--name", "removed.example.test", "--deliver", target)
		s.eventually("the delivery", func() bool {
			return s.scalar(`SELECT count(*) FROM deliveries WHERE certificate = $1 AND version IS NOT NULL`, name) == 1
		})
	}
	stuck := func(name, target, why, todo string) {
		t.Helper()
		r := s.cli("cert", "retire", name, "--remove-deliveries", "--timeout", "170s")
		r.exits(t, 1)
		require.Contains(t, r.stderr, fmt.Sprintf("certificate %q is not retired yet, since its target %s cannot be cleared: ",
			name, target))
		require.Contains(t, r.stderr, why)
		require.Contains(t, r.stderr, "to leave it there, retire the certificate again without removeDeliveries (`everleaf "+
			"cert retire "+name+"`)")
		require.Contains(t, r.stderr, "next try at ")
		shown := s.must("cert", "status", name).stdout
		require.Contains(t, shown, "Phase        Retiring")
		require.Contains(t, shown, target+": cannot be cleared: ")
		require.Contains(t, shown, "What to do   "+todo)
		shown = s.must("cert", "explain", name).stdout
		require.Contains(t, shown, "it is being retired, which waits for what cannot be cleared: "+target)
		require.Contains(t, shown, "The certificate is cleared from "+target+": Everleaf tries again. The last try failed")
		require.Contains(t, shown, why)
		require.Contains(t, shown, "everleaf cert retire "+name+", without that flag, leaves it there.")
		require.Contains(t, shown, "The target "+target+" could not be cleared: ")
		require.NotContains(t, shown, "delivery failed")
		shown = s.must("cert", "list", "--state", "Retiring", "--name", name, "--output", "wide").stdout
		require.Contains(t, shown, target+" cannot be cleared: ")
		require.Equal(t, domain.PhaseRetiring, status(t, s.must("cert", "status", name, "--output", "json")).Phase)
	}
	repaired := s.name + "-repaired"
	ensure(repaired, "disk")
	stuck(repaired, "disk", "correct directory.removeCommand", "The target's operator must correct what the message says.")
	log := filepath.Join(dir, "dropped")
	require.NoError(t, os.WriteFile(program, []byte("#!/bin/sh\necho $1 >>"+log+"\n"), 0o700))
	require.Contains(t, s.must("cert", "retire", repaired, "--remove-deliveries", "--timeout", "50s").stdout, "Released",
		"it is tried at once, and not in the minute that the failure waits")
	dropped, err := os.ReadFile(log)
	require.NoError(t, err)
	require.Equal(t, repaired+"\n", string(dropped))
	require.NoDirExists(t, filepath.Join(dir, "disk", repaired))

	left := s.name + "-left"
	ensure(left, "old")
	w.stop()
	configure("")
	s.worker()
	stuck(left, "old", `no delivery target "old"`, "The operator of Everleaf must configure the target at a delivery worker")
	require.Contains(t, s.must("cert", "retire", left).stdout, "Released")
	require.FileExists(t, filepath.Join(dir, "old", left, "tls.key"))
	require.Contains(t, s.must("cert", "explain", left).stdout, "nobody keeps it any more since")
}
