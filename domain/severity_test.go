package domain_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

// The time that is left drives it, not how often something failed.
func TestSeverity(t *testing.T) {
	t.Parallel()
	left := func(left time.Duration) *domain.Issued {
		return &domain.Issued{NotBefore: noon.Add(left - 90*day), NotAfter: noon.Add(left)}
	}
	once, often := &domain.Failure{Attempts: 1}, &domain.Failure{Attempts: 100}
	const second = time.Second
	for _, c := range []struct {
		issued  *domain.Issued
		failure *domain.Failure
		want    domain.Severity
	}{
		{left(60 * day), nil, domain.SeverityNone},
		{left(60 * day), often, domain.SeverityInfo},
		{left(30*day + second), once, domain.SeverityInfo},
		{left(30 * day), once, domain.SeverityWarning},
		{left(15*day + second), once, domain.SeverityWarning},
		{left(15 * day), once, domain.SeverityCritical},
		{left(15 * day), nil, domain.SeverityNone},
		{left(90*day/12 + second), nil, domain.SeverityNone},
		{left(90 * day / 12), nil, domain.SeverityCritical},
		{left(-day), nil, domain.SeverityCritical},
		{nil, once, domain.SeverityWarning},
		{nil, nil, domain.SeverityNone},
	} {
		require.Equal(t, c.want, domain.SeverityOf(noon, c.issued, c.failure), "%+v %+v", c.issued, c.failure)
	}
}
