package domain

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
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

// challengeLabel is put before a name that dns-01 validates (RFC 8555 §8.4).
const challengeLabel = "_acme-challenge."

// deliveryName is a target, and a host that may follow.
var deliveryName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(@[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?)?$`)

// maxQuoted bounds a value that is quoted in a message, in octets: a pasted file must not become one.
const maxQuoted = 300

var (
	keyTypes   = []KeyType{KeyECDSAP256, KeyECDSAP384, KeyRSA2048, KeyRSA3072, KeyRSA4096}
	challenges = []ChallengeType{ChallengeHTTP01, ChallengeDNS01}
)

// Validated returns the spec to use: defaults filled in, names as lower-case A-labels, in the order given. It is
// idempotent. An error is one *Fault of kind Spec that names the field, the value and the fix; whether an issuer is
// configured is not known here.
//
// Its answer depends on the public suffix list and the Unicode tables of this build. So a workflow may call it where
// the answer is recorded or never replayed (an update's validator), and nowhere else.
func (s Spec) Validated() (Spec, error) {
	s = s.WithDefaults()
	for _, check := range []func(Spec) *Fault{checkKeyType, checkProfile, checkIssuers, checkChallenge, checkKeyRotation, checkDeliveries, checkCount} {
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

func validNames(names []string, challenge ChallengeType) ([]string, *Fault) {
	out := make([]string, 0, len(names))
	seen := make(map[string]int, len(names))
	for i, name := range names {
		field := fmt.Sprintf("names[%d]", i)
		ascii, p := dnsName(name)
		if p != nil {
			return nil, p.asFault(field, name)
		}
		// RFC 8555 §7.1.3 allows a wildcard in an order; the Baseline Requirements (§3.2.2.4.19) forbid to
		// validate it by http-01.
		if strings.HasPrefix(ascii, "*.") && challenge == ChallengeHTTP01 {
			return nil, specFault("WildcardNeedsDNS01",
				"%s %s: a wildcard can only be validated by dns-01, and the challenge is http-01; choose dns-01, or list each host by its name",
				field, quote(name))
		}
		if place := challengeLabel + strings.TrimPrefix(ascii, "*."); len(place) > maxName && challenge == ChallengeDNS01 {
			return nil, specFault("NameTooLongForDNS01",
				"%s %s: dns-01 needs a record at %s before it, which makes it %d octets long, and no DNS name is longer than %d; choose http-01, "+
					"or use a name of at most %d octets", field, quote(name), quote(challengeLabel), len(place), maxName, maxName-len(challengeLabel))
		}
		if first, ok := seen[ascii]; ok {
			return nil, specFault("DuplicateName", "%s %s: the same name as names[%d] %s; remove one of them",
				field, quote(name), first, quote(names[first]))
		}
		seen[ascii] = i
		out = append(out, ascii)
	}
	return out, nil
}

func checkCount(s Spec) *Fault {
	limit, of := maxNames, "a certificate"
	switch s.Profile {
	case "tlsserver", "shortlived":
		limit, of = maxNamesShort, "the profile "+quote(s.Profile)
	case "":
	default:
		of = "the profile " + quote(s.Profile)
	}
	switch n := len(s.Names); {
	case n == 0:
		return specFault("NoNames", "names: empty; give at least one DNS name such as \"www.example.com\"")
	case n > limit:
		return specFault("TooManyNames", "names: %d names, but %s has room for %d; split them over several certificates", n, of, limit)
	}
	return nil
}

func checkKeyType(s Spec) *Fault {
	if slices.Contains(keyTypes, s.KeyType) {
		return nil
	}
	return specFault("UnknownKeyType", "keyType %s: unknown; use one of %s", quote(string(s.KeyType)), list(keyTypes))
}

func checkChallenge(s Spec) *Fault {
	if slices.Contains(challenges, s.Challenge) {
		return nil
	}
	return specFault("UnknownChallenge", "challenge %s: not available; use one of %s",
		quote(string(s.Challenge)), list(challenges))
}

// checkProfile leaves it to the CA whether it has the profile: its directory is the only list that is true.
func checkProfile(s Spec) *Fault {
	if s.Profile == strings.TrimSpace(s.Profile) {
		return nil
	}
	return specFault("ProfileSpaces", "profile %s: spaces around it; use %s", quote(s.Profile), quote(strings.TrimSpace(s.Profile)))
}

func checkIssuers(s Spec) *Fault {
	for i, issuer := range s.Issuers {
		trimmed := strings.TrimSpace(issuer)
		switch first := slices.Index(s.Issuers, issuer); {
		case trimmed == "":
			return specFault("IssuerEmpty", "issuers[%d] %s: empty; give a configured issuer's name or leave issuers out", i, quote(issuer))
		case trimmed != issuer:
			return specFault("IssuerSpaces", "issuers[%d] %s: spaces around it; use %s", i, quote(issuer), quote(trimmed))
		case first < i:
			return specFault("DuplicateIssuer", "issuers[%d] %s: the same as issuers[%d]; remove one of them", i, quote(issuer), first)
		}
	}
	if len(s.Issuers) > maxIssuers {
		return specFault("TooManyIssuers", "issuers: %d of them, but there may be %d; leave out some", len(s.Issuers), maxIssuers)
	}
	return nil
}

func checkKeyRotation(s Spec) *Fault {
	if s.KeyRotation == RotateAlways || s.KeyRotation == RotateNever {
		return nil
	}
	return specFault("UnknownKeyRotation", "keyRotation %s: unknown; use %s or %s", quote(string(s.KeyRotation)), RotateAlways, RotateNever)
}

// checkDeliveries knows the form only: which targets are configured, the workers know that have them.
func checkDeliveries(s Spec) *Fault {
	for i, delivery := range s.Deliveries {
		if !deliveryName.MatchString(delivery) {
			return specFault("DeliveryName", "deliveries[%d] %s: give a configured target's name, of a-z, 0-9 and \"-\", with \"@\" and a "+
				"host's name if it is on a host of its own", i, quote(delivery))
		}
		if first := slices.Index(s.Deliveries, delivery); first < i {
			return specFault("DuplicateDelivery", "deliveries[%d] %s: the same as deliveries[%d]; remove one of them", i, quote(delivery), first)
		}
	}
	if len(s.Deliveries) > maxDeliveries {
		return specFault("TooManyDeliveries", "deliveries: %d of them, but there may be %d; deliver to a place that others read from",
			len(s.Deliveries), maxDeliveries)
	}
	return nil
}

// ValidateCertificateName checks the name that a certificate goes by: it becomes part of a workflow ID and of file
// names. It follows Kubernetes' DNS subdomain rule, so that a certificate may be called by its domain and a path
// separator, ".." or a leading "-" never gets through: 1 to 253 of a-z, 0-9, "-" and ".", each label beginning and
// ending with a letter or digit. It is never changed silently, since two spellings would be two workflows. An error
// is a *Fault of kind Spec for the field name.
func ValidateCertificateName(name string) error {
	fail := func(reason, text string) error { return problem(reason, text).asFault("name", name) }
	if name == "" {
		return fail("CertificateNameEmpty", "empty; give the certificate a name, for example its domain")
	}
	if len(name) > maxName {
		return fail("CertificateNameTooLong", fmt.Sprintf("%d characters; use at most %d", len(name), maxName))
	}
	if lower := strings.ToLower(name); lower != name {
		return fail("CertificateNameCharacter", "upper case; use "+quote(lower))
	}
	if rest, ok := strings.CutPrefix(name, "*."); ok {
		return fail("CertificateNameCharacter", `"*" does not belong in a file name; call the certificate `+quote("wildcard."+rest))
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" {
			return fail("CertificateNameDots", "a dot at an edge or two in a row; remove it")
		}
		if label[0] == '-' || label[len(label)-1] == '-' {
			return fail("CertificateNameHyphenEdge", "the part "+quote(label)+` starts or ends with "-"; remove it there`)
		}
		for _, c := range label {
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
				return fail("CertificateNameCharacter", "the character "+quote(string(c))+" is not allowed; use a-z, 0-9, \"-\" and \".\"")
			}
		}
	}
	return nil
}

func specFault(reason, format string, args ...any) *Fault {
	return NewFault(FaultSpec, reason, nil, format, args...)
}

// quote shows a caller's value so that it cannot break a log line, cut where it is absurdly long.
func quote(value string) string {
	if len(value) <= maxQuoted {
		return strconv.Quote(value)
	}
	cut := maxQuoted
	for cut > 0 && !utf8.RuneStart(value[cut]) {
		cut--
	}
	return strconv.Quote(value[:cut]) + "…"
}

func list[T ~string](values []T) string {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = string(v)
	}
	return strings.Join(words, ", ")
}
