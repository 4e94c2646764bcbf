package domain_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

func TestEdit(t *testing.T) {
	t.Parallel()
	spec := domain.Spec{Names: []string{"a.example.com", "xn--bcher-kva.example"}, Issuers: []string{"one", "two"},
		Deliveries: []string{"nginx", "disk@edge"},
		Profile:    "shortlived", Tenant: "acme", Fleet: "edge", KeyRotation: domain.RotateNever}.WithDefaults()
	set := func(change func(s *domain.Spec)) domain.Spec {
		changed := spec
		change(&changed)
		return changed
	}
	keyType, none, challenge, rotation := domain.KeyRSA2048, "", domain.ChallengeDNS01, domain.RotateAlways
	for _, c := range []struct {
		name   string
		edit   domain.Edit
		want   domain.Spec
		absent []string
	}{
		{"nothing", domain.Edit{}, spec, nil},
		{"a name", domain.Edit{AddNames: []string{"b.example.com"}},
			set(func(s *domain.Spec) {
				s.Names = []string{"a.example.com", "xn--bcher-kva.example",
					"b.example.com"}
			}), nil},
		{"names that are there, in other spellings",
			domain.Edit{AddNames: []string{"A.example.com", "bücher.example"}}, spec, nil},
		{"a name in another spelling is removed", domain.Edit{RemoveNames: []string{"Bücher.example"}},
			set(func(s *domain.Spec) { s.Names = []string{"a.example.com"} }), nil},
		{"what is not there", domain.Edit{RemoveNames: []string{"c.example.com"}, RemoveIssuers: []string{"three"},
			RemoveDeliveries: []string{"disk"}},
			spec, []string{"c.example.com", "three", "disk"}},
		{"one issuer in place of another", domain.Edit{RemoveIssuers: []string{"one"}, AddIssuers: []string{"three"}},
			set(func(s *domain.Spec) { s.Issuers = []string{"two", "three"} }), nil},
		{"an issuer moves to the end", domain.Edit{RemoveIssuers: []string{"one"}, AddIssuers: []string{"one"}},
			set(func(s *domain.Spec) { s.Issuers = []string{"two", "one"} }), nil},
		{"targets", domain.Edit{RemoveDeliveries: []string{"nginx"}, AddDeliveries: []string{"hook", "disk@edge"}},
			set(func(s *domain.Spec) { s.Deliveries = []string{"disk@edge", "hook"} }), nil},
		{"values", domain.Edit{KeyType: &keyType, Profile: &none, Challenge: &challenge, KeyRotation: &rotation},
			set(func(s *domain.Spec) {
				s.KeyType, s.Profile, s.Challenge, s.KeyRotation = domain.KeyRSA2048, "", domain.ChallengeDNS01,
					domain.RotateAlways
			}), nil},
		{"what is no name stays to be refused", domain.Edit{AddNames: []string{"a b"}},
			set(func(s *domain.Spec) { s.Names = []string{"a.example.com", "xn--bcher-kva.example", "a b"} }), nil},
	} {
		before := spec
		got, absent := c.edit.Of(spec)
		require.Equal(t, c.want, got, c.name)
		require.Equal(t, c.absent, absent, c.name)
		require.Equal(t, before, spec, "%s: the spec itself is left alone", c.name)
		require.Equal(t, c.name == "nothing", c.edit.Empty(), c.name)
	}
	all, absent := domain.Edit{AddNames: []string{"a.example.com"}, AddIssuers: []string{"one"},
		AddDeliveries: []string{"nginx"}}.Of(domain.Spec{})
	require.Equal(t, domain.Spec{Names: []string{"a.example.com"}, Issuers: []string{"one"},
		Deliveries: []string{"nginx"}}, all)
	require.Empty(t, absent)
}

func TestFleetName(t *testing.T) {
	t.Parallel()
	for fleet, valid := range map[string]bool{"": true, "edge-1": true, "Edge": false, "a b": false, "-a": false} {
		_, err := domain.Spec{Names: []string{"www.example.com"}, Fleet: fleet}.Validated()
		require.Equal(t, valid, err == nil, fleet)
	}
	require.Equal(t, []string{"fleet: (none) is now edge"}, domain.Spec{}.Changes(domain.Spec{Fleet: "edge"}))
}

func TestGenerationConflict(t *testing.T) {
	t.Parallel()
	for says, c := range map[string]struct{ stored, expected int64 }{
		"somebody else asks for it for the first time, too, and none was expected": {0, 0},
		"none is stored, and generation 3 was expected":                            {0, 3},
		"its spec is of generation 3, and none was expected":                       {3, 0},
		"its spec is of generation 3, and generation 2 was expected":               {3, 2},
	} {
		fault := domain.GenerationConflict("shop", c.stored, c.expected)
		require.Equal(t, domain.ReasonGenerationConflict, fault.Reason)
		require.Contains(t, fault.Message, `certificate "shop": `+says)
	}
}

func TestOfRemoval(t *testing.T) {
	t.Parallel()
	require.False(t, (*domain.Failure)(nil).OfRemoval())
	require.False(t, (&domain.Failure{Step: "DeliverCertificate"}).OfRemoval())
	require.True(t, (&domain.Failure{Step: domain.RemovalStep}).OfRemoval())
}
