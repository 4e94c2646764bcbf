package postgres_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	neturl "net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"everleaf/adapters/postgres"
	"everleaf/adapters/postgres/postgrestest"
	"everleaf/domain"
	"everleaf/migrations"
)

const password = "hunter2/with:odd@signs"

func TestOpenNamesTheAddressAndNeverThePassword(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts and never answers
	require.NoError(t, err)
	defer func() { _ = silent.Close() }()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, closed.Close())

	const escaped = "hunter2%2Fwith%3Aodd%40signs"
	for _, c := range []struct{ url, reason, says string }{
		{"postgres://me:" + escaped + "@" + closed.Addr().String() + "/leaves", "DatabaseUnreachable",
			closed.Addr().String() + "/leaves"},
		{"postgres://me:" + escaped + "@" + silent.Addr().String() + "/leaves", "DatabaseUnreachable",
			silent.Addr().String() + "/leaves"},
		{"host=127.0.0.1 port=1 password='" + password + "' dbname=leaves", "DatabaseUnreachable",
			"127.0.0.1:1/leaves"},
		{"postgres://me:" + password + "@db:5432/leaves", "PostgresURLMalformed", "percent-encoded"},
		{"postgres://me:" + escaped + "@db:port/leaves", "PostgresURLMalformed", "want postgres://"},
		{"me:" + password + "@db", "PostgresURLMalformed", "want postgres://"},
		{"postgres://u:p@hunter2@db.example/x", "PostgresURLMalformed", "percent-encoded"},
		{"postgres://u:p@hunter2@db.example/x?sslmode=verify-full", "PostgresURLMalformed", "percent-encoded"},
		{"user=everleaf host= password=hunter2 dbname=x", "PostgresURLMalformed", "percent-encoded"},
		{"postgres://user:12/hunter2@db/x?sslmode=verify-full", "PostgresURLMalformed", "percent-encoded"},
		{"postgres://u:p@@hunter2/x", "PostgresURLMalformed", "percent-encoded"},
		{"postgres://me:" + escaped + "@db/x?sslmode=verify-full&sslrootcert=/no/such/ca.pem", "PostgresURLMalformed",
			"/no/such/ca.pem"},
		{"postgres://me:" + escaped + "@db/x?sslmode=perhaps", "PostgresURLMalformed", "want postgres://"},
		{" ", "PostgresURLMalformed", "is empty"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 600*time.Millisecond)
		began := time.Now()
		_, err := postgres.Open(ctx, postgres.Config{URL: c.url})
		cancel()
		requireFault(t, err, domain.FaultOperator, c.reason)
		require.Less(t, time.Since(began), 5*time.Second)
		require.ErrorContains(t, err, c.says)
		require.ErrorContains(t, err, "postgres-url")
		require.NotContains(t, err.Error(), "hunter2")
		require.NotContains(t, err.Error(), "odd@signs")
		if c.reason == "DatabaseUnreachable" {
			require.ErrorIs(t, err, context.DeadlineExceeded)
		}
	}
}

func TestOpenDoesNotWaitForAServerThatSaysNo(t *testing.T) {
	_, url := postgrestest.New(t)
	config, err := pgxpool.ParseConfig(url)
	require.NoError(t, err)
	address := net.JoinHostPort(config.ConnConfig.Host, "") // the port differs from machine to machine
	_, err = postgres.Open(t.Context(), postgres.Config{URL: with(t, url, "dbname", "no_such_leaves")})
	requireFault(t, err, domain.FaultOperator, "DatabaseRefused")
	require.ErrorContains(t, err, "/no_such_leaves")
	require.ErrorContains(t, err, address)
}

func TestOpenWaitsForAServerThatComesLate(t *testing.T) {
	_, url := postgrestest.New(t)
	config, err := pgxpool.ParseConfig(url)
	require.NoError(t, err)
	front, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = front.Close() }()
	server := net.JoinHostPort(config.ConnConfig.Host, itoa(config.ConnConfig.Port))
	go relay(front, server, 3) // the first three connections are cut

	host, port, err := net.SplitHostPort(front.Addr().String())
	require.NoError(t, err)
	pool, err := postgres.Open(t.Context(), postgres.Config{URL: with(t, with(t, url, "host", host), "port", port)})
	require.NoError(t, err)
	defer pool.Close()
	require.NoError(t, postgres.CheckSchema(t.Context(), pool))
}

