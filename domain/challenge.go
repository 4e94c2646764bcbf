package domain

import (
	"slices"
	"strings"
)

// challenges are the types of challenge that there are, in the order in which they are listed, each with what keeps a
// name from being validated by it; field and name are for the message, ascii is the name in A-labels.
var challenges = []struct {
	kind   ChallengeType
	refuse func(field, name, ascii string) *Fault
}{
	{ChallengeHTTP01, refuseWildcard},
	{ChallengeDNS01, refuseLongRecord},
}

// challengeLabel is put before a name that dns-01 validates (RFC 8555 §8.4).
const challengeLabel = "_acme-challenge."

// ChallengeTypes are the types of challenge that there are.
func ChallengeTypes() (types []ChallengeType) {
	for _, challenge := range challenges {
		types = append(types, challenge.kind)
	}
	return types
}

func checkChallenge(s Spec) *Fault {
	if types := ChallengeTypes(); !slices.Contains(types, s.Challenge) {
		return specFault(ReasonUnknownChallenge, "challenge %s: not available; use one of %s",
			quote(string(s.Challenge)), list(types))
	}
	return nil
}

// refuse is nil for a name that can be validated so; also where the type is none, which checkChallenge says.
func (c ChallengeType) refuse(field, name, ascii string) *Fault {
	for _, challenge := range challenges {
		if challenge.kind == c {
			return challenge.refuse(field, name, ascii)
		}
	}
	return nil
}

// refuseWildcard: RFC 8555 §7.1.3 allows a wildcard in an order; the Baseline Requirements (§3.2.2.4.19) forbid to
// validate it by http-01.
func refuseWildcard(field, name, ascii string) *Fault {
	if !strings.HasPrefix(ascii, "*.") {
		return nil
	}
	return specFault(ReasonWildcardNeedsDNS01,
		"%s %s: a wildcard can only be validated by dns-01, and the challenge is http-01; choose dns-01, or list each "+
			"host by its name", field, quote(name))
}

func refuseLongRecord(field, name, ascii string) *Fault {
	place := challengeLabel + strings.TrimPrefix(ascii, "*.")
	if len(place) <= maxName {
		return nil
	}
	return specFault(ReasonNameTooLongForDNS01,
		"%s %s: dns-01 needs a record at %s before it, which makes it %d octets long, and no DNS name is longer than "+
			"%d; choose http-01, or use a name of at most %d octets",
		field, quote(name), quote(challengeLabel), len(place), maxName, maxName-len(challengeLabel))
}
