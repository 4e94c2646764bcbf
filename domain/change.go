package domain

import (
	"fmt"
	"slices"
	"strings"
)

// maxChange bounds a line of Changes, and maxValue each of its two values, in octets.
const (
	maxChange = 300
	maxValue  = 140
)

// Changes describes how to differs from s, a line for each field; none if they ask for the same. There are never more
// than eleven lines of 300 octets, whatever the specs hold: what has no room in a list is counted.
func (s Spec) Changes(to Spec) []string {
	a, b := s.WithDefaults(), to.WithDefaults()
	var changes []string
	set := func(what string, was, is []string) {
		for _, change := range []struct {
			verb   string
			values []string
		}{{"added", without(is, was)}, {"removed", without(was, is)}} {
			if line := what + ": " + change.verb + " "; len(change.values) > 0 {
				changes = append(changes, line+andMore(change.values, maxChange-len(line)))
			}
		}
	}
	set("names", sameNames(a.Names), sameNames(b.Names))
	field := func(name string, before, after []string) {
		if !slices.Equal(before, after) {
			changes = append(changes, fmt.Sprintf("%s: %s is now %s", name, orNone(before), orNone(after)))
		}
	}
	field("keyType", []string{string(a.KeyType)}, []string{string(b.KeyType)})
	field("profile", []string{a.Profile}, []string{b.Profile})
	field("issuers", a.Issuers, b.Issuers)
	field("challenge", []string{string(a.Challenge)}, []string{string(b.Challenge)})
	field("keyRotation", []string{string(a.KeyRotation)}, []string{string(b.KeyRotation)})
	field("tenant", []string{a.Tenant}, []string{b.Tenant})
	set("deliveries", sorted(a.Deliveries), sorted(b.Deliveries))
	field("fleet", []string{a.Fleet}, []string{b.Fleet})
	return changes
}

// FulfilledBy reports whether the certificate in service is as good as one that would be issued for s now. The names of
// s are those of a validated spec.
//
// A certificate fulfils a spec that names its issuer anywhere: a change of preference alone takes effect with the next
// renewal, and so do challenge and key rotation.
func (s Spec) FulfilledBy(issued *Issued) bool {
	if issued == nil {
		return false
	}
	s = s.WithDefaults()
	return slices.Equal(sameNames(s.Names), sameNames(issued.Names)) && s.KeyType == issued.KeyType &&
		s.Profile == issued.Profile && slices.Contains(s.Issuers, issued.Issuer)
}

// without gives the entries of all that are not among some.
func without(all, some []string) []string {
	drop := make(map[string]bool, len(some))
	for _, name := range some {
		drop[name] = true
	}
	return slices.DeleteFunc(slices.Clone(all), func(name string) bool { return drop[name] })
}

func orNone(values []string) string {
	text := andMore(values, maxValue)
	if strings.TrimSpace(text) == "" {
		return "(none)"
	}
	return text
}
