package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

// Who forgets a flag removes nothing; who tries a change out has nothing issued; and what is named for removal is
// removed.
func TestForgottenFlagRemovesNothing(t *testing.T) {
	t.Parallel()
	s := newStackWith(t, ninetyDays, steady)
	dir, _ := s.wholeLife()
	s.worker()
	first := status(t, s.must("cert", "ensure", s.name, "--name", "web.example.test", "--use-issuer", "default",
		"--use-issuer", "spare", "--deliver", "disk",
		"--key-rotation", "Never", "--output", "json"))
	require.EqualValues(t, 1, first.Generation)
	key := filepath.Join(dir, s.name, "tls.key")
	delivered := func() bool { _, err := os.Stat(key); return err == nil }
	s.eventually("the delivery", delivered)

	// Nothing is named, so nothing changes: the names, the target, the issuers and the values stay.
	for _, args := range [][]string{{"cert", "ensure", s.name},
		{"cert", "ensure", s.name, "--name", "web.example.test"}, {"cert", "change", s.name}} {
		r := s.must(args...)
		require.Contains(t, r.stderr, "nothing to change")
	}
	now := status(t, s.must("cert", "status", s.name, "--output", "json"))
	require.Equal(t, first.Spec, now.Spec)
	require.EqualValues(t, 1, now.Generation)

	// A dry run says what a change would do.
	tried := status(t, s.must("cert", "ensure", s.name, "--name", "w2.example.test", "--dry-run", "--output", "json"))
	require.True(t, tried.DryRun && tried.WouldIssue)
	require.Equal(t, []string{"names: added w2.example.test"}, tried.Changes)
	tried = status(t, s.must("cert", "ensure", s.name, "--replace", "--name", "web.example.test", "--dry-run",
		"--output", "json"))
	require.False(t, tried.WouldIssue)
	require.Equal(t, []string{"issuers: default, spare is now default", "keyRotation: Never is now Always",
		"deliveries: removed disk"}, tried.Changes)
	unknown := s.name + "-unknown"
	tried = status(t, s.must("cert", "ensure", unknown, "--name", "unknown.example.test", "--dry-run", "--output",
		"json"))
	require.True(t, tried.WouldIssue)
	s.cli("cert", "status", unknown).exits(t, 1)
	require.Equal(t, 1, s.scalar(`SELECT count(*) FROM certificates`), "nothing was started")
	require.Equal(t, 1, s.scalar(`SELECT count(*) FROM orders`), "and nothing ordered")
	require.Equal(t, 1, s.scalar(`SELECT count(*) FROM events WHERE type IN ('created', 'changed')`))

	grown := status(t, s.must("cert", "ensure", s.name, "--name", "w2.example.test", "--output", "json"))
	require.Equal(t, []string{"web.example.test", "w2.example.test"}, grown.Spec.Names)
	require.Equal(t, []string{"disk"}, grown.Spec.Deliveries)
	require.EqualValues(t, 2, grown.Generation)

	// Retired, it is taken up again with the spec that it had; what is cleared is named.
	s.must("cert", "retire", s.name)
	resumed := status(t, s.must("cert", "ensure", s.name, "--output", "json"))
	require.Equal(t, grown.Spec, resumed.Spec)
	require.EqualValues(t, 2, resumed.Generation)
	require.FileExists(t, key)
	text := s.must("cert", "spec", s.name).stdout
	cleared := status(t, s.must("cert", "change", s.name, "--remove-target", "disk", "--remove-name",
		"web.example.test", "--output", "json"))
	require.Equal(t, []string{"w2.example.test"}, cleared.Issued.Names)
	s.eventually("the removal", func() bool { return !delivered() })

	// The spec that was printed before the change does not undo it unasked. Without the generation it brings all of it
	// back.
	file := filepath.Join(t.TempDir(), "spec.yaml")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	stale := s.cli("cert", "ensure", s.name, "--spec", file)
	stale.exits(t, 1)
	require.Contains(t, stale.stderr, "(Spec/GenerationConflict)")
	text, _, _ = strings.Cut(text, "expectedGeneration")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	back := status(t, s.must("cert", "ensure", s.name, "--spec", file, "--output", "json"))
	require.Equal(t, grown.Spec, back.Spec)
	require.EqualValues(t, 4, back.Generation)
	s.eventually("the delivery", delivered)
	r := s.cli("cert", "change", unknown, "--name", "a.example.test")
	r.exits(t, 1)
	require.Contains(t, r.stderr, "(Spec/UnknownCertificate)")
}

// Changes that are made at the same time are all made, whichever comes first; so are first requests.
func TestConcurrentChangesLoseNothing(t *testing.T) {
	t.Parallel()
	s := newStackWith(t, ninetyDays, steady)
	s.worker()
	const changes = 6
	answers := make(chan result, changes)
	for i := range changes {
		go func() {
			answers <- s.cli("cert", "ensure", s.name, "--name", fmt.Sprintf("n%d.example.test", i), "--timeout",
				"170s")
		}()
	}
	for range changes {
		(<-answers).exits(t, 0)
	}
	now := status(t, s.must("cert", "status", s.name, "--output", "json"))
	require.Len(t, now.Spec.Names, changes)
	require.EqualValues(t, changes, now.Generation)
	require.ElementsMatch(t, now.Spec.Names, now.Issued.Names)
	require.Equal(t, changes, s.scalar(`SELECT count(*) FROM events WHERE type IN ('created', 'changed')`))
}

