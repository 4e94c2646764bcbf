package domain_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

var (
	caDown  = domain.Fault{Kind: domain.FaultCA, Reason: domain.ReasonServerError, Message: "the CA failed"}
	limited = domain.Fault{Kind: domain.FaultRateLimited, Reason: domain.ReasonRateLimited, Message: "too many"}
)

// asks is the fault with a wait that the other side asks for.
func asks(fault domain.Fault, wait time.Duration) domain.Fault {
	fault.RetryAfter = wait
	return fault
}

func TestDecideWaits(t *testing.T) {
	t.Parallel()
	const none = -1
	for _, c := range []struct {
		name     string
		before   int // attempts; none: no failure yet
		fault    domain.Fault
		attempts int
		wait     time.Duration
	}{
		{"first", none, caDown, 1, time.Minute},
		{"second", 1, caDown, 2, 10 * time.Minute},
		{"third", 2, caDown, 3, 100 * time.Minute},
		{"daily", 3, caDown, 4, 24 * time.Hour},
		{"daily for ever", 1000, caDown, 1001, 24 * time.Hour},
		{"a state that lost its count", 0, caDown, 1, time.Minute},
		{"a count that cannot be", -7, caDown, 1, time.Minute},
		{"limited without a wait", none, limited, 1, time.Minute},
		{"limited without a wait again", 1, limited, 2, 10 * time.Minute},
		{"asked first", none, asks(limited, 90*time.Second), 1, 90 * time.Second},
		{"asked is no further attempt", 2, asks(limited, 90*time.Second), 2, 90 * time.Second},
		{"asked for little after many attempts", 3, asks(limited, 5*time.Second), 3, 5 * time.Second},
		{"asked with parts of a second", none, asks(limited, 1500*time.Millisecond), 1, 1500 * time.Millisecond},
		{"asked for the least", none, asks(limited, time.Second), 1, time.Second},
		{"asked for less than that", none, asks(limited, time.Second-1), 1, time.Second},
		{"asked for the most", none, asks(limited, 7*24*time.Hour), 1, 7 * 24 * time.Hour},
		{"asked for more than that", none, asks(limited, 7*24*time.Hour+1), 1, 7 * 24 * time.Hour},
		{"asked for the most that another is followed for", none, asks(caDown, 24*time.Hour), 1, 24 * time.Hour},
		{"asked for more than that", none, asks(caDown, 24*time.Hour+1), 1, 24 * time.Hour},
		{"a wait in the past is no wait", none, asks(limited, -time.Hour), 1, time.Minute},
		{"no fault", none, domain.Fault{}, 1, time.Minute},
	} {
		var previous *domain.Failure
		if c.before != none {
			previous = &domain.Failure{Attempts: c.before}
		}
		decision := domain.Decide(domain.Failed{Fault: c.fault, At: noon, Step: "ObtainCertificate",
			Previous: previous})
		got := decision.Failure
		require.Empty(t, decision.Next, c.name)
		require.Equal(t, c.attempts, got.Attempts, c.name)
		require.Equal(t, c.wait, got.RetryAt.Sub(noon), c.name)
		require.Equal(t, noon, got.At, c.name)
		require.Equal(t, "ObtainCertificate", got.Step, c.name)
		require.NotEmpty(t, got.Fault.Message, c.name)
		require.NotEmpty(t, got.Fault.Kind, c.name)
	}
}

