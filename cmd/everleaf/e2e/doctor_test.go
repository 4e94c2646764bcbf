package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"everleaf/adapters/dns01/dns01test"
	"everleaf/adapters/postgres/postgrestest"
	"everleaf/app"
)

// doctor looks with these flags, and answers with what was found by its subject.
func (s *stack) doctor(code int, flags ...string) (found map[string]app.Finding, text string) {
	s.t.Helper()
	r := s.cli(append([]string{"doctor", "-o", "json"}, flags...)...)
	r.exits(s.t, code)
	var all []app.Finding
	require.NoError(s.t, json.Unmarshal([]byte(r.stdout), &all), r.stdout)
	found = map[string]app.Finding{}
	for _, finding := range all {
		found[finding.Subject] = finding
	}
	return found, r.stdout
}

// Each dependency is looked at on its own; nothing is left behind, and what is wrong is named with what to do.
func TestDoctor(t *testing.T) {
	t.Parallel()
	server := dns01test.Start(t, "acme.test")
	s, directory := withDNS(t, server, "acme.test")
	found, text := s.doctor(0)
	queue := "task queue " + s.queue
	require.Equal(t, app.VerdictWarn, found[queue].Verdict, text)
	require.Contains(t, found[queue].Detail, "no worker process runs yet: start one with the role workflows")
	require.Contains(t, found["issuer default"].Detail, "no account is registered yet")
	require.Zero(t, s.scalar(`SELECT count(*) FROM accounts`), "and none is made")

	s.run()
	s.must("cert", "ensure", s.name, "--name", "doctor.acme.test", "--challenge", "dns-01")
	found, text = s.doctor(0, "--responder-name", s.http01)
	for subject, says := range map[string]string{
		"postgres": "version ", "postgres rights": "may read and write", "postgres clock": "apart from this host's",
		"temporal":                   "answers for namespace",
		"temporal search attributes": "knows them", queue: "a worker polled it", queue +
			"-authorization": "a worker polled it", queue + "-delivery": "a worker polled it",
		queue + "-nexus": "a worker polled it", "sealing key": "it opens the newest private key",
		"issuer default":     "is valid; its clock is",
		"DNS zone acme.test": "a TXT record could be written, and removed again", "target files": directory +
			" can be written",
		"responder":    "is answered by a responder on this database",
		"processes":    "1 of them run on this database",
		"certificates": "running processes have each issuer and target",
	} {
		require.Equal(t, app.VerdictOK, found[subject].Verdict, "%s: %s", subject, text)
		require.Contains(t, found[subject].Detail, says, subject)
	}
	require.Len(t, found, 16, text)
	require.Zero(t, s.scalar(`SELECT count(*) FROM http_tokens`))
	require.Equal(t, 1, s.scalar(`SELECT count(*) FROM accounts`))
	entries, err := os.ReadDir(directory)
	require.NoError(t, err)
	require.Empty(t, entries)

	// All that is wrong is found at once.
	inTheWay := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(inTheWay, nil, 0o600))
	config := filepath.Join(t.TempDir(), "everleaf.yaml")
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, `
issuers: [{name: default, directory: "https://127.0.0.1:1/dir"}]
targets:
- {name: box, exec: {command: [/nowhere/update]}}
- {name: files, directory: {path: "%s/{name}"}}
- {name: hook, webhook: {url: "https://127.0.0.1:1/x", secret: "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz", key: none}}
dns: [{zone: acme.test, rfc2136: {server: %q, tsig: {name: %s, secret: "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"}}}]
`, inTheWay, server.Addr, server.Key.Name), 0o600))
	s.set("EVERLEAF_CONFIG", config)
	found, text = s.doctor(1, "--responder-name", "127.0.0.1:1", "--task-queue", s.queue+"-wrong", "--sealing-key",
		s.sealingKey())
	for subject, says := range map[string]string{
		queue + "-wrong":     "nobody polls it, so that its work waits: start a worker with the role workflows on this queue, or correct --task-queue",
		"sealing key":        "--sealing-key (EVERLEAF_SEALING_KEY) names another key",
		"issuer default":     "connection refused",
		"DNS zone acme.test": "refuses the TSIG key", "target files": "is no directory: correct directory.path",
		"target box":  `exec.command[0] "/nowhere/update": no program that this user may run is there`,
		"target hook": "https://127.0.0.1:1 does not shake hands",
		"responder":   "is not answered by a responder on this database: lead port 80",
	} {
		require.Equal(t, app.VerdictFail, found[subject].Verdict, "%s: %s", subject, text)
		require.Contains(t, found[subject].Detail, says, subject)
	}
	require.Equal(t, app.VerdictOK, found["postgres"].Verdict)
	found, _ = s.doctor(1)
	require.Equal(t, app.VerdictWarn, found["processes"].Verdict, "what runs has another file")
	require.Contains(t, found["processes"].Detail, `issuer default: directory is `)
	require.Contains(t, found["processes"].Detail, `"https://127.0.0.1:1/dir" at these settings`)

	found, text = s.doctor(1, "--postgres-url", "postgres://127.0.0.1:1/db")
	require.Equal(t, app.VerdictFail, found["postgres"].Verdict, text)
	require.Equal(t, app.VerdictWarn, found["postgres rights"].Verdict)
	require.Equal(t, app.VerdictFail, found["target files"].Verdict, "what needs no database is looked at")
}

