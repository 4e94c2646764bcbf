package postgres_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"everleaf/adapters/postgres"
	"everleaf/domain"
	"everleaf/ports"
)

func failedAt(at time.Time, retryIn time.Duration) domain.Failure {
	return domain.Failure{Fault: domain.Fault{Kind: domain.FaultWait, Reason: "TargetUnavailable",
		Message: "the disk\x00 is full"},
		Attempts: 1, At: at, RetryAt: at.Add(retryIn), Step: ports.DeliverCertificate.Name}
}

// delivery is one as other services read it.
func (s store) delivery(certificate, target string) (serial *string, current bool, reason *string) {
	s.t.Helper()
	require.NoError(s.t, s.pool.QueryRow(s.t.Context(), `SELECT serial, current, failure_reason FROM everleaf_deliveries
		WHERE certificate = $1 AND target = $2`, certificate, target).Scan(&serial, &current, &reason))
	return serial, current, reason
}

func TestBundleIsTheVersionThatIsAskedFor(t *testing.T) {
	s := newStore(t)
	d := postgres.NewDeliveries(s.pool)
	first := s.issue(newOrder("web", "web/1"))
	pair, err := d.Bundle(t.Context(), "web", first.Version)
	require.NoError(t, err)
	require.False(t, pair.Replaced)
	second := s.issue(newOrder("web", "web/2"))

	pair, err = d.Bundle(t.Context(), "web", first.Version)
	require.NoError(t, err)
	require.True(t, pair.Replaced)
	require.Equal(t, "web", pair.Record.Name)
	require.Equal(t, first, *pair.Record.Issued)
	require.Equal(t, "chain of web/1", string(pair.ChainPEM))
	require.Equal(t, "sealed key of web/1", string(pair.Key.Sealed))
	pair, err = d.Bundle(t.Context(), "web", second.Version)
	require.NoError(t, err)
	require.False(t, pair.Replaced)

	for _, version := range []string{nobody, "no UUID", s.issue(newOrder("other", "other/1")).Version} {
		_, err = d.Bundle(t.Context(), "web", version)
		requireFault(t, err, domain.FaultOperator, "UnknownVersion")
	}
}

// delivers is what a step does about the version in service; ids are requests' IDs, each of another step.
func (s store) delivers(certificate, target, version string) {
	s.t.Helper()
	d := postgres.NewDeliveries(s.pool)
	n, err := d.BeginDelivery(s.t.Context(), ports.DeliveryRequest{Certificate: certificate, Target: target,
		ID: uuid.NewString()}, version)
	require.NoError(s.t, err)
	_, err = d.RecordDelivered(s.t.Context(), certificate, target, n, "written\x00")
	require.NoError(s.t, err)
}

// removes is what a step does about a target that is to be cleared.
func (s store) removes(certificate, target string) {
	s.t.Helper()
	d := postgres.NewDeliveries(s.pool)
	n, err := d.BeginRemoval(s.t.Context(), ports.DeliveryRequest{Certificate: certificate, Target: target,
		ID: uuid.NewString()})
	require.NoError(s.t, err)
	require.NoError(s.t, d.RecordRemoved(s.t.Context(), certificate, target, n))
}

// stored returns the deliveries of the record.
func (s store) stored(certificate string) []domain.Delivery {
	s.t.Helper()
	return s.read(certificate).Deliveries
}

func TestADeliveryIsConfirmedOncePerVersion(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	first := s.issue(newOrder("web", "web/1"))
	for range 2 {
		s.delivers("web", "nginx", first.Version)
	}
	second := s.issue(newOrder("web", "web/2"))
	_, current, _ := s.delivery("web", "nginx")
	require.False(t, current, "the first version is not in service any more")
	s.delivers("web", "nginx", second.Version)
	_, current, reason := s.delivery("web", "nginx")
	require.True(t, current)
	require.Nil(t, reason)
	require.Equal(t, []string{"placed", "issued", "delivered", "placed", "issued", "delivered"}, s.events("web"))
}

