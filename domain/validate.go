package domain

import (
	"fmt"
	"slices"
)

// Limits of Let's Encrypt's profiles on names per certificate (letsencrypt.org/docs/profiles). The usual limit holds
// for a profile that is not known here too.
const (
	maxNames      = 100
	maxNamesShort = 25
)

// maxIssuers and maxDeliveries bound one attempt's length, and a history's.
const (
	maxIssuers    = 5
	maxDeliveries = 20
)

const (
	// maxSpec bounds a spec's text in octets.
	maxSpec = 64 << 10
	// maxNameText bounds a name as it is written, in octets, before it is turned into A-labels: four for each of the
	// 253 that a DNS name has at most.
	maxNameText = 1024
)

// Validated returns the spec to use: defaults filled in, names as lower-case A-labels, in the order given. It is
// idempotent. An error is one *Fault of kind Spec that names the field, the value and the fix; whether an issuer is
// configured is not known here.
//
// It takes time in proportion to the spec's size: lists are counted, and names measured, before anything is done with
// them. Its answer depends on the public suffix list and the Unicode tables of this build.
func (s Spec) Validated() (Spec, error) {
	s = s.WithDefaults()
	for _, check := range []func(Spec) *Fault{
		checkCounts, checkKeyType, checkChallenge, checkKeyRotation, checkProfile, checkTenant, checkFleet,
		checkIssuers, checkDeliveries,
		checkSize,
	} {
		if f := check(s); f != nil {
			return Spec{}, f
		}
	}
	s.Issuers, s.Deliveries = slices.Clone(s.Issuers), slices.Clone(s.Deliveries)
	names, f := validNames(s.Names, s.Challenge)
	if f != nil {
		return Spec{}, f
	}
	s.Names = names
	return s, nil
}

// checkCounts comes first: whatever is in a list, it is short from here on.
func checkCounts(s Spec) *Fault {
	limit, of := maxNames, "a certificate"
	switch s.Profile {
	case "tlsserver", "shortlived":
		limit, of = maxNamesShort, "the profile "+quote(s.Profile)
	case "":
	default:
		of = "the profile " + quote(s.Profile)
	}
	switch {
	case len(s.Names) == 0:
		return specFault(ReasonNoNames, "names: empty; give at least one DNS name such as \"www.example.com\"")
	case len(s.Names) > limit:
		return specFault(ReasonTooManyNames, "names: %d names, but %s has room for %d; split them over several certificates",
			len(s.Names), of, limit)
	case len(s.Issuers) > maxIssuers:
		return specFault(ReasonTooManyIssuers, "issuers: %d of them, but there may be %d; leave out some",
			len(s.Issuers), maxIssuers)
	case len(s.Deliveries) > maxDeliveries:
		return specFault(ReasonTooManyDeliveries,
			"deliveries: %d of them, but there may be %d; deliver to a place that others read from",
			len(s.Deliveries), maxDeliveries)
	}
	return nil
}

// checkSize comes after the other fields: what is left to measure are the names.
func checkSize(s Spec) *Fault {
	size := len(s.KeyType) + len(s.Profile) + len(s.Challenge) + len(s.KeyRotation) + len(s.Tenant) + len(s.Fleet)
	for _, text := range slices.Concat(s.Issuers, s.Deliveries) {
		size += len(text)
	}
	for i, name := range s.Names {
		if len(name) > maxNameText {
			return specFault(ReasonNameTooLong,
				"names[%d] %s: %d octets; no DNS name is longer than %d, use a shorter one",
				i, quote(name), len(name), maxName)
		}
		size += len(name)
	}
	if size > maxSpec {
		return specFault(ReasonSpecTooLarge,
			"names: with them the spec has %d octets, but it may have %d; split them over several certificates",
			size, maxSpec)
	}
	return nil
}

func validNames(names []string, challenge ChallengeType) ([]string, *Fault) {
	out := make([]string, 0, len(names))
	seen := make(map[string]int, len(names))
	for i, name := range names {
		field := fmt.Sprintf("names[%d]", i)
		ascii, p := dnsName(name)
		if p != nil {
			return nil, p.asFault(field, name)
		}
		if fault := challenge.refuse(field, name, ascii); fault != nil {
			return nil, fault
		}
		if first, ok := seen[ascii]; ok {
			return nil, specFault(ReasonDuplicateName, "%s %s: the same name as names[%d] %s; remove one of them",
				field, quote(name), first, quote(names[first]))
		}
		seen[ascii] = i
		out = append(out, ascii)
	}
	return out, nil
}

func specFault(reason Reason, format string, args ...any) *Fault {
	return NewFault(FaultSpec, reason, nil, format, args...)
}
