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
	return domain.Failure{Fault: domain.Fault{Kind: domain.FaultWait, Reason: "TargetUnavailable", Message: "the disk\x00 is full"},
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
	pair, err := d.Bundle(t.Context(), first.Version)
	require.NoError(t, err)
	require.False(t, pair.Replaced)
	second := s.issue(newOrder("web", "web/2"))

	pair, err = d.Bundle(t.Context(), first.Version)
	require.NoError(t, err)
	require.True(t, pair.Replaced)
	require.Equal(t, "web", pair.Record.Name)
	require.Equal(t, first, *pair.Record.Issued)
	require.Equal(t, "chain of web/1", string(pair.ChainPEM))
	require.Equal(t, "sealed key of web/1", string(pair.SealedKey))
	pair, err = d.Bundle(t.Context(), second.Version)
	require.NoError(t, err)
	require.False(t, pair.Replaced)

	for _, version := range []string{nobody, "no UUID"} {
		_, err = d.Bundle(t.Context(), version)
		requireFault(t, err, domain.FaultOperator, "UnknownVersion")
	}
}

func TestADeliveryIsConfirmedOncePerVersion(t *testing.T) {
	s := newStore(t)
	d := postgres.NewDeliveries(s.pool)
	first := s.issue(newOrder("web", "web/1"))
	for range 2 {
		require.NoError(t, d.RecordDelivered(t.Context(), "web", "nginx", first.Version, "written\x00"))
	}
	second := s.issue(newOrder("web", "web/2"))
	_, current, _ := s.delivery("web", "nginx")
	require.False(t, current, "the first version is not in service any more")
	require.NoError(t, d.RecordDelivered(t.Context(), "web", "nginx", second.Version, "written"))
	require.NoError(t, d.RecordDelivered(t.Context(), "web", "nginx", first.Version, "late"), "no error, but no step back")
	_, current, reason := s.delivery("web", "nginx")
	require.True(t, current)
	require.Nil(t, reason)
	require.Equal(t, []string{"placed", "issued", "delivered", "placed", "issued", "delivered"}, s.events("web"))

	requireFault(t, d.RecordDelivered(t.Context(), "web", "nginx", nobody, ""), domain.FaultOperator, "UnknownVersion")
	requireFault(t, d.RecordDelivered(t.Context(), "other", "nginx", first.Version, ""), domain.FaultOperator, "UnknownVersion")
}

// The number tells a late try from a later request: it stays over repeats, grows with all else, and never goes back.
func TestARequestIsNumberedInTheOrderOfAsking(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	d := postgres.NewDeliveries(s.pool)
	first, second := uuid.NewString(), uuid.NewString()
	request := func(version string, minute int) ports.DeliveryRequest {
		return ports.DeliveryRequest{Certificate: "web", Target: "hook@a", Version: version, Asked: noon.Add(time.Duration(minute) * time.Minute)}
	}
	number := func(version string, minute int) int64 {
		t.Helper()
		n, err := d.Sequence(t.Context(), request(version, minute))
		require.NoError(t, err)
		return n
	}
	late := func(version string, minute int) {
		t.Helper()
		_, err := d.Sequence(t.Context(), request(version, minute))
		require.False(t, requireFault(t, err, domain.FaultWait, "VersionReplaced").Transient())
	}
	one := number(first, 1)
	require.Equal(t, noon.Add(time.Minute).UnixMicro(), one)
	require.Less(t, one, int64(1)<<53, "readers of JSON have it whole")
	require.Equal(t, one, number(first, 1), "a repeat")
	require.Equal(t, one, number(first, 2), "the next try of the ladder")
	gone := number("", 3)
	require.Greater(t, gone, one)
	late(first, 2)
	require.Equal(t, gone, number("", 4))
	again := number(first, 5)
	require.Greater(t, again, gone, "removed and named again, the same version is another message")
	require.Greater(t, number(second, 5), again, "asked for in the same instant")
	late(first, 4)
	late("", 4)

	other := request(first, 1)
	other.Target = "hook@b"
	n, err := d.Sequence(t.Context(), other)
	require.NoError(t, err)
	require.Equal(t, one, n, "another host's target has its own")
	_, err = d.Sequence(t.Context(), request("no UUID", 9))
	requireFault(t, err, domain.FaultOperator, "UnknownVersion")
}

