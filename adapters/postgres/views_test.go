package postgres_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
	"everleaf/ports"
)

func TestTheViewShowsWhatOthersMayRead(t *testing.T) {
	s := newStore(t)
	issued := s.issue(newOrder("web", "web/1"))
	s.plan("web", issued.Version, domain.RenewalPlan{At: noon, Reason: "Window"}, time.Time{})
	failure := domain.Failure{Fault: domain.Fault{Kind: domain.FaultCA, Reason: "Down", Message: "it is down"},
		Attempts: 2, At: noon, RetryAt: noon}
	s.fail("web", failure)
	s.open(newOrder("new", "new/1"))

	row := query[map[string]any](s, `SELECT to_jsonb(v) - 'created_at' - 'updated_at' FROM everleaf_certificates v WHERE name = 'web'`)
	shown := func(at time.Time) string { return at.Format("2006-01-02T15:04:05-07:00") }
	at := shown(noon)
	require.Equal(t, map[string]any{"name": "web", "state": "Failing", "names": []any{"web.example"},
		"requested_names": []any{"web.example"}, "released_at": nil,
		"chain_pem": "chain of web/1", "serial": "0a1b", "not_before": at,
		"not_after": shown(noon.Add(48 * time.Hour)), "issuer": "default",
		"issuer_cn": "Test CA 1", "next_renewal": at, "next_renewal_reason": "Window", "failure_kind": "CA",
		"failure_reason":  "Down",
		"failure_message": "it is down", "failure_attempts": 2.0, "failed_at": at, "retry_at": at,
		"version": issued.Version}, row)
	require.Equal(t, "Issuing", query[string](s,
		`SELECT state FROM everleaf_certificates WHERE name = 'new' AND chain_pem IS NULL`))

	// The state is that of a list, and what is retired is not renewed.
	for state, edit := range map[domain.Phase]string{
		domain.PhaseRevoked:  `UPDATE versions SET revoked_at = now()`,
		domain.PhaseRetiring: `UPDATE versions SET revoked_at = now(); UPDATE certificates SET retirement = 'Retiring'`,
		domain.PhaseReleased: `UPDATE certificates SET retirement = 'Retiring', released_at = now()`,
	} {
		s.exec(`UPDATE versions SET revoked_at = NULL; UPDATE certificates SET retirement = NULL, released_at = NULL`)
		s.exec(edit)
		row := query[map[string]any](s, `SELECT to_jsonb(v) FROM everleaf_certificates v WHERE name = 'web'`)
		require.Equal(t, string(state), row["state"])
		require.Equal(t, state == domain.PhaseRevoked, row["next_renewal"] != nil, state)
		require.Equal(t, state == domain.PhaseRevoked, row["next_renewal_reason"] != nil, state)
		page, err := s.List(t.Context(), ports.CertificateFilter{State: state}, "", 10)
		require.NoError(t, err)
		require.Equal(t, state, page.Certificates[0].State)
	}

	require.Empty(t, query[[]string](s, `
		SELECT coalesce(array_agg(attname::text), '{}') FROM pg_attribute
		WHERE attrelid IN ('everleaf_certificates'::regclass, 'everleaf_deliveries'::regclass) AND attnum > 0
			AND col_description(attrelid, attnum) IS NULL`), "undocumented columns")
}

// A reader needs a right on the view only, and gets at no key.
func TestAReaderOfTheViewCannotReadKeys(t *testing.T) {
	s := newStore(t)
	s.issue(newOrder("web", "web/1"))
	tx, err := s.pool.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(t.Context()) }()
	_, err = tx.Exec(t.Context(), `CREATE ROLE everleaf_test_reader; GRANT SELECT ON everleaf_certificates TO everleaf_test_reader;
		SET LOCAL ROLE everleaf_test_reader`)
	require.NoError(t, err)
	var name string
	require.NoError(t, tx.QueryRow(t.Context(), `SELECT name FROM everleaf_certificates`).Scan(&name))
	require.Equal(t, "web", name)
	_, err = tx.Exec(t.Context(), `SELECT sealed FROM keys`)
	require.ErrorContains(t, err, "permission denied")
}
