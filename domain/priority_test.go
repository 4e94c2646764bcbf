package domain_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

func TestPriority(t *testing.T) {
	t.Parallel()
	ends := func(left time.Duration) domain.Record { // of 90 days
		return service(func(r *domain.Record) {
			r.Issued.NotBefore, r.Issued.NotAfter = noon.Add(left-90*day),
				noon.Add(left)
		})
	}
	for _, c := range []struct {
		name   string
		record domain.Record
		want   domain.Want
		urgent bool
	}{
		{"the first", domain.Record{}, domain.Want{Reason: domain.WakeNotIssued}, false},
		{"a renewal", service(nil), domain.Want{Reason: domain.WakeRenewal}, false},
		{"requested", service(nil), domain.Want{Reason: domain.WakeRequested, Force: true}, false},
		{"a sixth of life is left, and a second", ends(15*day + time.Second), domain.Want{Reason: domain.WakeRenewal},
			false},
		{"a sixth of life is left", ends(15 * day), domain.Want{Reason: domain.WakeRenewal}, true},
		{"expired", ends(-day), domain.Want{Reason: domain.WakeRetry}, true},
		{"to be revoked, as was asked", domain.Record{}, domain.Want{Reason: domain.WakeRevocation}, true},
		{"to be revoked, as is stored", service(func(r *domain.Record) { r.Revocations = revoking("v2", nil) }),
			domain.Want{Reason: domain.WakeRetry}, true},
		{"the one before is to be revoked", service(func(r *domain.Record) {
			r.Revocations = revoking("v1",
				compromised)
		}), domain.Want{}, false},
		{"revoked", service(func(r *domain.Record) { r.Issued.Revoked = true }), domain.Want{}, true},
	} {
		want := domain.PriorityUsual
		if c.urgent {
			want = domain.PriorityUrgent
		}
		require.Equal(t, want, domain.Priority(noon, c.record, c.want), c.name)
	}
	require.Equal(t, []int{1, 2, 3, 5}, []int{domain.PriorityUrgent, domain.PriorityAwaited, domain.PriorityUsual,
		domain.PrioritySweep},
		"Temporal's numbers")
}

func TestFairnessKey(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 63) + ".com" // 67 octets
	for _, c := range []struct {
		spec domain.Spec
		want string
	}{
		{domain.Spec{}, ""},
		{domain.Spec{Tenant: "shop"}, "shop"},
		{domain.Spec{Tenant: "shop", Names: []string{"www.example.com"}}, "shop"},
		{domain.Spec{Names: []string{"www.example.com", "other.example.org"}}, "example.com"},
		{domain.Spec{Names: []string{"*.shop.example.com"}}, "example.com"},
		{domain.Spec{Names: []string{"WWW.Example.COM"}}, "example.com"},
		{domain.Spec{Names: []string{"a.b.example.co.uk"}}, "example.co.uk"},
		{domain.Spec{Names: []string{"a.b.github.io"}}, "b.github.io"}, // its owner is another than a.github.io's
		{domain.Spec{Names: []string{"github.io"}}, "github.io"},
		{domain.Spec{Names: []string{"a.b.internal"}}, "b.internal"},
		{domain.Spec{Names: []string{"xn--bcher-kva.example"}}, "xn--bcher-kva.example"},
		{domain.Spec{Tenant: strings.Repeat("a", 64)}, strings.Repeat("a", 64)},
		{domain.Spec{Tenant: strings.Repeat("a", 65)},
			"635361c48bb9eab14198e76ea8ab7f1a41685d6ad62aa9146d301d4f17eb0ae0"},
		{domain.Spec{Names: []string{"www." + long}},
			"0d44adc178b11b21dc1be7cfae8e25bdb9c8945b211613174eba98fc4a5a9996"},
	} {
		got := domain.FairnessKey(c.spec)
		require.LessOrEqual(t, len(got), 64)
		require.Equal(t, c.want, got, "%+v", c.spec)
	}
	other := domain.FairnessKey(domain.Spec{Tenant: strings.Repeat("a", 66)})
	require.NotEqual(t, other, domain.FairnessKey(domain.Spec{Tenant: strings.Repeat("a", 65)}))
	require.Len(t, domain.FairnessKey(domain.Spec{Tenant: strings.Repeat("a", huge)}), 64)
}