func TestAFailedDeliveryIsReadableUntilItSucceeds(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	d := postgres.NewDeliveries(s.pool)
	issued := s.issue(newOrder("web", "web/1"))
	require.NoError(t, d.RecordUndelivered(t.Context(), "web", "nginx", issued.Version, failedAt(noon, time.Minute)))
	serial, current, reason := s.delivery("web", "nginx")
	require.Nil(t, serial)
	require.False(t, current)
	require.Equal(t, "TargetUnavailable", *reason)
	require.NoError(t, d.RecordUndelivered(t.Context(), "web", "nginx", issued.Version, failedAt(noon, 2*time.Minute)))
	require.Equal(t, noon.Add(2*time.Minute), query[time.Time](s, `SELECT retry_at FROM everleaf_deliveries`).UTC(),
		"as it was decided last")

	s.delivers("web", "nginx", issued.Version)
	require.NoError(t, d.RecordUndelivered(t.Context(), "web", "nginx", issued.Version, failedAt(noon, time.Minute)),
		"recorded late")
	_, current, reason = s.delivery("web", "nginx")
	require.True(t, current)
	require.Nil(t, reason, "what is over does not come back")
	require.Equal(t, []string{"placed", "issued", "delivery_failed", "delivered"}, s.events("web"))
	require.NoError(t, d.RecordUndelivered(t.Context(), "nobody", "nginx", issued.Version, failedAt(noon, time.Minute)))
}

func TestARemovedDeliveryIsGoneButForItsStory(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	issued := s.issue(newOrder("web", "web/1"))
	s.delivers("web", "nginx", issued.Version)
	for range 2 {
		s.removes("web", "nginx")
	}
	require.Zero(t, s.count("deliveries"))
	require.Equal(t, []string{"placed", "issued", "delivered", "removed"}, s.events("web"))
}

// Rows that somebody has written by the thousand do not stop the workflow, nor hide a target that is asked for.
func TestTheRecordIsBounded(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.issue(newOrder("web", "web/1"))
	s.exec(`UPDATE certificates SET spec = spec || '{"deliveries": ["zzz"]}';
		INSERT INTO deliveries (certificate, target, contacted)
		SELECT 'web', target, true FROM (VALUES ('zzz')) a (target)
		UNION SELECT 'web', 'left-' || n, true FROM generate_series(1, 5000) n`)
	stored := s.stored("web")
	require.Len(t, stored, 200)
	require.Equal(t, "zzz", stored[199].Target)
}

// A target is one of the record's from before it is contacted until it is cleared. What is known to be there is
// forgotten before a removal, too.
func TestTheRecordHasTheTargetsThatWereMet(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	d := postgres.NewDeliveries(s.pool)
	issued := s.issue(newOrder("web", "web/1"))
	s.delivers("other-target's", "nginx", s.issue(newOrder("other-target's", "o/1", "o.example")).Version)
	require.Empty(t, s.stored("web"))

	unknown := failedAt(noon, time.Minute)
	require.NoError(t, d.RecordUndelivered(t.Context(), "web", "typo", issued.Version, unknown))
	require.Empty(t, s.stored("web"), "no step has contacted it")
	require.Equal(t, 1, query[int](s, `SELECT count(*) FROM everleaf_deliveries WHERE certificate = 'web' AND failure_reason IS NOT NULL`))

	for _, target := range []string{"nginx", "haproxy@west"} {
		_, err := d.BeginDelivery(t.Context(),
			ports.DeliveryRequest{Certificate: "web", Target: target, ID: "run/" + target}, issued.Version)
		require.NoError(t, err)
	}
	require.Equal(t, []domain.Delivery{{Target: "haproxy@west", Contacted: true}, {Target: "nginx", Contacted: true}},
		s.stored("web"))
	failure := failedAt(noon, time.Minute)
	require.NoError(t, d.RecordUndelivered(t.Context(), "web", "nginx", issued.Version, failure))
	require.Equal(t, failure.At, s.stored("web")[1].Failure.At)
	s.delivers("web", "nginx", issued.Version)
	require.Equal(t, issued.Version, s.stored("web")[1].Version)
	require.False(t, s.stored("web")[1].At.IsZero())
	require.Nil(t, s.stored("web")[1].Failure)

	removal := ports.DeliveryRequest{Certificate: "web", Target: "nginx", ID: "run/9"}
	n, err := d.BeginRemoval(t.Context(), removal)
	require.NoError(t, err)
	require.Equal(t, domain.Delivery{Target: "nginx", Contacted: true}, s.stored("web")[1])
	require.NoError(t, d.RecordRemoved(t.Context(), "web", "nginx", n))
	require.Equal(t, []domain.Delivery{{Target: "haproxy@west", Contacted: true}}, s.stored("web"))
	_, err = d.BeginDelivery(t.Context(), ports.DeliveryRequest{Certificate: "web", Target: "typo", ID: "run/10"},
		issued.Version)
	require.NoError(t, err)
	require.Len(t, s.stored("web"), 2, "what failed before it was met is met now")
}