// A database that nobody has migrated is one finding, with the command.
func TestDoctorWithoutTables(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	found, text := s.doctor(1, "--postgres-url", postgrestest.Empty(t))
	require.Equal(t, app.Finding{Verdict: app.VerdictFail, Subject: "postgres",
		Detail: "the database has none of Everleaf's tables yet: run `everleaf migrate`, which makes them"},
		found["postgres"], text)
	for _, subject := range []string{"postgres rights", "sealing key", "issuer default", "processes"} {
		require.Equal(t, app.VerdictWarn, found[subject].Verdict, "%s: %s", subject, text)
		require.Contains(t, found[subject].Detail,
			"not looked at, for the database's tables are not those of this build")
	}
}

// A user without rights is one finding, with the statements that give them.
func TestDoctorWithoutRights(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	database := s.pool.Config().ConnString()
	role := "doctor_" + strings.ReplaceAll(uuid.NewString(), "-", "_")
	_, err := s.pool.Exec(t.Context(), `CREATE ROLE `+role+` LOGIN`)
	require.NoError(t, err)
	t.Cleanup(func() {
		if admin, err := pgx.Connect(context.Background(), database); err == nil {
			_, _ = admin.Exec(context.Background(), `DROP ROLE `+role)
		}
	})
	limited, err := url.Parse(database)
	require.NoError(t, err)
	limited.User = url.User(role)
	found, text := s.doctor(1, "--postgres-url", limited.String())
	require.Equal(t, app.VerdictFail, found["postgres rights"].Verdict, text)
	require.Contains(t, found["postgres rights"].Detail, `GRANT SELECT ON everleaf_schema TO "`+role+`"`)
	require.Equal(t, app.VerdictFail, found["postgres"].Verdict, text)
	require.Contains(t, found["postgres"].Detail, "lacks a right")
	for _, subject := range []string{"postgres clock", "sealing key", "issuer default", "processes"} {
		require.Equal(t, app.VerdictWarn, found[subject].Verdict, "%s: %s", subject, text)
		require.Contains(t, found[subject].Detail,
			"not looked at, for the database's user lacks rights: correct that first")
	}
}

// The responder is looked for as the check of http-01 does: at a name that its resolver alone knows.
func TestDoctorAsksTheResolverOfTheCheck(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.worker()
	_, port, err := net.SplitHostPort(s.http01)
	require.NoError(t, err)
	found, text := s.doctor(0, "--responder-name", "nobody-else-knows.example.test:"+port)
	require.Equal(t, app.VerdictOK, found["responder"].Verdict, text)
	s.set("EVERLEAF_HTTP01_CHECK_RESOLVER", "")
	found, text = s.doctor(1, "--responder-name", "nobody-else-knows.example.test:"+port)
	require.Contains(t, found["responder"].Detail, "nobody-else-knows.example.test", text)
	require.Equal(t, app.VerdictFail, found["responder"].Verdict, text)
}
