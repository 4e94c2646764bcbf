package e2e

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"everleaf/adapters/postgres/postgrestest"
	"everleaf/domain"
	"everleaf/ports"
)

// recoveryPage is followed to the letter where it has lines for a shell or a command for Temporal.
const recoveryPage = "../docs/recovery.md"

func TestRecoveryFromAnOlderDatabase(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.ownNamespace()
	w := s.worker()
	before, retired, later, changed := s.name+"-before", s.name+"-retired", s.name+"-later", s.name+"-changed"
	first := s.inService("ensure", before, "--name", "before.example.test")
	kept := s.inService("ensure", retired, "--name", "retired.example.test")
	s.must("cert", "ensure", changed, "--name", "changed.example.test")
	w.stop()
	s.pool.Reset()
	backup := postgrestest.Copy(t, s.setting("EVERLEAF_POSTGRES_URL"))

	w = s.worker()
	second := s.inService("renew", before)
	lost := s.inService("ensure", later, "--name", "later.example.test")
	s.must("cert", "retire", retired)
	change := []string{"ensure", changed, "--name", "changed.example.test", "--name", "added.example.test"}
	require.Len(t, s.inService(change...).Names, 2)
	require.NotEqual(t, first.Version, second.Version)
	w.stop()

	s.use(backup)
	s.worker()
	require.Equal(t, second.Version, s.inService("status", before).Version, "it does not know yet")
	signal := commandsOf(t, recoveryPage, "temporal workflow signal ")
	require.Len(t, signal, 1)
	out, err := s.shell("echo y | " + signal[0])
	require.NoError(t, err, out)
	s.eventually("the stored certificate", func() bool {
		return s.inService("status",
			before).Version == first.Version
	})
	s.eventually("the lost one, once more", func() bool {
		now := s.inService("status", later)
		return now != nil && now.Version != lost.Version
	})
	require.Len(t, s.inService("status", changed).Names, 1)
	require.Len(t, s.inService(change...).Names, 2, "asked for again")
	require.Equal(t, 1, s.issued(before), "none was ordered for it")
	require.Equal(t, 1, s.issued(later))

	unkept := s.cli("cert", "status", retired)
	unkept.exits(t, 1)
	require.Contains(t, unkept.stdout, "NoWorkflow")
	released := func() int {
		return s.scalar(`SELECT count(*) FROM certificates WHERE released_at IS NOT NULL`)
	}
	require.Equal(t, 0, released(), "listed as kept")
	alone := s.cli("cert", "retire", retired)
	alone.exits(t, 1)
	advice := "run `everleaf cert ensure " + retired + "`, and then `everleaf cert retire " + retired + "` again"
	require.Contains(t, alone.stderr, advice)
	require.Equal(t, kept.Version, s.inService("ensure", retired, "--name", "retired.example.test").Version)
	require.Contains(t, s.must("cert", "retire", retired).stdout, "Released")
	require.Equal(t, 1, released())
	require.Contains(t, s.must("cert", "retire", retired).stdout, "already before")
}

func TestRecoveryFromALostSealingKey(t *testing.T) {
	t.Parallel()
	s := newStackWith(t, ninetyDays, steady)
	w := s.worker()
	rotating, keeping, atWork := s.name+"-rotating", s.name+"-keeping", s.name+"-at-work"
	s.must("cert", "ensure", rotating, "--name", "rotating.example.test")
	s.must("cert", "ensure", keeping, "--name", "keeping.example.test", "--key-rotation", "Never")
	finish, answer := s.attempt(atWork)
	w.kill()

	s.sealing = filepath.Join(t.TempDir(), "sealing.key")
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	require.NoError(t, os.WriteFile(s.sealing, []byte(base64.StdEncoding.EncodeToString(key)+"\n"), 0o600))
	s.set("EVERLEAF_SEALING_KEY", "file://"+s.sealing)
	refused := s.cli("worker")
	refused.exits(t, 1)
	require.Contains(t, refused.stderr, string(domain.ReasonSealingKeyWrong))

	early := s.cli("forget-lost", "--yes")
	early.exits(t, 1)
	require.Contains(t, early.stderr, string(domain.ReasonSealingKeyWrong), "the worker may run")
	_, err := s.pool.Exec(t.Context(), `UPDATE processes SET seen_at = seen_at - interval '2 minutes'`)
	require.NoError(t, err)
	for _, yes := range [][]string{nil, nil, {"--yes"}} { // without it, nothing is changed
		said := s.must(append([]string{"forget-lost"}, yes...)...).stdout
		require.Contains(t, said, "private keys: 3, accounts: 1, orders at work: 1\naccount of issuer default\n"+
			"certificate "+keeping+"\ncertificate "+rotating+"\n")
		require.Equal(t, yes != nil, strings.Contains(said, "forgotten: start the workers"))
	}
	require.Contains(t, s.must("forget-lost", "--yes").stdout, "nothing stored is lost")

	finish()
	s.worker()
	forgotten := s.cli("cert", "export", rotating, "--dir", t.TempDir())
	forgotten.exits(t, 1)
	require.Contains(t, forgotten.stderr, "the key was forgotten, since its sealing key was lost: `everleaf cert renew "+rotating+
		"` makes a new one")
	require.Contains(t, s.must("cert", "explain", rotating).stdout, "The private key was not taken out by ")
	s.must("cert", "renew", rotating)
	s.must("cert", "renew", keeping)
	(<-answer).exits(t, 0)
	for _, name := range []string{rotating, keeping, atWork} {
		s.must("cert", "export", name, "--dir", filepath.Join(t.TempDir(), "tls"))
	}
	require.Equal(t, 1, s.scalar(`SELECT count(*) FROM accounts`))
}

