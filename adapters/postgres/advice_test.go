package postgres_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/postgres"
	"everleaf/domain"
	"everleaf/ports"
)

// planned is an issued certificate with a plan, to be looked at again at noon.
func (s store) planned(name string) (domain.Issued, domain.RenewalPlan) {
	s.t.Helper()
	issued := s.issue(newOrder(name, name+"/1"))
	plan, err := s.RecordRenewal(s.t.Context(), issued.Version, domain.PlanRenewal(noon, issued, nil, 0.25), noon)
	require.NoError(s.t, err)
	return issued, plan
}

func TestDueGoesThroughTheFleetInPages(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	advice := postgres.NewAdvice(s.pool)
	none, err := advice.Backlog(t.Context(), noon)
	require.NoError(t, err)
	require.Equal(t, ports.BeginSweepOutput{Hosts: []string{}}, none)

	_, plan := s.planned("b")
	for _, name := range []string{"a", "c"} {
		s.planned(name)
	}
	s.issue(newOrder("unplanned", "unplanned/1"))
	s.open(newOrder("unissued", "unissued/1"))
	names := func(at time.Time, after string, except []string, limit int) (found []string) {
		due, err := advice.Due(t.Context(), at, after, except, limit)
		require.NoError(t, err)
		for _, d := range due {
			found = append(found, d.Certificate)
		}
		return found
	}
	require.Nil(t, names(noon.Add(-time.Second), "", nil, 10))
	require.Equal(t, []string{"a", "b"}, names(noon, "", nil, 2))
	require.Equal(t, []string{"c"}, names(noon, "b", nil, 2))
	require.Nil(t, names(noon, "", []string{"default"}, 2), "a CA that is left alone")
	require.Equal(t, []string{"a"}, names(noon, "", []string{"other"}, 1))
	require.Nil(t, names(noon, "", nil, -1))
	due, err := advice.Due(t.Context(), noon, "a", nil, 1)
	require.NoError(t, err)
	require.Equal(t, plan, due[0].Plan)
	require.Equal(t, "chain of b/1", string(due[0].ChainPEM))
	require.Equal(t, "default", due[0].Issued.Issuer)

	// Where nobody said, a certificate is due at once: a release that knows nothing of looks has issued it.
	require.Equal(t, 1, query[int](s, `SELECT count(*) FROM versions WHERE certificate = 'unplanned' AND next_look <= now()`))
}

func TestBacklog(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	advice := postgres.NewAdvice(s.pool)
	var versions []string
	for _, name := range []string{"kept", "given-up", "revoked"} {
		issued, _ := s.planned(name)
		versions = append(versions, issued.Version)
	}
	s.release("given-up")
	require.NoError(t, s.RecordRevoked(t.Context(), versions[2], domain.RevokedSuperseded, noon))
	for _, d := range [][2]string{{"kept", "files@web2"}, {"kept", "files@web1"}, {"kept", "hook"}, {"given-up", "files@web3"}, {"revoked", "files@web1"}} {
		_, err := s.pool.Exec(t.Context(), `INSERT INTO deliveries (certificate, target, version) SELECT name, $2, current_version FROM certificates WHERE name = $1`, d[0], d[1])
		require.NoError(t, err)
	}
	_, err := s.pool.Exec(t.Context(), `INSERT INTO deliveries (certificate, target) VALUES ('kept', 'files@never')`)
	require.NoError(t, err)
	found, err := advice.Backlog(t.Context(), noon)
	require.NoError(t, err)
	require.Equal(t, ports.BeginSweepOutput{Renewals: 1, Hosts: []string{"", "web1", "web2"}}, found)

	// A version that is replaced is asked about no more, and leaves the index.
	replaced := s.issue(newOrder("kept", "kept/2"))
	_, err = s.RecordRenewal(t.Context(), replaced.Version, domain.RenewalPlan{At: noon}, noon.Add(time.Hour))
	require.NoError(t, err)
	found, err = advice.Backlog(t.Context(), noon)
	require.NoError(t, err)
	require.Zero(t, found.Renewals)
	require.Zero(t, query[int](s, `SELECT count(*) FROM versions WHERE id::text = ANY ($1) AND next_look IS NOT NULL`, []string{versions[0], versions[2]}))
	require.Equal(t, 2, query[int](s, `SELECT count(*) FROM versions WHERE next_look IS NOT NULL`), "the new one, and the one that may be taken up again")
}

func TestRecordAdvice(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	advice := postgres.NewAdvice(s.pool)
	issued, plan := s.planned("web")
	record := func(plan domain.RenewalPlan, failures int, failure string) {
		require.NoError(t, advice.RecordAdvice(t.Context(), issued.Version, plan, noon.Add(time.Hour), failures, failure))
	}
	moves := func() int {
		return query[int](s, `SELECT count(*) FROM events WHERE type = 'renewal_moved' AND certificate = 'web'`)
	}
	record(plan, 2, "it is \x00 down")
	require.Equal(t, "2 it is \uFFFD down", query[string](s, `SELECT look_failures || ' ' || look_failure FROM versions`))
	require.Equal(t, noon.Add(time.Hour), query[time.Time](s, `SELECT next_look FROM versions`).UTC())
	require.Zero(t, moves())

	near := plan
	near.At = plan.At.Add(999 * time.Millisecond)
	record(near, 0, "")
	require.Zero(t, moves(), "less than a second is no move")
	require.Empty(t, query[string](s, `SELECT coalesce(look_failure, '') FROM versions`))

	moved := domain.PlanRenewal(noon, issued, &domain.Window{Start: noon.Add(time.Hour), End: noon.Add(2 * time.Hour), ExplanationURL: "https://ca.example/why"}, 0.25)
	for range 2 {
		record(moved, 0, "")
	}
	require.Equal(t, 1, moves(), "once, however often it is told")
	event := query[map[string]any](s, `SELECT detail FROM events WHERE type = 'renewal_moved'`)
	require.Equal(t, issued.Version, event["version"])
	require.Equal(t, near.At.Format(time.RFC3339Nano), event["from"])
	told := event["plan"].(map[string]any)
	require.Equal(t, moved.At.Format(time.RFC3339), told["at"])
	require.Equal(t, "https://ca.example/why", told["window"].(map[string]any)["explanationURL"])
	require.Equal(t, moved.At, query[time.Time](s, `SELECT next_renewal FROM everleaf_certificates`).UTC())

	explained := moved
	explained.Window = &domain.Window{Start: moved.Window.Start, End: moved.Window.End, ExplanationURL: "https://ca.example/more"}
	record(explained, 0, "")
	require.Equal(t, 2, moves(), "a new explanation is worth telling")

	// What was replaced meanwhile is left alone.
	s.issue(newOrder("web", "web/2"))
	record(plan, 0, "")
	require.Equal(t, 2, moves())
	require.NoError(t, advice.RecordAdvice(t.Context(), nobody, plan, noon, 0, ""))
	requireFault(t, advice.RecordAdvice(t.Context(), "no id", plan, noon, 0, ""), domain.FaultOperator, "UnknownVersion")
}