// A target that no step has met goes with the spec that named it.
func TestATargetThatWasNeverMetIsForgotten(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	d := postgres.NewDeliveries(s.pool)
	issued := s.issue(newOrder("web", "web/1"))
	s.delivers("web", "nginx", issued.Version)
	for _, target := range []string{"typo", "still-away", "nginx"} {
		require.NoError(t, d.RecordUndelivered(t.Context(), "web", target, issued.Version, failedAt(noon, time.Minute)))
	}
	spec := newOrder("web", "").Spec
	spec.Deliveries = []string{"still-away"}
	s.ask("web", ensured("r1", noon, spec, "deliveries"))
	require.Equal(t, []string{"nginx", "still-away"},
		query[[]string](s, `SELECT array_agg(target ORDER BY target) FROM deliveries`),
		"nginx may have it, and is to be cleared")
}

func TestDeliveredPagesThroughAHostsConfirmedDeliveries(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	d := postgres.NewDeliveries(s.pool)
	issued := map[string]domain.Issued{}
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		issued[name] = s.issue(newOrder(name, name+"/1"))
		for _, target := range []string{"nginx", "edge@west", "haproxy"} {
			s.delivers(name, target, issued[name].Version)
		}
	}
	s.issue(newOrder("b", "b/2")) // not delivered yet
	s.release("c")
	require.NoError(t, d.RecordUndelivered(t.Context(), "d", "haproxy", issued["d"].Version,
		failedAt(noon, time.Minute)))

	walk := func(host string) (all []ports.DeliveredTo) {
		t.Helper()
		for after := (ports.DeliveredTo{}); ; {
			page, err := d.Delivered(t.Context(), host, after, 2)
			require.NoError(t, err)
			all = append(all, page.Deliveries...)
			if page.Done {
				return all
			}
			after = page.After
		}
	}
	to := func(name, target string) ports.DeliveredTo {
		return ports.DeliveredTo{Certificate: name, Target: target, Version: issued[name].Version}
	}
	require.Equal(t, []ports.DeliveredTo{to("a", "haproxy"), to("a", "nginx"), to("d", "nginx"), to("e", "haproxy"),
		to("e", "nginx")}, walk(""))
	require.Equal(t, []ports.DeliveredTo{to("a", "edge@west"), to("d", "edge@west"), to("e", "edge@west")},
		walk("west"))
}

// A drift is stored for exactly the version that was looked at, and stays to be seen until it is delivered again.
func TestADriftIsStoredUntilItIsDeliveredAgain(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	d := postgres.NewDeliveries(s.pool)
	web, api := s.issue(newOrder("web", "web/1")), s.issue(newOrder("api", "api/1"))
	s.delivers("web", "nginx", web.Version)
	s.delivers("api", "nginx", api.Version)
	s.delivers("api", "haproxy", api.Version)
	drift := func(certificate, target, version string) ports.Drift {
		return ports.Drift{DeliveredTo: ports.DeliveredTo{Certificate: certificate, Target: target, Version: version},
			What: "tls.key\x00 is gone"}
	}
	for range 2 {
		require.NoError(t, d.RecordDrifted(t.Context(),
			[]ports.Drift{drift("web", "nginx", web.Version), drift("api", "haproxy", web.Version),
				drift("api", "other", api.Version)}))
	}
	require.NoError(t, d.RecordDrifted(t.Context(), nil))
	require.Equal(t, []string{"placed", "issued", "delivered", "drifted"}, s.events("web"))
	require.Equal(t, []string{"placed", "issued", "delivered", "delivered"}, s.events("api"))
	require.Empty(t, s.stored("web")[0].Version)
	_, current, _ := s.delivery("web", "nginx")
	require.False(t, current)

	look := func() []ports.DeliveredTo {
		t.Helper()
		found, err := d.Delivered(t.Context(), "", ports.DeliveredTo{}, 10)
		require.NoError(t, err)
		require.True(t, found.Done)
		return found.Deliveries
	}
	all := []ports.DeliveredTo{{Certificate: "api", Target: "haproxy", Version: api.Version},
		{Certificate: "api", Target: "nginx", Version: api.Version},
		{Certificate: "web", Target: "nginx"}}
	require.Equal(t, all, look(), "a notice that was lost is sent again")
	require.NoError(t, d.RecordUndelivered(t.Context(), "web", "nginx", web.Version, failedAt(noon, time.Minute)))
	require.Equal(t, all[:2], look(), "it is tried again anyway")
	s.delivers("web", "nginx", web.Version)
	all[2].Version = web.Version
	require.Equal(t, all, look())
	_, err := d.BeginRemoval(t.Context(), ports.DeliveryRequest{Certificate: "web", Target: "nginx", ID: "run/9"})
	require.NoError(t, err)
	require.Equal(t, all[:2], look(), "a removal is no drift")
}