func TestRecoveryFromADamagedSecret(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	w := s.worker()
	s.must("cert", "ensure", s.name, "--name", "damaged.example.test")
	w.stop()
	for _, statement := range []string{
		`UPDATE keys SET sealed = set_byte(sealed, 40, 255 - get_byte(sealed, 40))`,
		`UPDATE accounts SET sealed_key = set_byte(sealed_key, 40, 255 - get_byte(sealed_key, 40))`,
	} {
		_, err := s.pool.Exec(t.Context(), statement)
		require.NoError(t, err)
	}
	s.worker()
	for _, command := range [][]string{{"export", s.name, "--dir", t.TempDir()}, {"renew", s.name}} {
		r := s.cli(append([]string{"cert"}, command...)...)
		r.exits(t, 1)
		require.Contains(t, r.stderr, string(domain.ReasonSecretDamaged))
	}
	_, err := s.pool.Exec(t.Context(), `DELETE FROM accounts`)
	require.NoError(t, err)
	s.must("cert", "renew", s.name)
	s.export()
}

func TestRecoveryFromALostNamespace(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.ownNamespace()
	program, disk := s.clearing()
	w := s.worker()
	kept, retired, clearing := s.name+"-kept", s.name+"-retired", s.name+"-clearing"
	before := s.inService("ensure", kept, "--name", "kept.example.test", "--key-type", "ecdsa-p384")
	s.must("cert", "ensure", retired, "--name", "retired.example.test")
	s.must("cert", "retire", retired)
	s.must("cert", "ensure", clearing, "--name", "clearing.example.test", "--deliver", "disk")
	key := filepath.Join(disk, clearing, "tls.key")
	s.eventually("the delivery", func() bool { _, err := os.Stat(key); return err == nil })
	s.cli("cert", "retire", clearing, "--remove-deliveries").exits(t, 1) // the target's command is not there
	w.stop()
	require.NoError(t, os.RemoveAll(filepath.Join(disk, clearing))) // what is delivered from here on shows

	namespace := s.name + "-2"
	s.temporal = s.namespace(namespace)
	s.set("TEMPORAL_NAMESPACE", namespace)
	s.must("migrate")
	s.worker()
	startAll, missing := s.script(0), s.script(1)
	startAll()
	require.Equal(t, before, s.inService("status", kept))
	require.Equal(t, 3, s.scalar(`SELECT count(*) FROM orders`))
	require.Contains(t, s.must("cert", "status", retired).stdout, "Released")
	require.Contains(t, s.must("cert", "list", "--state", "Retiring").stdout, clearing)
	s.eventually("the workflow in visibility", func() bool { return missing() == "" })

	// A workflow that is terminated cannot record that it ends.
	require.NoError(t, s.temporal.TerminateWorkflow(t.Context(), ports.WorkflowID(kept), "", "lost"))
	s.eventually("the end in visibility", func() bool { return missing() == ports.WorkflowID(kept)+"\n" })
	startAll()
	require.Equal(t, before, s.inService("status", kept))

	require.NoFileExists(t, key, "nobody has delivered it again")
	require.NoError(t, os.WriteFile(program, []byte("#!/bin/sh\n"), 0o700))
	require.Contains(t, s.must("cert", "retire", clearing, "--remove-deliveries").stdout, "Released")
	require.NotContains(t, s.must("cert", "list", "--state", "Retiring").stdout, clearing)
}

// clearing configures the target disk, a directory that cannot be cleared before the program is there.
func (s *stack) clearing() (program, disk string) {
	s.t.Helper()
	dir := s.t.TempDir()
	program, disk = filepath.Join(dir, "cleared"), filepath.Join(dir, "disk")
	require.NoError(s.t, os.Mkdir(disk, 0o700))
	config := filepath.Join(dir, "everleaf.yaml")
	require.NoError(s.t, os.WriteFile(config, fmt.Appendf(nil, `
issuers:
- {name: default, directory: %q, caBundle: %q, email: ops@example.com}
targets:
- {name: disk, directory: {path: "%s/{name}", command: ["true"], removeCommand: [%q]}}
`, s.proxy.Directory, s.proxy.CABundle, disk, program), 0o600))
	s.set("EVERLEAF_CONFIG", config)
	for _, instead := range []string{"EVERLEAF_ACME_DIRECTORY", "EVERLEAF_ACME_CA_BUNDLE", "EVERLEAF_ACME_EMAIL"} {
		s.set(instead, "")
	}
	return program, disk
}

// script runs one of the page's scripts, in a folder of its own, and returns what it prints.
func (s *stack) script(n int) func() string {
	s.t.Helper()
	page, err := os.ReadFile(recoveryPage)
	require.NoError(s.t, err)
	all := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	require.Len(s.t, all, 2)
	dir := s.t.TempDir()
	return func() string {
		out, err := s.shell("cd " + dir + "\n" + all[n][1])
		require.NoError(s.t, err, out)
		return out
	}
}

// inService runs a command and returns the certificate in service, nil if there is none.
func (s *stack) inService(command ...string) *domain.Issued {
	s.t.Helper()
	return status(s.t, s.must(append(append([]string{"cert"}, command...), "--output", "json")...)).Issued
}

// use has workers and the test use another database.
func (s *stack) use(url string) {
	s.t.Helper()
	s.set("EVERLEAF_POSTGRES_URL", url)
	pool, err := pgxpool.New(context.Background(), url)
	require.NoError(s.t, err)
	s.t.Cleanup(pool.Close)
	s.pool = pool
}
