package domain

import (
	"fmt"
	"slices"
	"strings"
)

// Changes says in words how to differs from s, a line for each field; none if they ask for the same.
func (s Spec) Changes(to Spec) []string {
	a, b := s.WithDefaults(), to.WithDefaults()
	var changes []string
	was, is := sameNames(a.Names), sameNames(b.Names)
	if added := without(is, was); len(added) > 0 {
		changes = append(changes, "names: added "+strings.Join(added, ", "))
	}
	if removed := without(was, is); len(removed) > 0 {
		changes = append(changes, "names: removed "+strings.Join(removed, ", "))
	}
	field := func(name, before, after string) {
		if before != after {
			changes = append(changes, fmt.Sprintf("%s: %s is now %s", name, orNone(before), orNone(after)))
		}
	}
	field("keyType", string(a.KeyType), string(b.KeyType))
	field("profile", a.Profile, b.Profile)
	field("issuers", strings.Join(a.Issuers, ", "), strings.Join(b.Issuers, ", "))
	field("challenge", string(a.Challenge), string(b.Challenge))
	field("keyRotation", string(a.KeyRotation), string(b.KeyRotation))
	field("deliveries", strings.Join(sorted(a.Deliveries), ", "), strings.Join(sorted(b.Deliveries), ", "))
	return changes
}

// FulfilledBy says that the certificate in service is as good as one that would be issued for s now. previous is the spec
// that it was issued for, the zero one if nobody knows.
//
// A certificate fulfils a spec that names its issuer anywhere: a change of preference alone takes effect with the next
// renewal, and so do challenge and key rotation.
func (s Spec) FulfilledBy(issued *Issued, previous Spec) bool {
	if issued == nil {
		return false
	}
	s, previous = s.WithDefaults(), previous.WithDefaults()
	keyType, profile := issued.KeyType, issued.Profile
	if keyType == "" {
		keyType, profile = previous.KeyType, previous.Profile
	}
	names := sameNames(s.Names)
	// The second is for names that a caller wrote in Unicode: what becomes of them is not computed here, but replayed.
	same := slices.Equal(names, sameNames(issued.Names)) || slices.Equal(names, sameNames(previous.Names))
	return same && s.KeyType == keyType && s.Profile == profile &&
		slices.Contains(s.Issuers, issued.Issuer)
}

func without(all, some []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(name string) bool { return slices.Contains(some, name) })
}

func orNone(value string) string {
	if value == "" {
		return "(none)"
	}
	return value
}
