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
	return issued, s.plan(name, issued.Version, domain.PlanRenewal(noon, issued, nil, 0.25), noon)
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
	_, err = s.pool.Exec(t.Context(), `UPDATE versions SET next_check = $1 WHERE certificate = 'c'`,
		noon.Add(-time.Minute))
	require.NoError(t, err)
	page := func(at time.Time, after string, except []string, limit int) (found []string, next ports.PageState) {
		t.Helper()
		page, err := advice.Due(t.Context(), at, after, except, limit)
		require.NoError(t, err)
		for _, d := range page.Due {
			found = append(found, d.Certificate)
		}
		return found, page.Page
	}
	names := func(at time.Time, except []string, limit int) []string {
		t.Helper()
		found, _ := page(at, "", except, limit)
		return found
	}
	require.Nil(t, names(noon.Add(-time.Hour), nil, 10))
	first, next := page(noon, "", nil, 2)
	require.Equal(t, []string{"c", "a"}, first, "those that wait longest first")
	require.False(t, next.Done)
	second, next := page(noon, next.After, nil, 2)
	require.Equal(t, []string{"b"}, second)
	require.True(t, next.Done)
	last, next := page(noon, next.After, nil, 2)
	require.Nil(t, last)
	require.True(t, next.Done)
	begin, _ := page(noon, "no place", nil, 1)
	require.Equal(t, []string{"c"}, begin)
	require.Nil(t, names(noon, []string{"default"}, 2), "a CA that is left alone")
	require.Equal(t, []string{"c"}, names(noon, []string{"other"}, 1))
	due, err := advice.Due(t.Context(), noon, "", nil, 3)
	require.NoError(t, err)
	require.Equal(t, plan, due.Due[2].Plan)
	require.Equal(t, "chain of b/1", string(due.Due[2].ChainPEM))
	require.Equal(t, "default", due.Due[2].Issued.Issuer)

	// What is not to be asked about does not end the walk.
	s.release("c")
	s.issue(newOrder("a", "a/2"))
	_, next = page(noon, "", nil, 2)
	third, _ := page(noon, next.After, nil, 2)
	require.Equal(t, []string{"b"}, third)

	// A certificate that was issued and not planned is due at once: nobody knows when its CA wants it renewed.
	require.Equal(t, 1, query[int](s, `SELECT count(*) FROM versions WHERE certificate = 'unplanned' AND next_check <= now()`))
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
	_, err := s.RecordRevoked(t.Context(), "revoked", versions[2], domain.RevokedSuperseded, noon)
	require.NoError(t, err)
	for _, d := range [][2]string{{"kept", "files@web2"}, {"kept", "files@web1"}, {"kept", "hook"},
		{"given-up", "files@web3"}, {"revoked", "files@web1"}} {
		_, err := s.pool.Exec(t.Context(), `INSERT INTO deliveries (certificate, target, contacted, version, delivered_at)
			SELECT name, $2, true, current_version, now() FROM certificates WHERE name = $1`, d[0], d[1])
		require.NoError(t, err)
	}
	_, err = s.pool.Exec(t.Context(), `INSERT INTO deliveries (certificate, target) VALUES ('kept', 'files@never')`)
	require.NoError(t, err)
	found, err := advice.Backlog(t.Context(), noon)
	require.NoError(t, err)
	require.Equal(t, ports.BeginSweepOutput{Renewals: 1, Hosts: []string{"", "web1", "web2"}}, found)

	// A plan that moved is counted until its workflow is notified, and a drift is something to look at.
	require.NoError(t, advice.RecordAdvice(t.Context(),
		ports.Advised{Certificate: "kept", Version: versions[0], Plan: domain.RenewalPlan{At: noon},
			Moved: true, Next: noon.Add(time.Hour)}))
	_, err = s.pool.Exec(t.Context(), `UPDATE deliveries SET version = NULL WHERE target = 'files@web2'`)
	require.NoError(t, err)
	found, err = advice.Backlog(t.Context(), noon)
	require.NoError(t, err)
	require.Equal(t, ports.BeginSweepOutput{Renewals: 1, Hosts: []string{"", "web1", "web2"}}, found)

	// A version that is replaced is not asked about again, and leaves the indexes.
	replaced := s.issue(newOrder("kept", "kept/2"))
	s.plan("kept", replaced.Version, domain.RenewalPlan{At: noon}, noon.Add(2*time.Hour))
	found, err = advice.Backlog(t.Context(), noon.Add(time.Hour))
	require.NoError(t, err)
	require.Zero(t, found.Renewals)
	require.Zero(t, query[int](s, `SELECT count(*) FROM versions WHERE id::text = ANY ($1) AND next_check IS NOT NULL`,
		[]string{versions[0], versions[2]}))
	require.Equal(t, 2, query[int](s, `SELECT count(*) FROM versions WHERE next_check IS NOT NULL`),
		"the new one, and the one that may be taken up again")
	require.Zero(t, query[int](s, `SELECT count(*) FROM versions WHERE moved`))
}

