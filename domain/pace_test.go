package domain_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

// A name that is dead for weeks costs its CA three validations in its first two hours and then one a day, whether the
// certificate is new, in service or about to run out: Let's Encrypt allows 5 failures an hour for each name, and pauses
// a name after 1152 in a row.
func TestADeadNameIsTriedOnceADay(t *testing.T) {
	t.Parallel()
	begin := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for title, issued := range map[string]*domain.Issued{
		"new":           nil,
		"in service":    {NotBefore: begin.AddDate(0, 0, -60), NotAfter: begin.AddDate(0, 0, 30)},
		"about to end":  {NotBefore: begin.Add(-160 * time.Hour), NotAfter: begin.Add(time.Hour)},
		"ended already": {NotBefore: begin.AddDate(0, 0, -90), NotAfter: begin.Add(-time.Hour)},
	} {
		for _, fault := range []*domain.Fault{
			domain.NewFault(domain.FaultName, "ChallengeUnauthorized", nil, "another answer"),
			domain.NewFault(domain.FaultName, domain.ReasonChallengeNotVisible, nil, "not seen"),
			domain.NewFault(domain.FaultName, "DNSFailed", nil, "NXDOMAIN"),
		} {
			for _, fraction := range []float64{0, 0.999} {
				var tries []time.Time
				var failure *domain.Failure
				for at := begin; at.Before(begin.AddDate(0, 0, 28)); at = failure.RetryAt {
					tries = append(tries, at)
					next := domain.Decide(at, failure, fault, "AuthorizeOrder", issued, fraction)
					failure = &next
				}
				require.LessOrEqual(t, len(tries), 3+28, title)
				for i, try := range tries {
					within := 0
					for _, other := range tries[i:] {
						if other.Before(try.Add(time.Hour)) {
							within++
						}
					}
					require.LessOrEqual(t, within, 3, "%s: tries within an hour from %s", title, try)
					if i > 3 {
						require.GreaterOrEqual(t, try.Sub(tries[i-1]), 24*time.Hour, title)
					}
				}
			}
		}
	}
}
