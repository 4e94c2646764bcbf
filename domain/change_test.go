package domain_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

func TestChanges(t *testing.T) {
	t.Parallel()
	base := domain.Spec{Names: []string{"a.example.com", "b.example.com"}}
	with := func(change func(s *domain.Spec)) domain.Spec {
		s := base
		change(&s)
		return s
	}
	for _, c := range []struct {
		name string
		to   domain.Spec
		want []string
	}{
		{"nothing", base, nil},
		{"the defaults, said", base.WithDefaults(), nil},
		{"the names' order and case", with(func(s *domain.Spec) {
			s.Names = []string{"B.example.com",
				"a.EXAMPLE.com"}
		}), nil},
		{"the deliveries' order", with(func(s *domain.Spec) { s.Deliveries = nil }), nil},
		{"a name more", with(func(s *domain.Spec) {
			s.Names = []string{"a.example.com", "b.example.com",
				"c.example.com"}
		}), []string{"names: added c.example.com"}},
		{"a name less", with(func(s *domain.Spec) { s.Names = []string{"b.example.com"} }),
			[]string{"names: removed a.example.com"}},
		{"other names", with(func(s *domain.Spec) { s.Names = []string{"d.example.com", "c.example.com"} }),
			[]string{"names: added c.example.com, d.example.com", "names: removed a.example.com, b.example.com"}},
		{"key type", with(func(s *domain.Spec) { s.KeyType = domain.KeyRSA2048 }),
			[]string{"keyType: ecdsa-p256 is now rsa-2048"}},
		{"profile", with(func(s *domain.Spec) { s.Profile = "shortlived" }),
			[]string{"profile: (none) is now shortlived"}},
		{"issuers", with(func(s *domain.Spec) { s.Issuers = []string{"other", "default"} }),
			[]string{"issuers: default is now other, default"}},
		{"challenge", with(func(s *domain.Spec) { s.Challenge = domain.ChallengeDNS01 }),
			[]string{"challenge: http-01 is now dns-01"}},
		{"key rotation", with(func(s *domain.Spec) { s.KeyRotation = domain.RotateNever }),
			[]string{"keyRotation: Always is now Never"}},
		{"tenant", with(func(s *domain.Spec) { s.Tenant = "shop" }), []string{"tenant: (none) is now shop"}},
		{"deliveries", with(func(s *domain.Spec) { s.Deliveries = []string{"web@h1", "disk"} }),
			[]string{"deliveries: added disk, web@h1"}},
		{"several", with(func(s *domain.Spec) { s.Profile, s.Tenant = "tlsserver", "shop" }),
			[]string{"profile: (none) is now tlsserver", "tenant: (none) is now shop"}},
	} {
		require.Equal(t, c.want, base.Changes(c.to), c.name)
	}
	delivered := with(func(s *domain.Spec) { s.Deliveries, s.Issuers = []string{"b", "a"}, []string{"x", "y"} })
	require.Empty(t, delivered.Changes(with(func(s *domain.Spec) {
		s.Deliveries, s.Issuers = []string{"a", "b"},
			[]string{"x", "y"}
	})))
	require.Equal(t, []string{"deliveries: removed a, b"},
		delivered.Changes(with(func(s *domain.Spec) { s.Issuers = []string{"x", "y"} })))
}

// An answer with changes is small, whatever the specs hold: it is in histories.
func TestChangesAreBound(t *testing.T) {
	t.Parallel()
	many := func(n, length int) (values []string) {
		for i := range n {
			values = append(values, fmt.Sprintf("%0*d.example.com", max(1, length-len(".example.com")), i))
		}
		return values
	}
	lines := domain.Spec{}.Changes(domain.Spec{Names: many(100, 253), Issuers: many(5, 63), Deliveries: many(20, 127),
		Tenant:  strings.Repeat("t", 128),
		Profile: strings.Repeat("p", 64)})
	for _, line := range lines {
		require.LessOrEqual(t, len(line), 300)
	}
	require.Equal(t, "names: added "+many(1, 253)[0]+" and 99 more", lines[0], "whole names")
	require.Contains(t, lines, "tenant: (none) is now "+strings.Repeat("t", 128), "a valid value is whole")
	require.Contains(t, lines, "deliveries: added "+many(2, 127)[0]+", "+many(2, 127)[1]+" and 18 more")
	require.Contains(t, lines, "issuers: default is now "+many(2, 63)[0]+", "+many(2, 63)[1]+" and 3 more")

	short := domain.Spec{}.Changes(domain.Spec{Names: many(100, 16)})[0]
	require.LessOrEqual(t, len(short), 300)
	require.Greater(t, len(short), 280)
	require.Contains(t, short, "names: added 0000.example.com, 0001.example.com, ")
	shown := strings.Count(short, ",") + 1
	require.True(t, strings.HasSuffix(short, fmt.Sprintf("%04d.example.com and %d more", shown-1, 100-shown)), short)

	for about, text := range monsters() {
		raw := domain.Spec{Names: []string{text}, KeyType: domain.KeyType(text), Profile: text,
			Issuers: []string{text, text}, Tenant: text,
			Challenge: domain.ChallengeType(text), KeyRotation: domain.KeyRotation(text),
			Deliveries: slices.Repeat([]string{text}, 3)}
		for _, lines := range [][]string{domain.Spec{}.Changes(raw), raw.Changes(domain.Spec{})} {
			require.LessOrEqual(t, len(lines), 20)
			require.GreaterOrEqual(t, len(lines), 7)
			for _, line := range lines {
				require.LessOrEqual(t, len(line), 300, about)
				requireShown(t, line, about)
			}
		}
	}
}

