package domain_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func TestNextFailureWaits(t *testing.T) {
	ca := domain.NewFault(domain.FaultCA, "ServerInternal", nil, "the CA failed")
	limited := domain.NewFault(domain.FaultRateLimited, "RateLimited", nil, "too many")
	told := func(wait time.Duration) *domain.Fault {
		return domain.NewFault(domain.FaultRateLimited, "RateLimited", nil, "too many").After(wait)
	}
	const none = -1
	for _, c := range []struct {
		name     string
		before   int // attempts; none: no failure yet
		fault    *domain.Fault
		attempts int
		wait     time.Duration
	}{
		{"first rung", none, ca, 1, time.Minute},
		{"second rung", 1, ca, 2, 10 * time.Minute},
		{"third rung", 2, ca, 3, 100 * time.Minute},
		{"daily", 3, ca, 4, 24 * time.Hour},
		{"daily for ever", 1000, ca, 1001, 24 * time.Hour},
		{"a state that lost its count", 0, ca, 1, time.Minute},
		{"a count that cannot be", -7, ca, 1, time.Minute},
		{"limited without a wait", none, limited, 1, time.Minute},
		{"limited without a wait climbs", 1, limited, 2, 10 * time.Minute},
		{"told first", none, told(90 * time.Second), 1, 90 * time.Second},
		{"told does not climb", 2, told(90 * time.Second), 2, 90 * time.Second},
		{"told for long, told again", 3, told(5 * time.Second), 3, 5 * time.Second},
		{"told exactly the floor", none, told(time.Second), 1, time.Second},
		{"told less than the floor", none, told(time.Second - 1), 1, time.Second},
		{"told exactly the ceiling", none, told(7 * 24 * time.Hour), 1, 7 * 24 * time.Hour},
		{"told more than the ceiling", none, told(7*24*time.Hour + 1), 1, 7 * 24 * time.Hour},
		{"a wait in the past is no wait", none, told(-time.Hour), 1, time.Minute},
		{"no fault", none, nil, 1, time.Minute},
	} {
		var previous *domain.Failure
		if c.before != none {
			previous = &domain.Failure{Attempts: c.before}
		}
		got := domain.NextFailure(noon, previous, c.fault, "PlaceOrder", nil)
		require.Equal(t, c.attempts, got.Attempts, c.name)
		require.Equal(t, c.wait, got.RetryAt.Sub(noon), c.name)
		require.Equal(t, noon, got.At, c.name)
		require.Equal(t, "PlaceOrder", got.Step, c.name)
		require.NotEmpty(t, got.Fault.Message, c.name)
	}
}

// A certificate in service is tried for again before it ends, however far up the ladder its failures are.
func TestNextFailureMindsTheLifeThatIsLeft(t *testing.T) {
	const h, m = time.Hour, time.Minute
	ca := domain.NewFault(domain.FaultCA, "Unreachable", nil, "down")
	for _, c := range []struct {
		before     int
		left, wait time.Duration
	}{
		{3, 30 * 24 * h, 24 * h}, {3, 96 * h, 24 * h}, {3, 95 * h, 95 * h / 4}, {3, 10 * h, 150 * m}, {2, 6 * h, 90 * m},
		{3, 4 * m, m}, {3, m, m}, {0, 2 * m, m}, {3, 0, h}, {3, -h, h}, {0, -h, m},
	} {
		issued := &domain.Issued{NotAfter: noon.Add(c.left)}
		got := domain.NextFailure(noon, &domain.Failure{Attempts: c.before}, ca, "PlaceOrder", issued)
		require.Equal(t, c.wait, got.RetryAt.Sub(noon), "%+v", c)
	}
	soon := &domain.Issued{NotAfter: noon.Add(h)}
	require.Equal(t, 15*m, domain.NextFailure(noon, nil, ca.After(7*24*h), "", soon).RetryAt.Sub(noon), "a CA that is down")
	require.Equal(t, 24*h, domain.NextFailure(noon, nil, ca.After(7*24*h), "", nil).RetryAt.Sub(noon), "with nothing to lose")
	limited := domain.NewFault(domain.FaultRateLimited, "RateLimited", nil, "too many").After(2 * h)
	require.Equal(t, 2*h, domain.NextFailure(noon, nil, limited, "", soon).RetryAt.Sub(noon), "a limit is never cut: sooner is refused")
}

// A CA that says a second for ever is not asked every second for ever.
func TestNextFailureTiresOfShortWaits(t *testing.T) {
	busy := domain.NewFault(domain.FaultCA, "Unavailable", nil, "busy").After(time.Second)
	var failure *domain.Failure
	for told := 1; told <= 8; told++ {
		next := domain.NextFailure(noon, failure, busy, "PlaceOrder", nil)
		require.Equal(t, told, next.Told)
		require.Equal(t, told > 5, next.RetryAt.Sub(noon) == time.Minute, told)
		failure = &next
	}
	reset := domain.NextFailure(noon, failure, domain.NewFault(domain.FaultCA, "X", nil, "x"), "", nil)
	require.Zero(t, reset.Told)
}

func TestNextFailureKeepsTheFaultForPeople(t *testing.T) {
	cause := errors.New("dial tcp:\n\tconnection \x1b[31mrefused\xff")
	fault := domain.NewFault(domain.FaultWait, "DatabaseUnavailable", cause, "cannot reach the database").After(7 * time.Second)
	got := domain.NextFailure(noon.In(time.FixedZone("x", 3600)), nil, fault, "", nil).Fault
	require.Equal(t, domain.Fault{Kind: domain.FaultWait, Reason: "DatabaseUnavailable", RetryAfter: 7 * time.Second,
		Message: "cannot reach the database: dial tcp: connection [31mrefused?"}, got)
	require.NoError(t, got.Unwrap())

	for length, want := range map[int]int{500: 1000, 501: 1000} { // ü has two octets, … three
		long := domain.NextFailure(noon, nil, domain.NewFault(domain.FaultCA, "X", nil, "%s", strings.Repeat("ü", length)), "", nil).Fault.Message
		require.LessOrEqual(t, len(long), want)
		require.Equal(t, length == 501, strings.HasSuffix(long, "…"))
		require.NotContains(t, long, "\ufffd")
	}
}

func TestTellCaller(t *testing.T) {
	for _, c := range []struct {
		kind domain.FaultKind
		wait time.Duration
		want bool
	}{
		{domain.FaultName, time.Second, true},
		{domain.FaultOperator, time.Second, true},
		{domain.FaultSpec, time.Second, true},
		{domain.FaultCA, time.Minute - 1, false},
		{domain.FaultCA, time.Minute, true}, // the ladder's first rung
		{domain.FaultRateLimited, 59 * time.Second, false},
		{domain.FaultRateLimited, time.Minute, true},
		{domain.FaultWait, 5 * time.Second, false},
		{domain.FaultWait, 10 * time.Minute, true},
		{"FromTheFuture", time.Second, false},
		{"FromTheFuture", time.Hour, true},
	} {
		failure := domain.Failure{Fault: domain.Fault{Kind: c.kind}, At: noon, RetryAt: noon.Add(c.wait)}
		require.Equal(t, c.want, failure.TellCaller(), "%s after %s", c.kind, c.wait)
	}
}
