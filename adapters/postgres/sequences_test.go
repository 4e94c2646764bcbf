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

// asking numbers requests of a target.
type asking struct {
	store
	*postgres.Deliveries
	target string
}

func newAsking(t *testing.T) asking {
	s := newStore(t)
	return asking{s, postgres.NewDeliveries(s.pool), "hook@a"}
}

func (a asking) ask(version, id string) (int64, error) {
	a.t.Helper()
	request := ports.DeliveryRequest{Certificate: "web", Target: a.target, ID: id}
	if version == "" {
		return a.BeginRemoval(a.t.Context(), request)
	}
	return a.BeginDelivery(a.t.Context(), request, version)
}

// number is what the step with this ID gets for a version, or for a removal if that is empty.
func (a asking) number(version, id string) int64 {
	a.t.Helper()
	n, err := a.ask(version, id)
	require.NoError(a.t, err)
	return n
}

// late asserts that the step with this ID comes too late.
func (a asking) late(version, id string) {
	a.t.Helper()
	_, err := a.ask(version, id)
	requireLate(a.t, err)
}

func requireLate(t testing.TB, err error) {
	t.Helper()
	require.False(t, requireFault(t, err, domain.FaultWait, "VersionReplaced").Transient())
}

// The number distinguishes a late try from a later request: it stays over repeats, grows with all else, and never goes
// back.
func TestARequestIsNumberedInTheOrderOfAsking(t *testing.T) {
	t.Parallel()
	a := newAsking(t)
	first := a.issue(newOrder("web", "web/1")).Version
	one := a.number(first, "1")
	require.InDelta(t, time.Now().UnixMicro(), one, 60e6,
		"the database's clock, so that it grows after a backup is restored")
	require.Less(t, one, int64(1)<<53, "readers of JSON have it whole")
	require.Equal(t, one, a.number(first, "1"), "a repeat")
	require.Equal(t, one, a.number(first, "2"), "the next try of the backoff schedule")
	gone := a.number("", "3")
	require.Greater(t, gone, one)
	a.late(first, "2")
	require.Equal(t, gone, a.number("", "4"))
	again := a.number(first, "5")
	require.Greater(t, again, gone, "removed and named again, the same version is another message")
	a.late("", "4")
	second := a.issue(newOrder("web", "web/2")).Version
	a.late(first, "5")
	a.late(first, "6") // a step that never came to its number: what is in service says enough
	next := a.number(second, "7")
	require.Greater(t, next, again)
	a.late("", "4")

	a.target = "hook@b"
	require.NotEqual(t, next, a.number(second, "7"), "another host's target has its own")
	_, err := a.ask("no UUID", "9")
	requireFault(t, err, domain.FaultOperator, "UnknownVersion")
	a.issue(newOrder("other", "other/1"))
	a.late(query[string](a.store, `SELECT current_version::text FROM certificates WHERE name = 'other'`), "10")
}

// A late try is known after a removal has come to its end as well, and one of many steps ago is not kept for ever.
func TestALateTryIsKnownAfterARemoval(t *testing.T) {
	t.Parallel()
	a := newAsking(t)
	version := a.issue(newOrder("web", "web/1")).Version
	a.number(version, "1")
	removal := a.number("", "2")
	require.NoError(t, a.RecordRemoved(t.Context(), "web", a.target, removal))
	a.late(version, "1")
	require.Empty(t, a.stored("web"))
	for i := range 20 {
		a.number([]string{version, ""}[i%2], uuid.NewString())
	}
	require.Equal(t, 4, query[int](a.store, `SELECT cardinality(requests) FROM delivery_sequences`))
}

// A released certificate is not delivered, whatever asks for it.
func TestAReleasedCertificateIsNotDelivered(t *testing.T) {
	t.Parallel()
	a := newAsking(t)
	version := a.issue(newOrder("web", "web/1")).Version
	a.number(version, "1")
	a.release("web")
	a.late(version, "1")
	a.number("", "2")
}

// What was done at the target is recorded for the last request alone. A late delivery hears whether the target is to
// be clear.
func TestALateTryRecordsNothing(t *testing.T) {
	t.Parallel()
	a := newAsking(t)
	version := a.issue(newOrder("web", "web/1")).Version
	late := func(certificate, target string, sequence int64) (cleared bool) {
		t.Helper()
		cleared, err := a.RecordDelivered(t.Context(), certificate, target, sequence, "written")
		requireLate(t, err)
		return cleared
	}
	first := a.number(version, "1")
	removal := a.number("", "2")
	require.True(t, late("web", a.target, first))
	require.Empty(t, a.stored("web")[0].Version)
	require.NoError(t, a.RecordRemoved(t.Context(), "web", a.target, removal))
	require.True(t, late("web", a.target, first), "it is clear")
	second := a.number(version, "3")
	requireLate(t, a.RecordRemoved(t.Context(), "web", a.target, removal))
	require.False(t, late("web", a.target, first))
	for range 2 {
		_, err := a.RecordDelivered(t.Context(), "web", a.target, second, "written")
		require.NoError(t, err)
	}
	require.Equal(t, version, a.stored("web")[0].Version)
	requireLate(t, a.RecordRemoved(t.Context(), "web", a.target, second))
	require.False(t, late("web", "another", second))
	require.False(t, late("another", a.target, second))
	require.Equal(t, []string{"placed", "issued", "removed", "delivered"}, a.events("web"))
}

// Two that ask at once are numbered one after the other, and no clock that is wrong brings a number back.
func TestNumbersGrowWhateverTheClockSays(t *testing.T) {
	t.Parallel()
	a := newAsking(t)
	version := a.issue(newOrder("web", "web/1")).Version
	a.number(version, "1")
	_, err := a.pool.Exec(t.Context(), `UPDATE delivery_sequences SET sequence = sequence + 86400::bigint * 1000000`)
	require.NoError(t, err)
	ahead := a.number(version, "1")
	require.Equal(t, ahead+1, a.number("", "2"), "the clock was a day ahead, and nothing waits for that day")
	require.Equal(t, ahead+2, a.number(version, "3"))
}

// A number is not given while another version comes into service: the old version's is given before, or not at all.
func TestAVersionThatIsBeingReplacedIsNotNumberedAfterIt(t *testing.T) {
	t.Parallel()
	a := newAsking(t)
	first := a.issue(newOrder("web", "web/1")).Version
	second := a.issue(newOrder("web", "web/2")).Version
	_, err := a.pool.Exec(t.Context(), `UPDATE certificates SET current_version = $1::uuid`, first)
	require.NoError(t, err)
	tx, err := a.pool.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(t.Context()) }()
	_, err = tx.Exec(t.Context(), `UPDATE certificates SET current_version = $1::uuid`, second)
	require.NoError(t, err)
	result := make(chan error, 1)
	go func() {
		_, err := a.BeginDelivery(t.Context(), ports.DeliveryRequest{Certificate: "web", Target: a.target, ID: "1"},
			first)
		result <- err
	}()
	require.Eventually(t, func() bool {
		return query[int](a.store, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) == 1
	}, 10*time.Second, 5*time.Millisecond)
	require.NoError(t, tx.Commit(t.Context()))
	requireLate(t, <-result)
	require.Zero(t, a.count("delivery_sequences"))
}
