package domain_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

// A dead name for weeks: 1, 10, 100 minutes, then once a day and never more, also when the certificate in service runs
// out; and never twice at the same second of the day.
func TestDecideForADeadName(t *testing.T) {
	for name, fault := range map[string]*domain.Fault{
		"refused by the CA": domain.NewFault(domain.FaultName, "CAA", nil, "no"),
		"not to be seen":    domain.NewFault(domain.FaultWait, domain.ReasonChallengeNotVisible, nil, "no"),
		"paused by the CA":  domain.NewFault(domain.FaultName, domain.ReasonNamesPaused, nil, "no"),
	} {
		t.Run(name, func(t *testing.T) {
			now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
			issued := &domain.Issued{NotBefore: now.Add(-80 * 24 * time.Hour), NotAfter: now.Add(10 * 24 * time.Hour)}
			var failure *domain.Failure
			var waits []time.Duration
			for n := range 30 {
				f := domain.Decide(now, failure, fault, "AuthorizeOrder", issued, float64(n%10)/10)
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

func TestDecide(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	issued := &domain.Issued{NotBefore: now.Add(-89 * 24 * time.Hour), NotAfter: now.Add(24 * time.Hour)}
	fourth := &domain.Failure{Attempts: 3, At: now, RetryAt: now}
	ours := domain.NewFault(domain.FaultWait, "DatabaseUnavailable", nil, "away")
	for range 5 { // a long outage of ours climbs no ladder
		f := domain.Decide(now, fourth, ours, "PlaceOrder", nil, 0.5)
		require.Equal(t, 3, f.Attempts)
		require.LessOrEqual(t, f.RetryAt.Sub(now), 11*time.Minute)
		fourth = &f
	}
	ca := domain.NewFault(domain.FaultCA, "ServerError", nil, "500")
	require.Equal(t, 6*time.Hour, domain.Decide(now, fourth, ca, "", issued, 0).RetryAt.Sub(now), "a quarter of what is left")
	told := domain.NewFault(domain.FaultRateLimited, "RateLimited", nil, "slow down").After(34 * time.Hour)
	require.Equal(t, 34*time.Hour, domain.Decide(now, fourth, told, "", issued, 0.9).RetryAt.Sub(now), "as told, without jitter")
}

func TestFallsBack(t *testing.T) {
	limit := func(wait time.Duration) *domain.Fault {
		return domain.NewFault(domain.FaultRateLimited, "RateLimited", nil, "").After(wait)
	}
	for _, c := range []struct {
		fault *domain.Fault
		falls bool
	}{
		{domain.NewFault(domain.FaultCA, "Unreachable", nil, ""), true},
		{domain.NewFault(domain.FaultCA, "Unavailable", nil, "").After(time.Second), true},
		{limit(0), true},
		{limit(2 * time.Hour), true},
		{limit(time.Hour), false},
		{domain.NewFault(domain.FaultRateLimited, domain.ReasonTooManyFailedValidations, nil, "").After(2 * time.Hour), false},
		{domain.NewFault(domain.FaultName, "CAA", nil, ""), false},
		{domain.NewFault(domain.FaultName, domain.ReasonNamesPaused, nil, ""), false},
		{domain.NewFault(domain.FaultOperator, "UserActionRequired", nil, ""), false},
		{domain.NewFault(domain.FaultSpec, "UnknownProfile", nil, ""), false},
		{domain.NewFault(domain.FaultWait, "DatabaseUnavailable", nil, ""), false},
	} {
		require.Equal(t, c.falls, c.fault.FallsBack(), "%s/%s %s", c.fault.Kind, c.fault.Reason, c.fault.RetryAfter)
	}
}

// The time that is left drives it, not how often something failed.
func TestSeverity(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	left := func(part int) *domain.Issued {
		return &domain.Issued{NotBefore: now.Add(time.Duration(part-90) * 24 * time.Hour), NotAfter: now.Add(time.Duration(part) * 24 * time.Hour)}
	}
	once := &domain.Failure{Attempts: 1}
	often := &domain.Failure{Attempts: 100}
	for _, c := range []struct {
		issued  *domain.Issued
		failure *domain.Failure
		want    domain.Severity
	}{
		{left(60), nil, domain.SeverityNone}, {left(10), nil, domain.SeverityNone}, {left(5), nil, domain.SeverityCritical},
		{left(60), often, domain.SeverityInfo}, {left(29), once, domain.SeverityWarning}, {left(14), once, domain.SeverityCritical},
		{left(-1), nil, domain.SeverityCritical}, {nil, once, domain.SeverityWarning}, {nil, nil, domain.SeverityNone},
	} {
		require.Equal(t, c.want, domain.SeverityOf(now, c.issued, c.failure), "%+v %+v", c.issued, c.failure)
	}
}