// A certificate in service is tried for again before it ends, however many failures there were.
func TestDecideMindsTheLifeThatIsLeft(t *testing.T) {
	t.Parallel()
	const h, m = time.Hour, time.Minute
	for _, c := range []struct {
		before     int
		left, wait time.Duration
	}{
		{3, 30 * 24 * h, 24 * h}, {3, 96 * h, 24 * h}, {3, 95 * h, 95 * h / 4}, {3, 10 * h, 150 * m},
		{2, 6 * h, 90 * m},
		{3, 4 * m, m}, {3, 8 * m, 2 * m}, {3, m, m}, {0, 2 * m, m}, {3, 1, m}, {3, 0, h}, {3, -h, h}, {0, -h, m},
	} {
		got := domain.Decide(domain.Failed{Fault: caDown, At: noon, Previous: &domain.Failure{Attempts: c.before},
			Issued: &domain.Issued{NotAfter: noon.Add(c.left)}})
		require.Equal(t, c.wait, got.Failure.RetryAt.Sub(noon), "%+v", c)
	}
	for _, c := range []struct {
		name     string
		failed   domain.Failed
		attempts int
		want     time.Duration
	}{
		{"a CA that is down, as it says", domain.Failed{Fault: asks(caDown, 7*24*h)}, 1, 15 * m},
		{"a limit is never cut: sooner is refused", domain.Failed{Fault: asks(limited, 2*h)}, 1, 2 * h},
		{"a limit without a wait", domain.Failed{Fault: limited, Previous: &domain.Failure{Attempts: 3}}, 4, 15 * m},
		{"a delivery", domain.Failed{Fault: caDown, Previous: &domain.Failure{Attempts: 3}, Target: "t", Version: "v"},
			4, 15 * m},
		{"a removal", domain.Failed{Fault: caDown, Previous: &domain.Failure{Attempts: 3}, Target: "t"}, 4, 15 * m},
		{"a revocation is about another certificate",
			domain.Failed{Fault: caDown, Previous: &domain.Failure{Attempts: 3}, Version: "v"}, 4, 24 * h},
		{"a revocation, as the CA says", domain.Failed{Fault: asks(caDown, 7*24*h), Version: "v"}, 1, 24 * h},
	} {
		c.failed.At, c.failed.Issued = noon, &domain.Issued{NotAfter: noon.Add(h)}
		got := domain.Decide(c.failed).Failure
		require.Equal(t, c.want, got.RetryAt.Sub(noon), c.name)
		require.Equal(t, c.attempts, got.Attempts, c.name)
	}
}

// A CA that says a second for ever is not asked every second for ever.
func TestDecideTiresOfShortWaits(t *testing.T) {
	t.Parallel()
	var failure *domain.Failure
	for count := 1; count <= 8; count++ {
		next := domain.Decide(domain.Failed{Fault: asks(caDown, time.Second), At: noon, Previous: failure}).Failure
		require.Equal(t, count, next.RetryAfterCount)
		require.Equal(t, 1, next.Attempts)
		want := time.Second
		if count > 5 {
			want = time.Minute
		}
		require.Equal(t, want, next.RetryAt.Sub(noon), count)
		failure = &next
	}
	reset := domain.Decide(domain.Failed{Fault: caDown, At: noon, Previous: failure}).Failure
	require.Zero(t, reset.RetryAfterCount)
	require.Equal(t, 2, reset.Attempts)
}

// What our own side lacks for a while does not count, is waited for for ten minutes at most, and comes first as soon
// as any.
func TestDecideForWhatIsOurOwn(t *testing.T) {
	t.Parallel()
	away := domain.Fault{Kind: domain.FaultWait, Reason: domain.ReasonDatabaseUnavailable, Message: "away"}
	for _, c := range []struct {
		previous *domain.Failure
		attempts int
		wait     time.Duration
	}{
		{nil, 1, time.Minute},
		{&domain.Failure{Attempts: 1}, 1, 10 * time.Minute},
		{&domain.Failure{Attempts: 2}, 2, 10 * time.Minute},
		{&domain.Failure{Attempts: 30}, 30, 10 * time.Minute},
	} {
		got := domain.Decide(domain.Failed{Fault: away, At: noon, Previous: c.previous}).Failure
		require.Equal(t, c.attempts, got.Attempts)
		require.Equal(t, c.wait, got.RetryAt.Sub(noon))
	}
}

// A dead name for weeks: 1, 10, 100 minutes, then once a day and never more, also when the certificate in service runs
// out; and never twice at the same second of the day.
func TestDecideForADeadName(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]domain.Fault{
		"refused by the CA": {Kind: domain.FaultName, Reason: domain.ReasonCAAForbids},
		"not to be seen":    {Kind: domain.FaultWait, Reason: domain.ReasonChallengeNotVisible},
		"paused by the CA":  {Kind: domain.FaultName, Reason: domain.ReasonNamesPaused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := noon
			issued := &domain.Issued{NotBefore: now.Add(-80 * day), NotAfter: now.Add(10 * day)}
			var failure *domain.Failure
			var waits []time.Duration
			for n := range 30 {
				f := domain.Decide(domain.Failed{Fault: fault, At: now, Previous: failure, Issued: issued,
					Fraction: float64(n%10) / 10}).Failure
				waits = append(waits, f.RetryAt.Sub(now))
				failure, now = &f, f.RetryAt
			}
			for i, least := range []time.Duration{time.Minute, 10 * time.Minute, 100 * time.Minute} {
				require.GreaterOrEqual(t, waits[i], least)
				require.LessOrEqual(t, waits[i], least+least/10)
			}
			for _, wait := range waits[3:] {
				require.GreaterOrEqual(t, wait, 24*time.Hour)
				require.LessOrEqual(t, wait, 27*time.Hour)
			}
			require.True(t, now.After(issued.NotAfter), "the certificate ran out meanwhile")
			require.Equal(t, 30, failure.Attempts)
		})
	}
}

