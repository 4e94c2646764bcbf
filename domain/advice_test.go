package domain_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

// RFC 9773 §4.3: Retry-After held between a minute and a day; temporary errors with backoff and a cap, then as
// long-term ones, six hours.
func TestNextARICheck(t *testing.T) {
	window := &domain.Window{Start: time.Unix(1, 0), End: time.Unix(2, 0)}
	temporary := domain.NewFault(domain.FaultCA, "Timeout", nil, "")
	lasting := domain.NewFault(domain.FaultCA, "NotFound", nil, "").Permanent()
	for name, c := range map[string]struct {
		advice   domain.Advice
		fault    *domain.Fault
		failures int
		want     time.Duration
	}{
		"as the CA says": {domain.Advice{Window: window, RetryAfter: 6 * time.Hour}, nil, 0, 6 * time.Hour},
		"1 s":            {domain.Advice{Window: window, RetryAfter: time.Second}, nil, 0, time.Minute},
		"30 d": {domain.Advice{Window: window, RetryAfter: 30 * 24 * time.Hour}, nil, 0,
			24 * time.Hour},
		"no Retry-After":        {domain.Advice{Window: window}, nil, 0, 6 * time.Hour},
		"no window that is one": {domain.Advice{RetryAfter: time.Minute}, nil, 0, 6 * time.Hour},
		"no renewalInfo at all": {domain.Advice{Unsupported: true}, nil, 0, 24 * time.Hour},
		"temporary, first":      {domain.Advice{}, temporary, 1, time.Minute},
		"temporary, second":     {domain.Advice{}, temporary, 2, 2 * time.Minute},
		"temporary, fourth":     {domain.Advice{}, temporary, 4, 8 * time.Minute},
		"temporary, too often":  {domain.Advice{}, temporary, 5, 6 * time.Hour},
		"long-term":             {domain.Advice{}, lasting, 1, 6 * time.Hour},
		"an error with a short one": {domain.Advice{},
			domain.NewFault(domain.FaultCA, "Unavailable", nil, "").WithRetryAfter(time.Second), 1, time.Minute},
		"an error with a long one": {domain.Advice{},
			domain.NewFault(domain.FaultCA, "Unavailable", nil, "").WithRetryAfter(30 * day), 1, 24 * time.Hour},
		"a count that cannot be": {domain.Advice{}, temporary, 0, time.Minute},
		"a count below zero":     {domain.Advice{}, temporary, -1, time.Minute},
		"an error with Retry-After": {domain.Advice{},
			domain.NewFault(domain.FaultCA, "Unavailable", nil, "").WithRetryAfter(time.Hour), 1, time.Hour},
	} {
		require.Equal(t, c.want, domain.NextARICheck(c.advice, c.fault, c.failures), name)
	}
}
