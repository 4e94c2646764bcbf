package e2e

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"everleaf/adapters/postgres/postgrestest"
	"everleaf/ports"
)

// A worker that cannot work does not start: within a bound, it exits non-zero with one line that says what and where.
func TestWorkerRefusesToStart(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.worker().stop() // leaves a sealed check behind
	s.set("EVERLEAF_START_TIMEOUT", "3s")
	other := filepath.Join(t.TempDir(), "other.key")
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	require.NoError(t, os.WriteFile(other, []byte(base64.StdEncoding.EncodeToString(key)), 0o600))
	malformed := filepath.Join(t.TempDir(), "malformed.key")
	require.NoError(t, os.WriteFile(malformed, []byte("not a key"), 0o600))
	for _, c := range []struct {
		name, setting, value, says string
		code                       int
	}{
		{"another sealing key", "EVERLEAF_SEALING_KEY", "file://" + other, "SealingKeyWrong", 1},
		{"a malformed sealing key", "EVERLEAF_SEALING_KEY", "file://" + malformed, "SealingKeyMalformed", 2},
		{"a database without a schema", "EVERLEAF_POSTGRES_URL", postgrestest.Empty(t), "SchemaTooOld", 1},
		{"Postgres out of reach", "EVERLEAF_POSTGRES_URL", "postgres://u:hunter2@127.0.0.1:1/d", "127.0.0.1:1", 1},
		{"Temporal out of reach", "TEMPORAL_ADDRESS", "127.0.0.1:1", "127.0.0.1:1", 1},
	} {
		before := s.env
		s.set(c.setting, c.value)
		r := s.cli("worker")
		r.exits(t, c.code)
		require.Contains(t, r.stderr, c.says, c.name)
		require.NotContains(t, r.stderr, "hunter2", c.name)
		s.env = before
	}
	_, err := s.pool.Exec(context.Background(),
		`INSERT INTO everleaf_schema (version_id, is_applied) VALUES (99999, true)`)
	require.NoError(t, err)
	w := s.worker() // a newer release is being rolled out: this one may restart meanwhile
	w.stop()
	_, err = s.pool.Exec(context.Background(), `UPDATE everleaf_compatibility SET min_version = 99999`)
	require.NoError(t, err)
	r := s.cli("worker")
	r.exits(t, 1)
	require.Contains(t, r.stderr, "SchemaTooNew")
}

// The issuer's directory changes under an order in flight, as from staging to production: the order is lost there, and
// a new one is placed here.
func TestChangedDirectoryGivesTheOldOrderUp(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.proxy.on(&rule{path: pathFinalize, left: -1, instead: problem(403, "rejectedIdentifier", "not today")})
	first := s.worker()
	s.cli("cert", "ensure", s.name, "--name", "moved.example.test").exits(t, 1)
	first.stop()
	// The same CA at another address is another directory, with another account.
	s.set("EVERLEAF_ACME_DIRECTORY", s.ca.Directory)
	s.set("EVERLEAF_ACME_CA_BUNDLE", s.ca.CABundle)
	s.worker()
	require.NotNil(t, status(t, s.must("cert", "renew", s.name, "--output", "json")).Issued)
	require.Equal(t, 1, s.scalar(`SELECT count(*) FROM orders WHERE state = 'abandoned'`))
}

// Cancelling the workflow is how to stop keeping a certificate: it ends, asleep or at work, and leaves nothing behind.
func TestCancelEndsTheWorkflow(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.worker()
	asleep, atWork := s.name+"-asleep", s.name+"-at-work"
	s.must("cert", "ensure", asleep, "--name", "asleep.example.test")
	h := newHold()
	s.proxy.on(&rule{path: pathChallenge, left: 1, after: h})
	working := make(chan result, 1)
	go func() {
		working <- s.cli("cert", "ensure", atWork, "--name", "working.example.test", "--timeout", "60s")
	}()
	s.reached(h)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, name := range []string{asleep, atWork} {
		require.NoError(t, s.temporal.CancelWorkflow(ctx, ports.WorkflowID(name), ""))
		require.Error(t, s.temporal.GetWorkflow(ctx, ports.WorkflowID(name), "").Get(ctx, nil))
		described, err := s.temporal.DescribeWorkflow(ctx, ports.WorkflowID(name), "")
		require.NoError(t, err)
		require.Equal(t, enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED, described.Status, name)
	}
	s.proxy.freeAll()
	<-working
	require.Equal(t, 0, s.scalar(`SELECT count(*) FROM http_tokens`), "tokens left in Postgres")
	require.Equal(t, 2, s.scalar(`SELECT count(*) FROM everleaf_certificates WHERE released_at IS NOT NULL`),
		"they count no more")
	require.Contains(t, s.must("cert", "list", "--all").stdout, "Released")
	require.NotNil(t, status(t, s.must("cert", "ensure", asleep, "--name", "asleep.example.test", "--output",
		"json")).Issued, "started again")
}
