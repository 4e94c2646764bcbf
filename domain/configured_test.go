package domain_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

func TestConfigured(t *testing.T) {
	t.Parallel()
	all := domain.Configured{
		Issuers: map[string]domain.ConfiguredIssuer{"default": {Profiles: []string{"classic", "shortlived"},
			Known: true}, "spare": {}, "plain": {Known: true}},
		Zones:   []string{"acme.example.com"},
		Targets: map[string][]string{"": {"nginx", "hook"}, "edge": {"disk"}, "empty": nil},
	}
	noZone := all
	noZone.Zones = nil
	spec := domain.Spec{Names: []string{"www.example.com"}}
	with := func(change func(s *domain.Spec)) domain.Spec {
		s := spec
		change(&s)
		return s
	}
	to := func(targets ...string) domain.Spec { return with(func(s *domain.Spec) { s.Deliveries = targets }) }
	by := func(issuers ...string) domain.Spec { return with(func(s *domain.Spec) { s.Issuers = issuers }) }
	profile := func(name string, issuers ...string) domain.Spec {
		return with(func(s *domain.Spec) { s.Profile, s.Issuers = name, issuers })
	}
	dns := with(func(s *domain.Spec) { s.Challenge = domain.ChallengeDNS01 })
	for _, c := range []struct {
		name         string
		has          domain.Configured
		spec, before domain.Spec
		reason       domain.Reason
		says         string
	}{
		{"all of it", all, with(func(s *domain.Spec) {
			s.Issuers, s.Profile, s.Deliveries, s.Challenge = []string{"default", "spare"}, "shortlived",
				[]string{"nginx", "disk@edge"}, domain.ChallengeDNS01
		}), domain.Spec{}, "", ""},
		{"nobody has said anything", domain.Configured{}, with(func(s *domain.Spec) {
			s.Issuers, s.Profile, s.Deliveries, s.Challenge = []string{"x"}, "y", []string{"z", "z@w"},
				domain.ChallengeDNS01
		}), domain.Spec{}, "", ""},
		{"a typo in a target", all, to("hook", "ngnix"), domain.Spec{}, domain.ReasonUnknownTarget,
			`deliveries[1] "ngnix": no running worker has this target; there are nginx, hook; did you mean "nginx"?`},
		{"a target that is on a host", all, to("disk"), domain.Spec{}, domain.ReasonUnknownTarget,
			`there are nginx, hook`},
		{"another target of a host", all, to("nginx@edge"), domain.Spec{}, domain.ReasonUnknownTarget,
			`deliveries[0] "nginx@edge": no running worker has this target on host "edge"; there are disk`},
		{"a host without targets", all, to("nginx@empty"), domain.Spec{}, domain.ReasonUnknownTarget,
			`on host "empty"; none is configured`},
		{"a host of which nobody has said anything", all, to("nginx@away"), domain.Spec{}, "", ""},
		{"a target that was named before", all, to("ngnix"), to("ngnix"), "", ""},
		{"an unknown issuer", all, by("default", "spair"), domain.Spec{}, domain.ReasonUnknownIssuer,
			`issuers[1] "spair": no running worker has this issuer; there are default, plain, spare; did you mean "spare"?`},
		{"an issuer that was named before", all, by("spair"), by("spair"), "", ""},
		{"the default issuer, which there is not",
			domain.Configured{Issuers: map[string]domain.ConfiguredIssuer{"main": {}}}, spec, by("main"),
			domain.ReasonUnknownIssuer, `issuers[0] "default"`},
		{"an unknown profile", all, profile("longlived", "default"), domain.Spec{}, domain.ReasonUnknownProfile,
			`profile "longlived": the CA does not offer it; there are classic, shortlived`},
		{"a CA without profiles", all, profile("classic", "plain"), domain.Spec{}, domain.ReasonUnknownProfile,
			"none is configured"},
		{"a profile that one of the issuers may have", all, profile("longlived", "default", "spare"), domain.Spec{},
			"", ""},
		{"a profile that one of the issuers has", all, profile("classic", "plain", "default"), domain.Spec{}, "", ""},
		{"a profile that was named before", all, profile("longlived", "default"), profile("longlived"), "", ""},
		{"dns-01 without zones", noZone, dns, domain.Spec{}, domain.ReasonNoDNSZones,
			`challenge "dns-01": no running worker may write`},
		{"dns-01 as before", noZone, dns, dns, "", ""},
	} {
		fault := c.has.Check(c.spec, c.before)
		if c.reason == "" {
			require.Nil(t, fault, c.name)
			continue
		}
		require.NotNil(t, fault, c.name)
		require.Equal(t, domain.FaultSpec, fault.Kind, c.name)
		require.Equal(t, c.reason, fault.Reason, c.name)
		require.Contains(t, fault.Message, c.says, c.name)
	}
}
