package domain

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"everleaf/domain/fields"
)

// Configured is what the processes that run are configured with, as far as they have said so.
type Configured struct {
	// Issuers are the issuers by name; nil if no process that asks CAs has said what it has.
	Issuers map[string]ConfiguredIssuer
	// Zones are the DNS zones that those processes may write into.
	Zones []string
	// Targets are the names of the targets by the host of the processes that serve them, "" for those without one. A
	// host of which no process has said anything is not there.
	Targets map[string][]string
}

// ConfiguredIssuer is a CA.
type ConfiguredIssuer struct {
	// Profiles are those that the CA offers, where Known.
	Profiles []string
	Known    bool
}

// Check refuses what no process could carry out: an issuer, target or profile that none has, and dns-01 without a zone.
// What before names already is not looked at, for a process that has it may be away at this moment. The fault is a Spec
// fault "UnknownIssuer", "UnknownTarget", "UnknownProfile" or "NoDNSZones" that lists what there is.
func (c Configured) Check(spec, before Spec) *Fault {
	spec, before = spec.WithDefaults(), before.WithDefaults()
	if c.Issuers != nil {
		if f := c.checkIssuers(spec, before); f != nil {
			return f
		}
	}
	for i, delivery := range spec.Deliveries {
		target, host, _ := strings.Cut(delivery, "@")
		known, said := c.Targets[host]
		if !said || slices.Contains(known, target) || slices.Contains(before.Deliveries, delivery) {
			continue
		}
		where := ""
		if host != "" {
			where = " on host " + quote(host)
		}
		return specFault(ReasonUnknownTarget, "deliveries[%d] %s: no running worker has this target%s; %s", i,
			quote(delivery),
			where, choices(target, known))
	}
	return nil
}

func (c Configured) checkIssuers(spec, before Spec) *Fault {
	offers := func(issuer string) bool { // or may
		configured := c.Issuers[issuer]
		return !configured.Known || slices.Contains(configured.Profiles, spec.Profile)
	}
	for i, issuer := range spec.Issuers {
		if _, known := c.Issuers[issuer]; !known && !slices.Contains(before.Issuers, issuer) {
			return specFault(ReasonUnknownIssuer, "issuers[%d] %s: no running worker has this issuer; %s", i,
				quote(issuer),
				choices(issuer, slices.Sorted(maps.Keys(c.Issuers))))
		}
	}
	switch {
	case spec.Profile != "" && spec.Profile != before.Profile && !slices.ContainsFunc(spec.Issuers, offers):
		var profiles []string
		for _, issuer := range spec.Issuers {
			profiles = append(profiles, c.Issuers[issuer].Profiles...)
		}
		slices.Sort(profiles)
		return specFault(ReasonUnknownProfile, "profile %s: the CA does not offer it; %s", quote(spec.Profile),
			choices(spec.Profile, slices.Compact(profiles)))
	case spec.Challenge == ChallengeDNS01 && before.Challenge != ChallengeDNS01 && len(c.Zones) == 0:
		return specFault(ReasonNoDNSZones, "challenge %s: no running worker may write into a DNS zone; choose http-01, or have "+
			"zones configured", quote(string(spec.Challenge)))
	}
	return nil
}

// choices lists the names that there are, and the one that may be meant.
func choices(name string, known []string) string {
	if len(known) == 0 {
		return "none is configured"
	}
	text := "there are " + andMore(known, maxChange)
	if near := fields.Nearest(name, known); near != "" {
		text += fmt.Sprintf("; did you mean %s?", quote(near))
	}
	return text
}
