package postgres_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"everleaf/adapters/postgres"
	"everleaf/adapters/postgres/postgrestest"
	"everleaf/domain"
)

// Each table has its rights in the list, and what is missing is named as the statement that gives it.
func TestRightsThatAreMissing(t *testing.T) {
	t.Parallel()
	pool, address := postgrestest.New(t)
	var tables []string
	require.NoError(t, pool.QueryRow(t.Context(), `SELECT array_agg(table_name::text) FROM information_schema.tables
		WHERE table_schema = 'public' AND table_type = 'BASE TABLE'`).Scan(&tables))
	user := "doctor_" + strings.ReplaceAll(uuid.NewString(), "-", "_")
	_, err := pool.Exec(t.Context(), `CREATE ROLE `+user+` LOGIN`)
	require.NoError(t, err)
	t.Cleanup(func() {
		admin, err := pgx.Connect(t.Context(), address)
		if err != nil {
			return
		}
		_, _ = admin.Exec(t.Context(), `DROP ROLE `+user)
	})
	other, err := url.Parse(address)
	require.NoError(t, err)
	other.User = url.User(user)
	limited, err := postgres.Open(t.Context(), postgres.Config{URL: other.String()})
	require.NoError(t, err)
	defer limited.Close()

	_, err = postgres.CheckRights(t.Context(), limited)
	requireFault(t, err, domain.FaultOperator, "DatabaseRefused")
	for _, table := range tables {
		require.ErrorContains(t, err, " ON "+table+` TO "`+user+`"`)
	}
	require.Equal(t, len(tables), strings.Count(err.Error(), "GRANT "))
	_, grants, _ := strings.Cut(err.Error(), "owner run ")
	events := slices.IndexFunc(strings.Split(grants, "; "),
		func(g string) bool { return strings.Contains(g, "ON events ") })
	require.Equal(t, `GRANT INSERT, SELECT ON events TO "`+user+`"`, strings.Split(grants, "; ")[events],
		"who works cannot rewrite the audit")
	for _, grant := range strings.Split(grants, "; ") {
		_, err := pool.Exec(t.Context(), grant)
		require.NoError(t, err, grant)
	}
	seen, err := postgres.CheckRights(t.Context(), limited)
	require.NoError(t, err)
	require.Contains(t, seen, "may read and write")
	_, err = pool.Exec(t.Context(), `DROP OWNED BY `+user)
	require.NoError(t, err)
}

func TestWhatADoctorLooksAt(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	now, err := postgres.Now(t.Context(), s.pool)
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), now, time.Minute)

	found, err := postgres.OpenSample(t.Context(), s.pool, plainSealer("sealed "))
	require.NoError(t, err)
	require.False(t, found)
	s.open(newOrder("shop", "first")) // its key is "sealed key of first"
	found, err = postgres.OpenSample(t.Context(), s.pool, plainSealer("sealed "))
	require.NoError(t, err)
	require.True(t, found)
	_, err = postgres.OpenSample(t.Context(), s.pool, plainSealer("others "))
	requireFault(t, err, domain.FaultOperator, "SealingKeyWrong")
	require.ErrorContains(t, err, `the newest private key, of certificate "shop"`)

	require.NoError(t, s.PutProbe(t.Context(), "token", "answer"))
	answers, err := s.KeyAuthorizations(t.Context(), []string{"token"})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"token": "answer"}, answers)
	_, err = s.pool.Exec(t.Context(), `UPDATE http_tokens SET created_at = now() - interval '2 hours'`)
	require.NoError(t, err)
	require.NoError(t, s.PutProbe(t.Context(), "next", "answer"))
	require.Equal(t, 1, s.count("http_tokens"), "what a kill left goes with the next")
	for range 2 {
		require.NoError(t, s.RemoveProbe(t.Context(), "next"))
	}
	require.Zero(t, s.count("http_tokens"))
}