func TestReadinessNamesTheServerThatIsAway(t *testing.T) {
	_, url := postgrestest.New(t)
	config, err := pgxpool.ParseConfig(url)
	require.NoError(t, err)
	front, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go relay(front, net.JoinHostPort(config.ConnConfig.Host, itoa(config.ConnConfig.Port)), 0)
	host, port, err := net.SplitHostPort(front.Addr().String())
	require.NoError(t, err)
	pool, err := postgres.Open(t.Context(), postgres.Config{URL: with(t, with(t, url, "host", host), "port", port)})
	require.NoError(t, err)
	defer pool.Close()
	_, err = postgres.Readiness(t.Context(), pool)
	require.NoError(t, err)

	require.NoError(t, front.Close())
	pool.Reset()
	_, err = postgres.Readiness(t.Context(), pool)
	fault := requireFault(t, err, domain.FaultWait, "DatabaseUnavailable")
	require.Equal(t, "Postgres at "+front.Addr().String()+"/"+config.ConnConfig.Database+
		" does not answer: start it, or correct --postgres-url (EVERLEAF_POSTGRES_URL)", fault.Message)
	late, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	_, err = postgres.Readiness(late, pool)
	require.ErrorContains(t, err, "does not answer: start it")
}

func TestMigrateFromManyReplicas(t *testing.T) {
	url := postgrestest.Empty(t)
	pool, err := postgres.Open(t.Context(), postgres.Config{URL: url})
	require.NoError(t, err)
	defer pool.Close()
	fault := requireFault(t, postgres.CheckSchema(t.Context(), pool), domain.FaultOperator, "SchemaTooOld")
	require.Contains(t, fault.Message, "has none of Everleaf's tables yet: run `everleaf migrate`")

	var wg sync.WaitGroup
	errs, reached := make([]error, 4), make([]int64, 4)
	for i := range errs {
		wg.Go(func() { _, reached[i], errs[i] = postgres.Migrate(t.Context(), postgres.Config{URL: url}) })
	}
	wg.Wait()
	for i := range errs {
		require.NoError(t, errs[i])
		require.Equal(t, migrations.Version(), reached[i])
	}
	require.NoError(t, postgres.CheckSchema(t.Context(), pool))
	from, to, err := postgres.Migrate(t.Context(), postgres.Config{URL: url})
	require.NoError(t, err)
	require.Equal(t, []int64{migrations.Version(), migrations.Version()}, []int64{from, to}, "nothing to do")
}

func TestANewerSchemaIsLeftAlone(t *testing.T) {
	pool, url := postgrestest.New(t)
	_, err := pool.Exec(t.Context(), `INSERT INTO everleaf_schema (version_id, is_applied) VALUES (99, true)`)
	require.NoError(t, err)
	require.NoError(t, postgres.CheckSchema(t.Context(), pool), "releases are rolled out side by side")
	_, err = pool.Exec(t.Context(), `UPDATE everleaf_compatibility SET min_version = $1`, migrations.Version()+1)
	require.NoError(t, err)
	fault := requireFault(t, postgres.CheckSchema(t.Context(), pool), domain.FaultOperator, "SchemaTooNew")
	require.Contains(t, fault.Message, "version 99")
	_, _, err = postgres.Migrate(t.Context(), postgres.Config{URL: url})
	requireFault(t, err, domain.FaultOperator, "SchemaTooNew")
}

func TestAFailedMigrationSaysWhichAndLeavesNothing(t *testing.T) {
	url := postgrestest.Empty(t)
	pool, err := postgres.Open(t.Context(), postgres.Config{URL: url})
	require.NoError(t, err)
	defer pool.Close()
	_, err = pool.Exec(t.Context(), `CREATE TABLE sealing_check ()`) // in the way of the last table
	require.NoError(t, err)
	_, _, err = postgres.Migrate(t.Context(), postgres.Config{URL: url})
	requireFault(t, err, domain.FaultOperator, "MigrationFailed")
	require.ErrorContains(t, err, "migration 1 failed")
	var left bool
	require.NoError(t, pool.QueryRow(t.Context(), `SELECT to_regclass('certificates') IS NOT NULL`).Scan(&left))
	require.False(t, left)
}

func TestCheckSealing(t *testing.T) {
	pool, _ := postgrestest.New(t)
	for range 2 {
		require.NoError(t, postgres.CheckSealing(t.Context(), pool, plainSealer("right")))
	}
	err := postgres.CheckSealing(t.Context(), pool, plainSealer("wrong"))
	require.Contains(t, requireFault(t, err, domain.FaultOperator, "SealingKeyWrong").Message, "sealing-key")

	away := domain.NewFault(domain.FaultWait, "SealingUnavailable", nil, "away")
	err = postgres.CheckSealing(t.Context(), pool, failingSealer{away})
	requireFault(t, err, domain.FaultWait, "SealingUnavailable")
}

