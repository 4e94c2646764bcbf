package telemetry

import (
	"context"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"everleaf/domain"
	"everleaf/ports"
)

const (
	// fleetStatsTimeout bounds one count of the certificates.
	fleetStatsTimeout = 30 * time.Second
	// noIssuer is the issuer of a certificate before its first.
	noIssuer = "none"
)

// within is how a label names one of ports.ExpiryBounds.
func within(bound time.Duration) string {
	const day = 24 * time.Hour
	if bound > 0 && bound%day == 0 {
		return strconv.Itoa(int(bound/day)) + "d"
	}
	return bound.String()
}

// Fleet shows all certificates as gauges. It counts in the background, at most once in an interval, and only when it is
// scraped, so that a process that nobody watches asks the database nothing; a scrape is answered with the last count.
type Fleet struct {
	catalog ports.Catalog
	clock   ports.Clock
	logger  *slog.Logger
	every   time.Duration
	issuers []string

	gauges   fleetGauges
	failures metric.Int64Counter
	callback metric.Registration
	counting sync.WaitGroup
	stopping context.Context
	stop     context.CancelFunc

	mu    sync.Mutex
	busy  bool
	tried time.Time
	stats *ports.FleetStats
	// counted is when stats was true; before the first, when the fleet was made.
	counted time.Time
}

type fleetGauges struct {
	certificates, expiring, undelivered, retirements metric.Int64ObservableGauge
	nextExpiry, age                                  metric.Float64ObservableGauge
}

// NewFleet counts through catalog, at most once in every. Start makes the first count; Stop ends it.
func NewFleet(m *Metrics, catalog ports.Catalog, clock ports.Clock, every time.Duration, issuers []string,
	logger *slog.Logger) (*Fleet, error) {
	f := &Fleet{catalog: catalog, clock: clock, logger: logger, every: every, issuers: issuers, counted: clock.Now()}
	f.stopping, f.stop = context.WithCancel(context.Background())
	i := instruments{meter: m.own}
	f.failures = i.counter(fleetStatsFailures)
	f.gauges = fleetGauges{
		certificates: i.intGauge(certificates), expiring: i.intGauge(expiring),
		undelivered: i.intGauge(failingDeliveries),
		retirements: i.intGauge(failingRetirements),
		nextExpiry:  i.gauge(nextExpiry), age: i.gauge(fleetStatsAge),
	}
	if i.err != nil {
		return nil, i.err
	}
	f.failures.Add(context.Background(), 0)
	var err error
	f.callback, err = m.own.RegisterCallback(f.observe, f.gauges.certificates, f.gauges.expiring, f.gauges.undelivered,
		f.gauges.retirements, f.gauges.nextExpiry, f.gauges.age)
	return f, err
}

// Start makes the first count in the background, so that the first scrape finds one.
func (f *Fleet) Start(context.Context) error {
	f.refresh(f.clock.Now())
	return nil
}

// Stop ends a count that is under way, and waits for its end.
func (f *Fleet) Stop(context.Context) error {
	f.stop()
	err := f.callback.Unregister()
	f.counting.Wait()
	return err
}

// refresh begins a count if one is due.
func (f *Fleet) refresh(now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.busy || f.stopping.Err() != nil || !f.tried.IsZero() && now.Sub(f.tried) < f.every {
		return
	}
	f.busy, f.tried = true, now
	f.counting.Go(func() { f.count(now) })
}

func (f *Fleet) count(now time.Time) {
	ctx, cancel := context.WithTimeout(f.stopping, fleetStatsTimeout)
	defer cancel()
	stats, err := f.catalog.FleetStats(ctx, now)
	if err != nil && f.stopping.Err() == nil {
		f.failures.Add(context.Background(), 1)
		f.logger.Warn("certificates not counted; the metrics show the last count", "error", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.busy = false
	if err == nil {
		f.stats, f.counted = &stats, now
	}
}

// observe is called by each scrape.
func (f *Fleet) observe(_ context.Context, to metric.Observer) error {
	now := f.clock.Now()
	f.refresh(now)
	f.mu.Lock()
	stats, counted := f.stats, f.counted
	f.mu.Unlock()
	to.ObserveFloat64(f.gauges.age, max(now.Sub(counted), 0).Seconds())
	if stats == nil {
		return nil
	}
	for group, count := range f.groups(stats) {
		to.ObserveInt64(f.gauges.certificates, int64(count), metric.WithAttributes(
			attribute.String("state", string(group.state)), attribute.String("issuer", group.issuer)))
	}
	for i, count := range stats.Expiring {
		to.ObserveInt64(f.gauges.expiring, int64(count),
			metric.WithAttributes(attribute.String("within", within(ports.ExpiryBounds[i]))))
	}
	to.ObserveInt64(f.gauges.undelivered, int64(stats.Undelivered))
	to.ObserveInt64(f.gauges.retirements, int64(stats.RetirementsFailing))
	if !stats.NextExpiry.IsZero() {
		to.ObserveFloat64(f.gauges.nextExpiry, stats.NextExpiry.Sub(now).Seconds())
	}
	return nil
}

type group struct {
	state  domain.Phase
	issuer string
}

// groups has a zero where a state has no certificate. An issuer that is configured no more keeps its name: its
// certificates are still in service.
func (f *Fleet) groups(stats *ports.FleetStats) map[group]int {
	counts := map[group]int{}
	for _, issuer := range slices.Concat(f.issuers, []string{noIssuer}) {
		for _, state := range []domain.Phase{domain.PhaseIssuing, domain.PhaseReady, domain.PhaseFailing,
			domain.PhaseRevoked, domain.PhaseRetiring} {
			counts[group{state, issuer}] = 0
		}
	}
	for _, g := range stats.Groups {
		issuer := g.Issuer
		if issuer == "" {
			issuer = noIssuer
		}
		counts[group{g.State, issuer}] += g.Count
	}
	return counts
}

func (i *instruments) intGauge(o own) (g metric.Int64ObservableGauge) {
	if i.err == nil {
		g, i.err = i.meter.Int64ObservableGauge(o.name, metric.WithDescription(o.help))
	}
	return g
}

func (i *instruments) gauge(o own) (g metric.Float64ObservableGauge) {
	if i.err == nil {
		g, i.err = i.meter.Float64ObservableGauge(o.name, metric.WithDescription(o.help))
	}
	return g
}
