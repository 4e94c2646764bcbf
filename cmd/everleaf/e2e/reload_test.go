package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// mounted is a file as Kubernetes mounts one: a link to a link, which is replaced when the file changes.
type mounted struct {
	dir     string
	version int
}

func (m *mounted) path() string { return filepath.Join(m.dir, "everleaf.yaml") }

func (m *mounted) write(t *testing.T, text string) {
	t.Helper()
	m.version++
	data := filepath.Join(m.dir, fmt.Sprintf("..%d", m.version))
	require.NoError(t, os.Mkdir(data, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(data, "everleaf.yaml"), []byte(text), 0o600))
	next := filepath.Join(m.dir, "..next")
	require.NoError(t, os.Symlink(filepath.Base(data), next))
	require.NoError(t, os.Rename(next, filepath.Join(m.dir, "..data")))
	if m.version == 1 {
		require.NoError(t, os.Symlink(filepath.Join("..data", "everleaf.yaml"), m.path()))
	}
}

// A changed file takes effect without a restart, one that cannot be used leaves the former one in force, and SIGHUP
// does not end the process.
func TestReload(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	for _, instead := range []string{"EVERLEAF_ACME_DIRECTORY", "EVERLEAF_ACME_CA_BUNDLE", "EVERLEAF_ACME_EMAIL"} {
		s.set(instead, "")
	}
	directory := t.TempDir()
	for _, name := range []string{"one", "two"} {
		require.NoError(t, os.Mkdir(filepath.Join(directory, name), 0o700))
	}
	issuer := func(name string) string {
		return fmt.Sprintf("- {name: %s, directory: %q, caBundle: %q}\n", name, s.proxy.Directory, s.proxy.CABundle)
	}
	target := func(name string) string {
		return fmt.Sprintf("- {name: %s, directory: {path: \"%s/%s/{name}\"}}\n", name, directory, name)
	}
	file := &mounted{dir: t.TempDir()}
	file.write(t, "issuers:\n"+issuer("default")+"targets:\n"+target("one"))
	s.set("EVERLEAF_CONFIG", file.path())
	w := s.run()
	s.must("cert", "ensure", s.name, "--name", "reload.example.test", "--deliver", "one")
	metric := func() string {
		_, body := w.ops("/metrics")
		for line := range strings.Lines(body) {
			if value, ok := strings.CutPrefix(line, "everleaf_config_reload_failed"); ok {
				return value[strings.LastIndex(value, " ")+1:]
			}
		}
		return "none"
	}
	times := func(text string) int { return strings.Count(w.log.String(), text) }

	// By itself, when the platform replaces the file.
	file.write(t, "issuers:\n"+issuer("default")+issuer("spare")+"targets:\n"+target("one")+target("two")+
		"dns: [{zone: acme.test, rfc2136: {server: ns1.acme.test}}]\n")
	s.eventually("the file to be read again",
		func() bool { return times("the configuration file was read again") == 1 })
	s.eventually("the table of processes", func() bool {
		p := s.processes()[0]
		return len(p.Targets) == 2 && len(p.Issuers) == 2 && len(p.Zones) == 1
	})
	s.must("cert", "ensure", s.name+"-new", "--name", "new.example.test", "--use-issuer", "spare", "--deliver", "two")
	s.eventually("the delivery", func() bool {
		_, err := os.Stat(filepath.Join(directory, "two", s.name+"-new", "tls.crt"))
		return err == nil
	})

	// All or nothing: of a file with one mistake nothing is used.
	file.write(t, "issuers:\n"+issuer("default")+"targets:\n"+target("one")+
		"- {name: three, directory: {path: relative}}\n")
	require.NoError(t, w.cmd.Process.Signal(syscall.SIGHUP))
	s.eventually("the refusal", func() bool { return times("cannot be used: the former one stays in force") == 1 })
	status, body := w.readyz()
	require.Equal(t, http.StatusOK, status, body)
	require.Contains(t, body, "ok   config: NOT READ AGAIN: --config (EVERLEAF_CONFIG)")
	require.Contains(t, body, "targets[1].directory.path \"relative\": give an absolute path")
	require.Equal(t, "1\n", metric())
	s.must("cert", "renew", s.name+"-new")

	file.write(t, "issuers:\n"+issuer("default")+"targets:\n"+target("one"))
	require.NoError(t, w.cmd.Process.Signal(syscall.SIGHUP))
	s.eventually("the file to be read again",
		func() bool { return times("the configuration file was read again") == 2 })
	_, body = w.readyz()
	require.Contains(t, body, "ok   config: "+file.path()+", as it was at ")
	require.Equal(t, "0\n", metric())
	w.stop()
}