func TestCheckSealingFromManyReplicasWithTwoKeys(t *testing.T) {
	pool, _ := postgrestest.New(t)
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Go(func() { errs[i] = postgres.CheckSealing(t.Context(), pool, plainSealer([]string{"one", "two"}[i%2])) })
	}
	wg.Wait()
	for i := range errs {
		require.Equal(t, errs[i%2] == nil, errs[i] == nil, "replicas with one key agree")
	}
	require.NotEqual(t, errs[0] == nil, errs[1] == nil, "one key is right")
}

func TestADatabaseThatGoesAwayIsWaitedFor(t *testing.T) {
	s := newStore(t)
	_, err := s.pool.Exec(t.Context(), `SELECT pg_terminate_backend(pg_backend_pid())`)
	require.Error(t, err)
	_, err = s.Record(t.Context(), "nobody")
	require.NoError(t, err) // the pool has replaced the connection

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = s.Record(ctx, "nobody")
	require.ErrorIs(t, err, context.Canceled)

	s.pool.Close()
	_, err = s.Record(t.Context(), "nobody")
	requireFault(t, err, domain.FaultWait, "DatabaseUnavailable")
}

// A password goes to any server that answers, unless its certificate is looked at.
func TestConnectionsToOthersAreVerified(t *testing.T) {
	t.Parallel()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	reason := func(url string, unverified bool) domain.Reason {
		_, err := postgres.Open(ended, postgres.Config{URL: url, Unverified: unverified})
		require.Error(t, err)
		require.NotContains(t, err.Error(), "hunter2")
		return domain.AsFault(err).Reason
	}
	for _, url := range []string{"postgres://u:hunter2@db.example.com/x", "postgres://u:hunter2@192.0.2.1/x?sslmode=disable",
		"postgres://u:hunter2@db/x?sslmode=allow", "postgres://u:hunter2@db/x?sslmode=prefer",
		"postgres://u:hunter2@db/x?sslmode=require", "postgres://u:hunter2@localhost,db/x?sslmode=disable",
		"host=db password=hunter2 sslmode=verify-ca"} {
		require.Equal(t, domain.ReasonInvalidSetting, reason(url, false), url)
		require.NotEqual(t, domain.ReasonInvalidSetting, reason(url, true), url)
	}
	for _, url := range []string{"postgres://u:hunter2@db/x?sslmode=verify-full", "postgres://u:hunter2@localhost:1/x",
		"postgres://u:hunter2@127.0.0.1:1/x?sslmode=disable", "postgres://u:hunter2@[::1]:1/x", "host=/nowhere password=hunter2"} {
		require.NotEqual(t, domain.ReasonInvalidSetting, reason(url, false), url)
	}
}

// Credentials that are changed while the pool is open are taken for the next connection; what cannot be used leaves the
// former ones. The tests' server asks for no password, so another user shows it.
func TestCredentialsAreReadAgain(t *testing.T) {
	t.Parallel()
	owner, url := postgrestest.New(t)
	role := "renewed_" + strings.ToLower(rand.Text())
	for _, user := range []string{role + "1", role + "2"} {
		_, err := owner.Exec(t.Context(), `CREATE ROLE `+user+` LOGIN`)
		require.NoError(t, err)
		t.Cleanup(func() { _, _ = owner.Exec(context.Background(), `DROP ROLE `+user) })
	}
	as := func(user string) string {
		parsed, err := neturl.Parse(url)
		require.NoError(t, err)
		parsed.User = neturl.User(user)
		return parsed.String()
	}
	now, problem := as(role+"1"), error(nil)
	pool, err := postgres.Open(t.Context(), postgres.Config{URL: now, Reread: func() (string, error) { return now, problem }})
	require.NoError(t, err)
	defer pool.Close()
	user := func() (user string) {
		pool.Reset() // the next statement has a new connection
		require.NoError(t, pool.QueryRow(t.Context(), `SELECT current_user`).Scan(&user))
		return user
	}
	require.Equal(t, role+"1", user())
	now = as(role + "2")
	require.Equal(t, role+"2", user())
	problem = errors.New("the file is being replaced")
	require.Equal(t, role+"2", user())
	now, problem = "half of a UR", nil
	require.Equal(t, role+"2", user())
	now = as(role + "1")
	require.Equal(t, role+"1", user())
}