func TestAFailedDeliveryIsReadableUntilItSucceeds(t *testing.T) {
	s := newStore(t)
	d := postgres.NewDeliveries(s.pool)
	issued := s.issue(newOrder("web", "web/1"))
	require.NoError(t, d.RecordUndelivered(t.Context(), "web", "nginx", issued.Version, failedAt(noon, time.Minute)))
	serial, current, reason := s.delivery("web", "nginx")
	require.Nil(t, serial)
	require.False(t, current)
	require.Equal(t, "TargetUnavailable", *reason)
	require.NoError(t, d.RecordUndelivered(t.Context(), "web", "nginx", issued.Version, failedAt(noon, 2*time.Minute)))
	require.Equal(t, noon.Add(2*time.Minute), query[time.Time](s, `SELECT retry_at FROM everleaf_deliveries`).UTC(), "as it was decided last")

	require.NoError(t, d.RecordDelivered(t.Context(), "web", "nginx", issued.Version, "written"))
	require.NoError(t, d.RecordUndelivered(t.Context(), "web", "nginx", issued.Version, failedAt(noon, time.Minute)), "told late")
	_, current, reason = s.delivery("web", "nginx")
	require.True(t, current)
	require.Nil(t, reason, "what is over does not come back")
	require.Equal(t, []string{"placed", "issued", "undelivered", "delivered"}, s.events("web"))
	require.NoError(t, d.RecordUndelivered(t.Context(), "nobody", "nginx", issued.Version, failedAt(noon, time.Minute)))
}

func TestARemovedDeliveryIsGoneButForItsStory(t *testing.T) {
	s := newStore(t)
	d := postgres.NewDeliveries(s.pool)
	issued := s.issue(newOrder("web", "web/1"))
	require.NoError(t, d.RecordDelivered(t.Context(), "web", "nginx", issued.Version, "written"))
	for range 2 {
		require.NoError(t, d.RecordRemoved(t.Context(), "web", "nginx"))
	}
	require.Zero(t, s.count("deliveries"))
	require.Equal(t, []string{"placed", "issued", "delivered", "removed"}, s.events("web"))
}

func TestDeliveredPagesThroughAHostsConfirmedDeliveries(t *testing.T) {
	s := newStore(t)
	d := postgres.NewDeliveries(s.pool)
	issued := map[string]domain.Issued{}
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		issued[name] = s.issue(newOrder(name, name+"/1"))
		for _, target := range []string{"nginx", "edge@west", "haproxy"} {
			require.NoError(t, d.RecordDelivered(t.Context(), name, target, issued[name].Version, ""))
		}
	}
	s.issue(newOrder("b", "b/2")) // not delivered yet
	s.release("c")
	require.NoError(t, d.RecordUndelivered(t.Context(), "d", "haproxy", issued["d"].Version, failedAt(noon, time.Minute)))

	walk := func(host string) (all []ports.DeliveredTo) {
		t.Helper()
		for after := (ports.DeliveredTo{}); ; after = all[len(all)-1] {
			page, err := d.Delivered(t.Context(), host, after, 2)
			require.NoError(t, err)
			all = append(all, page...)
			if len(page) < 2 {
				return all
			}
		}
	}
	to := func(name, target string) ports.DeliveredTo {
		return ports.DeliveredTo{Certificate: name, Target: target, Version: issued[name].Version}
	}
	require.Equal(t, []ports.DeliveredTo{to("a", "haproxy"), to("a", "nginx"), to("d", "nginx"), to("e", "haproxy"), to("e", "nginx")}, walk(""))
	require.Equal(t, []ports.DeliveredTo{to("a", "edge@west"), to("d", "edge@west"), to("e", "edge@west")}, walk("west"))
	none, err := d.Delivered(t.Context(), "", ports.DeliveredTo{}, 0)
	require.NoError(t, err)
	require.Empty(t, none)
}

// release gives a certificate up.
func (s store) release(certificate string) (delivered []domain.Delivery) {
	s.t.Helper()
	delivered, err := s.RecordReleased(s.t.Context(), certificate)
	require.NoError(s.t, err)
	return delivered
}

// What was delivered is known to whoever ends a certificate's workflow, and to whoever takes the certificate up again.
func TestWhatIsLeftAtTargetsIsKnown(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	d := postgres.NewDeliveries(s.pool)
	issued := s.issue(newOrder("web", "web/1"))
	other := s.issue(newOrder("other", "other/1"))
	require.NoError(t, d.RecordDelivered(t.Context(), "web", "nginx", issued.Version, "written"))
	require.NoError(t, d.RecordDelivered(t.Context(), "other", "nginx", other.Version, "written"))
	require.NoError(t, d.RecordUndelivered(t.Context(), "web", "edge", issued.Version, failedAt(noon, time.Minute)))
	for range 2 {
		delivered := s.release("web")
		require.Len(t, delivered, 1, "the other may be there in part, and is not said to be")
		require.Equal(t, []string{"nginx", issued.Version}, []string{delivered[0].Target, delivered[0].Version})
		require.False(t, delivered[0].At.IsZero())
	}
	left, err := s.Left(t.Context(), "web")
	require.NoError(t, err)
	require.Empty(t, left.Revoking)
	require.Len(t, left.Deliveries, 2)
	require.Equal(t, "edge", left.Deliveries[0].Target)
	require.Empty(t, left.Deliveries[0].Version)

	for _, target := range []string{"nginx", "edge"} {
		require.NoError(t, d.RecordRemoved(t.Context(), "web", target))
	}
	require.Empty(t, s.release("web"))
	left, err = s.Left(t.Context(), "web")
	require.NoError(t, err)
	require.Empty(t, left.Deliveries)
}