func TestFulfilledBy(t *testing.T) {
	t.Parallel()
	issued := func(change func(i *domain.Issued)) *domain.Issued {
		i := &domain.Issued{Issuer: "ca", Names: []string{"b.example.com", "a.example.com"},
			KeyType: domain.KeyECDSAP256}
		if change != nil {
			change(i)
		}
		return i
	}
	spec := func(change func(s *domain.Spec)) domain.Spec {
		s := domain.Spec{Names: []string{"a.example.com", "b.example.com"}, Issuers: []string{"ca"}}
		if change != nil {
			change(&s)
		}
		return s
	}
	for _, c := range []struct {
		name   string
		spec   domain.Spec
		issued *domain.Issued
		want   bool
	}{
		{"none in service", spec(nil), nil, false},
		{"as asked for", spec(nil), issued(nil), true},
		{"another name", spec(func(s *domain.Spec) { s.Names = []string{"a.example.com", "c.example.com"} }),
			issued(nil), false},
		{"a name more", spec(func(s *domain.Spec) { s.Names = append(s.Names, "c.example.com") }), issued(nil), false},
		{"a name less", spec(func(s *domain.Spec) { s.Names = s.Names[:1] }), issued(nil), false},
		{"another case", spec(func(s *domain.Spec) { s.Names = []string{"A.example.com", "b.EXAMPLE.COM"} }),
			issued(nil), true},
		{"another key type", spec(func(s *domain.Spec) { s.KeyType = domain.KeyRSA2048 }), issued(nil), false},
		{"that key type", spec(func(s *domain.Spec) { s.KeyType = domain.KeyRSA2048 }),
			issued(func(i *domain.Issued) { i.KeyType = domain.KeyRSA2048 }), true},
		{"a profile", spec(func(s *domain.Spec) { s.Profile = "shortlived" }), issued(nil), false},
		{"no profile any more", spec(nil), issued(func(i *domain.Issued) { i.Profile = "shortlived" }), false},
		{"another issuer", spec(func(s *domain.Spec) { s.Issuers = []string{"other"} }), issued(nil), false},
		{"the issuer is the second choice", spec(func(s *domain.Spec) { s.Issuers = []string{"other", "ca"} }),
			issued(nil), true},
		{"the default issuer", spec(func(s *domain.Spec) { s.Issuers = nil }),
			issued(func(i *domain.Issued) { i.Issuer = domain.DefaultIssuer }), true},
		{"not the default issuer", spec(func(s *domain.Spec) { s.Issuers = nil }), issued(nil), false},
		{"challenge, rotation, tenant and deliveries wait", spec(func(s *domain.Spec) {
			s.Challenge, s.KeyRotation, s.Tenant, s.Deliveries = domain.ChallengeDNS01, domain.RotateNever, "shop",
				[]string{"disk"}
		}), issued(nil), true},
	} {
		require.Equal(t, c.want, c.spec.FulfilledBy(c.issued), c.name)
	}
}

func TestSameCertificateAndSame(t *testing.T) {
	t.Parallel()
	base := domain.Spec{Names: []string{"a.example.com", "b.example.com"}}
	for _, c := range []struct {
		name              string
		change            func(s *domain.Spec)
		certificate, same bool
	}{
		{"nothing", func(*domain.Spec) {}, true, true},
		{"the defaults, said", func(s *domain.Spec) { *s = s.WithDefaults() }, true, true},
		{"the order of names", func(s *domain.Spec) { s.Names = []string{"b.example.com", "a.example.com"} }, true,
			true},
		{"the case of names", func(s *domain.Spec) { s.Names = []string{"A.example.com", "b.eXample.cOm"} }, true,
			true},
		{"a name", func(s *domain.Spec) { s.Names = []string{"a.example.com", "z.example.com"} }, false, false},
		{"a name more", func(s *domain.Spec) { s.Names = append(slices.Clone(s.Names), "c.example.com") }, false,
			false},
		{"letters next to the alphabet", func(s *domain.Spec) { s.Names = []string{"a.example.com", "@.example.com"} },
			false, false},
		{"key type", func(s *domain.Spec) { s.KeyType = domain.KeyECDSAP384 }, false, false},
		{"profile", func(s *domain.Spec) { s.Profile = "classic" }, false, false},
		{"issuers", func(s *domain.Spec) { s.Issuers = []string{"default", "other"} }, true, false},
		{"challenge", func(s *domain.Spec) { s.Challenge = domain.ChallengeDNS01 }, true, false},
		{"key rotation", func(s *domain.Spec) { s.KeyRotation = domain.RotateNever }, true, true},
		{"tenant", func(s *domain.Spec) { s.Tenant = "shop" }, true, true},
		{"deliveries", func(s *domain.Spec) { s.Deliveries = []string{"disk"} }, true, true},
	} {
		other := base
		c.change(&other)
		require.Equal(t, c.certificate, base.SameCertificate(other), c.name)
		require.Equal(t, c.certificate, other.SameCertificate(base), c.name)
		require.Equal(t, c.same, base.Same(other), c.name)
		require.Equal(t, c.same, other.Same(base), c.name)
	}
	edges := domain.Spec{Names: []string{"AZ@[", "x"}}
	require.True(t, edges.SameCertificate(domain.Spec{Names: []string{"x", "az@["}}), "letters alone have two cases")
	require.False(t, edges.SameCertificate(domain.Spec{Names: []string{"x", "az`{"}}))
	require.Equal(t, []string{"AZ@[", "x"}, edges.Names, "the spec is not changed")
}
