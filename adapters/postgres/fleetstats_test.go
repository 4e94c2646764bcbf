package postgres_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/postgres"
	"everleaf/domain"
	"everleaf/ports"
)

func TestFleetStats(t *testing.T) {
	s := newStore(t)
	empty, err := s.FleetStats(t.Context(), noon)
	require.NoError(t, err)
	require.Empty(t, empty.Groups)
	require.Zero(t, empty.NextExpiry)

	for name, left := range map[string]time.Duration{"expired": -time.Hour, "soon": 2 * 24 * time.Hour,
		"later": 60 * 24 * time.Hour} {
		order := newOrder(name, name+"/1")
		order.Spec.Names = []string{name + ".example.com"}
		placed := s.placed(order)
		issued := issuedFor(placed)
		issued.NotAfter = noon.Add(left)
		s.record(placed, issued, "chain")
	}
	failure := domain.Failure{Fault: domain.Fault{Kind: domain.FaultName, Reason: "CAA"}, Attempts: 1, At: noon,
		RetryAt: noon}
	s.fail("never", failure)

	order := s.placed(newOrder("given-up", "given-up/1"))
	given := issuedFor(order)
	given.NotAfter = noon.Add(-48 * time.Hour)
	s.record(order, given, "chain")
	s.release("given-up")
	s.release("given-up")
	s.release("unknown")
	require.Equal(t, []string{"placed", "issued", "released"}, s.events("given-up"))

	d := postgres.NewDeliveries(s.pool)
	for _, certificate := range []string{"soon", "later", "given-up"} {
		require.NoError(t, d.RecordUndelivered(t.Context(), certificate, "nginx", "", failedAt(noon, time.Minute)))
	}
	later := query[string](s, `SELECT current_version::text FROM certificates WHERE name = 'later'`)
	s.delivers("later", "nginx", later)

	stats, err := s.FleetStats(t.Context(), noon)
	require.NoError(t, err)
	require.Equal(t, 1, stats.Undelivered, "neither what has succeeded since, nor what is released")
	issuer := newOrder("", "").Issuer
	require.ElementsMatch(t, []ports.FleetGroup{{State: domain.PhaseFailing, Count: 1},
		{State: domain.PhaseReady, Issuer: issuer, Count: 3}}, stats.Groups)

	// One that is revoked and in service all the same has a state of its own, as in a list.
	_, err = s.pool.Exec(t.Context(), `UPDATE versions SET revoked_at = now() WHERE id = $1`, later)
	require.NoError(t, err)
	stats, err = s.FleetStats(t.Context(), noon)
	require.NoError(t, err)
	require.ElementsMatch(t, []ports.FleetGroup{{State: domain.PhaseFailing, Count: 1},
		{State: domain.PhaseReady, Issuer: issuer, Count: 2}, {State: domain.PhaseRevoked, Issuer: issuer, Count: 1}},
		stats.Groups)
	require.Equal(t, []int{1, 1, 2, 2, 2, 2}, stats.Expiring, "by %v", ports.ExpiryBounds)
	require.Equal(t, noon.Add(-time.Hour), stats.NextExpiry)

	// A row that somebody has edited does not end the count of the others.
	_, err = s.pool.Exec(t.Context(), `UPDATE versions SET not_after = 'infinity' WHERE certificate = 'soon'`)
	require.NoError(t, err)
	edited, err := s.FleetStats(t.Context(), noon)
	require.NoError(t, err)
	require.Equal(t, stats.Groups, edited.Groups)
	require.NotEqual(t, stats.Expiring, edited.Expiring)
}

