package domain

import (
	"slices"
	"strconv"
)

// Edit is a change of a part of a spec: what it does not name stays. A field that is nil stays.
type Edit struct {
	AddNames, RemoveNames           []string
	AddIssuers, RemoveIssuers       []string
	AddDeliveries, RemoveDeliveries []string
	KeyType                         *KeyType
	Profile                         *string
	Challenge                       *ChallengeType
	KeyRotation                     *KeyRotation
}

// Empty reports whether the edit asks for nothing.
func (e Edit) Empty() bool {
	lists := [][]string{e.AddNames, e.RemoveNames, e.AddIssuers, e.RemoveIssuers, e.AddDeliveries, e.RemoveDeliveries}
	some := slices.ContainsFunc(lists, func(list []string) bool { return len(list) > 0 })
	return !some && e.KeyType == nil && e.Profile == nil && e.Challenge == nil && e.KeyRotation == nil
}

// Of is s with the edit: first what is removed, then what is added at the end of its list. What is there already is
// not added twice. absent is what was to be removed and is not there. The result is not validated.
func (e Edit) Of(s Spec) (edited Spec, absent []string) {
	list := func(values, remove, add []string, same func(string) string) []string {
		values = slices.Clone(values)
		index := func(value string) int {
			return slices.IndexFunc(values, func(v string) bool { return same(v) == same(value) })
		}
		for _, value := range remove {
			i := index(value)
			if i < 0 {
				absent = append(absent, value)
				continue
			}
			values = slices.Delete(values, i, i+1)
		}
		for _, value := range add {
			if index(value) < 0 {
				values = append(values, value)
			}
		}
		return values
	}
	itself := func(value string) string { return value }
	s.Names = list(s.Names, e.RemoveNames, e.AddNames, spelt)
	s.Issuers = list(s.Issuers, e.RemoveIssuers, e.AddIssuers, itself)
	s.Deliveries = list(s.Deliveries, e.RemoveDeliveries, e.AddDeliveries, itself)
	set(&s.KeyType, e.KeyType)
	set(&s.Profile, e.Profile)
	set(&s.Challenge, e.Challenge)
	set(&s.KeyRotation, e.KeyRotation)
	return s, absent
}

func set[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}

// spelt is a DNS name in the spelling of a validated spec; one that is none stays, for Validated to refuse.
func spelt(name string) string {
	if ascii, p := dnsName(name); p == nil {
		return ascii
	}
	return name
}

// GenerationConflict is the Spec fault "GenerationConflict" of a spec that was made from another one than that of the
// stored generation, 0 if there is none.
func GenerationConflict(certificate string, stored, expected int64) *Fault {
	is := "its spec is of generation " + strconv.FormatInt(stored, 10)
	switch {
	case stored == 0 && expected == 0:
		is = "somebody else asks for it for the first time, too"
	case stored == 0:
		is = "none is stored"
	}
	wanted := "generation " + strconv.FormatInt(expected, 10)
	if expected == 0 {
		wanted = "none"
	}
	return specFault(ReasonGenerationConflict, "certificate %q: %s, and %s was expected, so nothing was changed; read its spec "+
		"again and change that", certificate, is, wanted)
}