func TestRecordAdvice(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	advice := postgres.NewAdvice(s.pool)
	issued, plan := s.planned("web")
	record := func(plan domain.RenewalPlan, failures int, failure string) {
		t.Helper()
		require.NoError(t, advice.RecordAdvice(t.Context(),
			ports.Advised{Certificate: "web", Version: issued.Version, Plan: plan,
				Next: noon.Add(time.Hour), Failures: failures, Failure: failure}))
	}
	moves := func() int {
		return query[int](s, `SELECT count(*) FROM events WHERE type = 'renewal_moved' AND certificate = 'web'`)
	}
	record(plan, 2, "it is \x00 down")
	require.Equal(t, "2 it is \uFFFD down", query[string](s,
		`SELECT check_failures || ' ' || check_failure FROM versions`))
	require.Equal(t, noon.Add(time.Hour), query[time.Time](s, `SELECT next_check FROM versions`).UTC())
	require.Zero(t, moves())

	near := plan
	near.At = plan.At.Add(999 * time.Millisecond)
	record(near, 0, "")
	require.Zero(t, moves(), "less than a second is no move")
	require.Empty(t, query[string](s, `SELECT coalesce(check_failure, '') FROM versions`))

	moved := domain.PlanRenewal(noon, issued,
		&domain.Window{Start: noon.Add(time.Hour), End: noon.Add(2 * time.Hour),
			ExplanationURL: "https://ca.example/why"}, 0.25)
	for range 2 {
		record(moved, 0, "")
	}
	require.Equal(t, 1, moves(), "once, however often it is recorded")
	event := query[map[string]any](s, `SELECT detail FROM events WHERE type = 'renewal_moved'`)
	require.Equal(t, issued.Version, event["version"])
	require.Equal(t, near.At.Format(time.RFC3339Nano), event["from"])
	recorded := event["plan"].(map[string]any)
	require.Equal(t, moved.At.Format(time.RFC3339), recorded["at"])
	require.Equal(t, "https://ca.example/why", recorded["window"].(map[string]any)["explanationURL"])
	require.Equal(t, moved.At, query[time.Time](s, `SELECT next_renewal FROM everleaf_certificates`).UTC())

	explained := moved
	explained.Window = &domain.Window{Start: moved.Window.Start, End: moved.Window.End,
		ExplanationURL: "https://ca.example/more"}
	record(explained, 0, "")
	require.Equal(t, 2, moves(), "a new explanation is worth telling")

	// What was replaced meanwhile is left alone.
	s.issue(newOrder("web", "web/2"))
	record(plan, 0, "")
	require.Equal(t, 2, moves())
	for _, strange := range []ports.Advised{{Certificate: "web", Version: nobody},
		{Certificate: "other", Version: issued.Version}} {
		require.NoError(t, advice.RecordAdvice(t.Context(), strange))
	}
	requireFault(t, advice.RecordAdvice(t.Context(), ports.Advised{Certificate: "web", Version: "no id"}),
		domain.FaultOperator, "UnknownVersion")
}

// A plan that moved stays to be notified of until that is recorded, for this very instant.
func TestMovedPlansAreNotifiedOf(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	advice := postgres.NewAdvice(s.pool)
	versions := map[string]string{}
	move := func(name string, at time.Time, moved bool) {
		t.Helper()
		require.NoError(t, advice.RecordAdvice(t.Context(), ports.Advised{Certificate: name, Version: versions[name],
			Plan: domain.RenewalPlan{At: at}, Moved: moved, Next: noon.Add(time.Hour)}))
	}
	for _, name := range []string{"a", "b", "c", "stays"} {
		issued, _ := s.planned(name)
		versions[name] = issued.Version
		move(name, noon.Add(1234*time.Nanosecond), name != "stays")
	}
	left := func(after string, limit int) (found []ports.Moved) {
		t.Helper()
		found, err := advice.Moved(t.Context(), after, limit)
		require.NoError(t, err)
		return found
	}
	names := func(moved []ports.Moved) (names []string) {
		for _, m := range moved {
			require.Equal(t, versions[m.Certificate], m.Version)
			names = append(names, m.Certificate)
		}
		return names
	}
	require.Equal(t, []string{"a", "b"}, names(left("", 2)))
	require.Equal(t, []string{"c"}, names(left("b", 2)))
	move("a", noon.Add(1234*time.Nanosecond), false)
	require.Len(t, left("", 9), 3, "asked again, it is still to be notified of")

	read := left("", 9)
	move("b", noon.Add(time.Minute), true)
	asked := ports.Moved{Certificate: "c", Version: versions["c"], At: noon.Add(1234 * time.Nanosecond)}
	for range 2 {
		require.NoError(t, advice.RecordNotified(t.Context(), []ports.Moved{read[0], read[1], asked}))
	}
	require.NoError(t, advice.RecordNotified(t.Context(), nil))
	require.Equal(t, []string{"b"}, names(left("", 9)), "it was moved again since it was read")
	s.issue(newOrder("b", "b/2"))
	require.Empty(t, left("", 9), "it is not in service any more")
}