// One that somebody has retired has a state of its own, whatever it was before; that it expires is no matter. What holds
// it up counts, and nothing else.
func TestFleetStatsOfRetirements(t *testing.T) {
	s := newStore(t)
	removal := failedAt(noon, time.Minute)
	removal.Step = domain.RemovalStep
	for name, c := range map[string]struct {
		edit, target string
		failure      domain.Failure
	}{
		"at-work":   {},
		"revoked":   {edit: `UPDATE versions SET revoked_at = now() WHERE certificate = $1`},
		"failing":   {edit: `UPDATE certificates SET phase = 'Failing' WHERE name = $1`},
		"delivered": {target: "nginx", failure: failedAt(noon, time.Minute)},
		"uncleared": {target: "nginx", failure: removal},
		"unrevoked": {edit: `UPDATE versions SET not_after = now() + interval '1 day', revoking = '{"failure": {"attempts": 1}}'
			WHERE certificate = $1`},
		"revokable": {edit: `UPDATE versions SET not_after = now() + interval '1 day', revoking = '{}' WHERE certificate = $1`},
	} {
		issued := s.issue(newOrder(name, name+"/1"))
		if c.edit != "" {
			s.exec(c.edit, name)
		}
		if c.target != "" {
			require.NoError(t, postgres.NewDeliveries(s.pool).RecordUndelivered(t.Context(), name, c.target, issued.Version, c.failure))
		}
	}
	before, err := s.FleetStats(t.Context(), noon)
	require.NoError(t, err)
	require.Zero(t, before.RetirementsFailing)
	require.NotZero(t, before.NextExpiry)

	s.exec(`UPDATE certificates SET retirement = 'Clearing'`)
	stats, err := s.FleetStats(t.Context(), noon)
	require.NoError(t, err)
	require.Equal(t, []ports.FleetGroup{{State: domain.PhaseRetiring, Issuer: newOrder("", "").Issuer, Count: 7}}, stats.Groups)
	require.Equal(t, make([]int, len(ports.ExpiryBounds)), stats.Expiring)
	require.Zero(t, stats.NextExpiry)
	require.Equal(t, 2, stats.RetirementsFailing)
	for _, listed := range s.list() {
		require.Equal(t, domain.PhaseRetiring, listed.State, listed.Name)
		require.Equal(t, listed.Name == "unrevoked", listed.Unrevoked != nil, listed.Name)
	}

	s.exec(`UPDATE certificates SET released_at = now()`)
	stats, err = s.FleetStats(t.Context(), noon)
	require.NoError(t, err)
	require.Empty(t, stats.Groups)
	require.Zero(t, stats.RetirementsFailing)
}

// Only a request keeps a certificate in service again, and no step of a workflow that has ended.
func TestAReleasedCertificateStaysSo(t *testing.T) {
	s := newStore(t)
	s.issue(newOrder("web", "web/1"))
	s.release("web")
	order := s.placed(newOrder("web", "web/2"))
	s.record(order, issuedFor(order), "chain")
	s.fail("web", domain.Failure{At: noon})
	pair, err := s.Current(t.Context(), "web")
	require.NoError(t, err, "what is stored stays")
	require.NotNil(t, pair.Record.ReleasedAt)
}

// Pages of any size count the same.
func TestFleetStatsByPages(t *testing.T) {
	s := newStore(t)
	for i := range 7 {
		_, err := s.pool.Exec(t.Context(), `INSERT INTO certificates (name, spec, phase) VALUES ($1, '{}', $2)`,
			fmt.Sprintf("name-%d.a", i), []string{"Issuing", "Failing"}[i%2])
		require.NoError(t, err)
	}
	whole, err := s.FleetStats(t.Context(), noon)
	require.NoError(t, err)
	require.Len(t, whole.Groups, 2)
	for _, page := range []int{1, 2, 3, 7, 8} {
		paged, err := s.FleetStatsByPages(t.Context(), noon, page)
		require.NoError(t, err)
		require.ElementsMatch(t, whole.Groups, paged.Groups, page)
	}
}

func TestAReleasedCertificateCountsWhenItIsKeptAgain(t *testing.T) {
	s := newStore(t)
	order := s.placed(newOrder("web", "web/1"))
	s.release("web")
	s.ask("web", wanted("1", noon, order.Spec))
	require.Zero(t, query[int](s, `SELECT count(*) FROM certificates WHERE released_at IS NOT NULL`))
	stats, err := s.FleetStats(t.Context(), noon)
	require.NoError(t, err)
	require.Equal(t, []ports.FleetGroup{{State: domain.PhaseIssuing, Count: 1}}, stats.Groups)
}