// What failed together is not tried again together; what the other side asked for is followed exactly.
func TestDecideJitter(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fault    domain.Fault
		fraction float64
		want     time.Duration
	}{
		{caDown, 0, 100 * time.Minute},
		{caDown, 0.5, 105 * time.Minute},
		{caDown, 1, 110 * time.Minute},
		{caDown, 7, 110 * time.Minute},
		{caDown, -1, 100 * time.Minute},
		{caDown, math.NaN(), 100 * time.Minute},
		{caDown, 0.501, 105*time.Minute + time.Second}, // 0.6 s more: a whole second, and no sooner
		{asks(limited, 34*time.Hour), 0.9, 34 * time.Hour},
		{asks(caDown, time.Minute), 0.9, time.Minute},
	} {
		got := domain.Decide(domain.Failed{Fault: c.fault, At: noon, Previous: &domain.Failure{Attempts: 2},
			Fraction: c.fraction}).Failure
		require.Equal(t, c.want, got.RetryAt.Sub(noon), "%s %v", c.fault.Kind, c.fraction)
	}
	// Not before the wait is over, whatever part of a second it began with: so callers are answered.
	late := domain.Decide(domain.Failed{Fault: caDown, At: noon.Add(900 * time.Millisecond)}).Failure
	require.Equal(t, noon.Add(61*time.Second), late.RetryAt)
	require.True(t, late.Answer)
}

func TestDecideKeepsTheFaultForPeople(t *testing.T) {
	t.Parallel()
	cause := errors.New("dial tcp:\n\tconnection \x1b[31mrefused\xff")
	fault := domain.NewFault(domain.FaultWait, domain.ReasonDatabaseUnavailable, cause,
		"cannot reach the database").WithRetryAfter(7 * time.Second)
	fault.Step, fault.Final = "RecordIssued", true
	got := domain.Decide(domain.Failed{Fault: *fault, At: noon.In(time.FixedZone("x", 3600)),
		Step: "ObtainCertificate"}).Failure
	require.Equal(t, domain.Failure{
		Fault: domain.Fault{Kind: domain.FaultWait, Reason: domain.ReasonDatabaseUnavailable,
			RetryAfter: 7 * time.Second, Final: true,
			Message: "cannot reach the database: dial tcp: connection [31mrefused?"},
		Attempts: 1, RetryAfterCount: 1, At: noon, RetryAt: noon.Add(7 * time.Second), Step: "RecordIssued",
	}, got)
	require.NoError(t, got.Fault.Unwrap())

	for length, cut := range map[int]bool{500: false, 501: true} { // ü has two octets, … three
		fault := domain.NewFault(domain.FaultCA, domain.ReasonServerError, nil, "%s", strings.Repeat("ü", length))
		long := domain.Decide(domain.Failed{Fault: *fault, At: noon}).Failure.Fault.Message
		require.LessOrEqual(t, len(long), 1000)
		require.Greater(t, len(long), 996)
		require.Equal(t, cut, strings.HasSuffix(long, "…"))
		require.NotContains(t, long, "\ufffd")
	}
	unknown := domain.Decide(domain.Failed{At: noon}).Failure.Fault
	require.Equal(t, domain.FaultOperator, unknown.Kind)
	require.Equal(t, domain.ReasonUnexpected, unknown.Reason)
	half := domain.Decide(domain.Failed{At: noon, Fault: domain.Fault{Reason: "X"}}).Failure.Fault
	require.Equal(t, domain.Fault{Reason: "X"}, half, "it says something: it is kept as it is")
	half = domain.Decide(domain.Failed{At: noon, Fault: domain.Fault{Kind: "X"}}).Failure.Fault
	require.Equal(t, domain.Fault{Kind: "X"}, half)
}