// A file of certificates: planned, carried out, interrupted, gone on with, changed, and pruned.
func TestApply(t *testing.T) {
	t.Parallel()
	s := newStackWith(t, ninetyDays, steady)
	s.wholeLife()
	s.worker()
	file := filepath.Join(t.TempDir(), "fleet.yaml")
	write := func(text string) {
		require.NoError(t, os.WriteFile(file,
			fmt.Appendf(nil, "fleet: %s\ndefaults: {issuers: [default]}\ncertificates:\n%s", s.name, text), 0o600))
	}
	apply := func(args ...string) result { return s.cli(append([]string{"apply", "-f", file}, args...)...) }
	type plan struct {
		Certificates []struct {
			Name, Action string
			Issues, Done bool
			Changes      []string
		}
	}
	planned := func(r result) (actions map[string]string) {
		r.exits(t, 0)
		var p plan
		require.NoError(t, json.Unmarshal([]byte(r.stdout), &p), r.stdout)
		actions = map[string]string{}
		for _, c := range p.Certificates {
			actions[c.Name] = c.Action
		}
		return actions
	}
	names := []string{s.name + "-a", s.name + "-b", s.name + "-c"}
	line := func(i int, more string) string {
		return fmt.Sprintf("  %s: {names: [%c.example.test]%s}\n", names[i], 'a'+i, more)
	}
	all := line(0, "") + line(1, "") + line(2, "")
	write(all)
	require.Equal(t, map[string]string{names[0]: "create", names[1]: "create", names[2]: "create"},
		planned(apply("--dry-run", "-o", "json")))
	require.Zero(t, s.scalar(`SELECT count(*) FROM certificates`), "a plan starts nothing")

	// It is killed while the first is at work, and the others are not begun.
	g := newGate()
	held := s.proxy.on(&rule{path: pathFinalize, left: -1, gate: g})
	killed := exec.Command(binary, "apply", "-f", file, "--parallel", "1")
	killed.Env, killed.SysProcAttr = s.env, dieWithParent()
	start(t, killed)
	s.eventually("the first to be at work", func() bool { return g.waiting.Load() > 0 })
	require.NoError(t, killed.Process.Kill())
	_ = killed.Wait()
	s.proxy.off(held)
	g.open()
	s.eventually("the first to go on by itself", func() bool { return s.issued(names[0]) == 1 })
	require.Equal(t, 1, s.scalar(`SELECT count(*) FROM certificates`))
	r := apply()
	r.exits(t, 0)
	require.Contains(t, r.stdout, "2 create, 1 unchanged")
	require.Contains(t, r.stderr, "all 3 certificates are as the file says")
	for _, name := range names {
		require.Equal(t, 1, s.issued(name), "once each")
	}
	require.Equal(t, map[string]string{names[0]: "unchanged", names[1]: "unchanged", names[2]: "unchanged"},
		planned(apply("--dry-run", "-o", "json")))

	// One changes, one is not listed any more, and one that is not the fleet's is left alone.
	s.must("cert", "ensure", s.name+"-other", "--name", "other.example.test")
	write(line(0, "") + line(1, ", deliveries: [disk]"))
	r = apply("--prune", "--dry-run")
	r.exits(t, 0)
	require.Contains(t, r.stdout, "deliveries: added disk")
	require.Contains(t, r.stdout, "1 change, 1 unchanged, 1 retire; 0 to be issued")
	planned(apply("--prune", "-o", "json"))
	now := status(t, s.must("cert", "status", names[1], "--output", "json"))
	require.Equal(t, []string{"disk"}, now.Spec.Deliveries)
	require.Equal(t, s.name, now.Spec.Fleet)
	released := func() int { return s.scalar(`SELECT count(*) FROM certificates WHERE released_at IS NOT NULL`) }
	require.Equal(t, 1, released())
	require.Equal(t, 1, s.scalar(`SELECT count(*) FROM certificates WHERE name = $1 AND released_at IS NOT NULL`,
		names[2]))

	// A file that was cut off retires nothing, and one that fails neither.
	write("  " + s.name + "-new: {names: [new.example.test]}\n")
	r = apply("--prune")
	r.exits(t, 1)
	require.Contains(t, r.stdout, "2 retire")
	require.Contains(t, r.stderr, "more than half of the fleet")
	write("  " + s.name + "-new: {names: [" + blockedName + "]}\n")
	r = apply("--prune", "--prune-all")
	r.exits(t, 1)
	require.Contains(t, r.stderr, "1 of 3 certificates failed. Of the 2 to retire, 0 were retired.")
	require.Equal(t, 1, released())
	// What is retired is taken up again, with all that the file says.
	write(all)
	require.Equal(t, "resume", planned(apply("-o", "json"))[names[2]])
	require.Equal(t, domain.PhaseReady, status(t, s.must("cert", "status", names[2], "--output", "json")).Phase)
}
