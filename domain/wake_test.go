package domain_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

func TestWake(t *testing.T) {
	hour := noon.Add(time.Hour)
	past := noon.Add(-time.Hour)
	issued := &domain.Issued{}
	revoking := func(version string, failure *domain.Failure) []domain.Revocation {
		return []domain.Revocation{{Issued: domain.Issued{Version: version}, Failure: failure}}
	}
	renewal := func(at time.Time) *domain.RenewalPlan { return &domain.RenewalPlan{At: at} }
	failed := func(kind domain.FaultKind, retry time.Time) *domain.Failure {
		return &domain.Failure{Fault: domain.Fault{Kind: kind}, RetryAt: retry}
	}
	for _, c := range []struct {
		name   string
		state  domain.Certificate
		at     time.Time
		reason string
	}{
		{"new", domain.Certificate{}, noon, "NotIssued"},
		{"new and asked", domain.Certificate{Reissue: true}, noon, "Reissue"},
		{"first attempt failed", domain.Certificate{Failure: failed(domain.FaultCA, hour)}, hour, "Retry"},
		{"retry is due", domain.Certificate{Failure: failed(domain.FaultCA, past)}, past, "Retry"},
		{"in service", domain.Certificate{Issued: issued, Renewal: renewal(hour)}, hour, "Renewal"},
		{"renewal is due", domain.Certificate{Issued: issued, Renewal: renewal(past)}, past, "Renewal"},
		{"renewal failed", domain.Certificate{Issued: issued, Renewal: renewal(past), Failure: failed(domain.FaultName, hour)}, hour, "Retry"},
		{"no plan", domain.Certificate{Issued: issued}, noon, "Unplanned"},
		{"asked", domain.Certificate{Issued: issued, Renewal: renewal(hour), Reissue: true}, noon, "Reissue"},
		{"asked after a failure", domain.Certificate{Reissue: true, Failure: failed(domain.FaultName, hour)}, noon, "Reissue"},
		{"asked while limited", domain.Certificate{Reissue: true, Failure: failed(domain.FaultRateLimited, hour)}, hour, "RateLimited"},
		{"asked, limit over", domain.Certificate{Reissue: true, Failure: failed(domain.FaultRateLimited, past)}, past, "RateLimited"},
		{"asked while the CA is down as it said", domain.Certificate{Reissue: true, Failure: &domain.Failure{RetryAt: hour,
			Fault: domain.Fault{Kind: domain.FaultCA, RetryAfter: time.Hour}}}, noon, "Reissue"},
		{"to be revoked, not replaced yet", domain.Certificate{Issued: &domain.Issued{Version: "v1"}, Renewal: renewal(hour), Revoking: revoking("v1", nil)}, hour, "Renewal"},
		{"to be revoked, replaced", domain.Certificate{Issued: &domain.Issued{Version: "v2", NotBefore: past}, Renewal: renewal(hour), Revoking: revoking("v1", nil)}, time.Time{}, "Revocation"},
		{"to be revoked, replaced by a CA whose clock is ahead", domain.Certificate{Issued: &domain.Issued{Version: "v2", NotBefore: hour}, Renewal: renewal(hour),
			Revoking: revoking("v1", nil)}, time.Time{}, "Revocation"},
		{"revocation failed", domain.Certificate{Issued: &domain.Issued{Version: "v2"}, Renewal: renewal(hour.Add(time.Hour)),
			Revoking: revoking("v1", failed(domain.FaultCA, hour))}, hour, "Revocation"},
		{"revocation failed, renewal before", domain.Certificate{Issued: &domain.Issued{Version: "v2"}, Renewal: renewal(hour),
			Revoking: revoking("v1", failed(domain.FaultCA, hour.Add(time.Hour)))}, hour, "Renewal"},
		{"limited, not asked", domain.Certificate{Failure: failed(domain.FaultRateLimited, hour)}, hour, "Retry"},
	} {
		at, reason := c.state.Wake(noon)
		require.Equal(t, c.at, at, c.name)
		require.Equal(t, c.reason, reason, c.name)
	}
}
