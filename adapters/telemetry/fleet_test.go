package telemetry

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
	"everleaf/ports"
)

// books is a catalog whose count takes as long as the test wants.
type books struct {
	ports.Catalog
	counts chan struct{} // one for each count that begins
	answer chan error
	stats  ports.FleetStats
}

func (b *books) FleetStats(ctx context.Context, _ time.Time) (ports.FleetStats, error) {
	b.counts <- struct{}{}
	select {
	case err := <-b.answer:
		return b.stats, err
	case <-ctx.Done():
		return ports.FleetStats{}, ctx.Err()
	}
}

type hands struct {
	mu  sync.Mutex
	now time.Time
}

func (h *hands) Now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *hands) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

func newFleet(t *testing.T) (*Metrics, *Fleet, *books, *hands) {
	t.Helper()
	m := newMetrics(t)
	clock := &hands{now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
	catalog := &books{counts: make(chan struct{}, 10), answer: make(chan error), stats: ports.FleetStats{
		Groups: []ports.FleetGroup{{State: domain.PhaseReady, Issuer: "main", Count: 5},
			{State: domain.PhaseFailing, Count: 2}},
		Expiring:   []int{0, 1, 1, 2, 3, 5},
		NextExpiry: clock.now.Add(time.Hour), Undelivered: 3, RetirementsFailing: 1,
	}}
	f, err := NewFleet(m, catalog, clock, time.Minute, []string{"main"}, silent)
	require.NoError(t, err)
	require.NoError(t, f.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, f.Stop(context.Background())) })
	return m, f, catalog, clock
}

// settle waits until no count is under way.
func (f *Fleet) settle() { f.counting.Wait() }

// A database that does not answer holds up no scrape, and is asked once at a time.
func TestAScrapeDoesNotWaitForTheDatabase(t *testing.T) {
	t.Parallel()
	m, _, catalog, clock := newFleet(t)
	<-catalog.counts
	for range 3 {
		clock.pass(2 * time.Minute)
		got := scrape(t, m)
		require.NotContains(t, got, "everleaf_certificates", "nothing is known yet")
		require.Contains(t, got, "everleaf_fleet_stats_age_seconds")
	}
	require.Equal(t, 360.0, find(t, scrape(t, m)["everleaf_fleet_stats_age_seconds"]).GetGauge().GetValue())
	require.Empty(t, catalog.counts, "asked again while the first was under way")
}

func TestFleetIsShownByTheLastCount(t *testing.T) {
	t.Parallel()
	m, f, catalog, clock := newFleet(t)
	catalog.answer <- nil
	f.settle()
	clock.pass(10 * time.Second)
	got := scrape(t, m)
	gauge := func(name string, labels ...string) float64 {
		return find(t, got[name], labels...).GetGauge().GetValue()
	}
	require.Equal(t, 5.0, gauge("everleaf_certificates", "state", "Ready", "issuer", "main"))
	require.Equal(t, 0.0, gauge("everleaf_certificates", "state", "Failing", "issuer", "main"), "zero is said")
	require.Equal(t, 2.0, gauge("everleaf_certificates", "state", "Failing", "issuer", "none"))
	require.Equal(t, 1.0, gauge("everleaf_certificates_expiring", "within", "1d"))
	require.Equal(t, 0.0, gauge("everleaf_certificates_expiring", "within", "0s"))
	require.Equal(t, 5.0, gauge("everleaf_certificates_expiring", "within", "30d"))
	require.Equal(t, 3.0, gauge("everleaf_deliveries_failing"))
	require.Equal(t, 1.0, gauge("everleaf_retirements_failing"))
	require.Equal(t, 0.0, gauge("everleaf_certificates", "state", "Retiring", "issuer", "main"))
	require.Equal(t, 3590.0, gauge("everleaf_next_expiry_seconds"), "as of now, not of the count")
	require.Equal(t, 10.0, gauge("everleaf_fleet_stats_age_seconds"))
	require.Len(t, catalog.counts, 1, "the interval has not passed")
}

func TestACountThatFailsKeepsTheLast(t *testing.T) {
	t.Parallel()
	m, f, catalog, clock := newFleet(t)
	catalog.answer <- nil
	f.settle()
	clock.pass(time.Minute)
	scrape(t, m) // begins the second
	catalog.answer <- errors.New("the database is gone")
	f.settle()
	got := scrape(t, m)
	require.Equal(t, 1.0, find(t, got["everleaf_fleet_stats_failures_total"]).GetCounter().GetValue())
	require.Equal(t, 60.0, find(t, got["everleaf_fleet_stats_age_seconds"]).GetGauge().GetValue())
	require.Contains(t, got, "everleaf_certificates")
	require.Len(t, catalog.counts, 2, "not before the interval has passed")
}
