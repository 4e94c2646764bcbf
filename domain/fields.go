package domain

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxProfile = 64
	maxTenant  = 128
	maxNote    = 1000
)

var (
	// configuredName is what settings and specs call an issuer or a target by: one DNS label.
	configuredName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	// deliveryName is a target, and a host that may follow.
	deliveryName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(@[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?)?$`)
)

var keyTypes = []KeyType{KeyECDSAP256, KeyECDSAP384, KeyRSA2048, KeyRSA3072, KeyRSA4096}

// IsConfiguredName reports whether an issuer or a target may have this name: 1 to 63 of a-z, 0-9 and "-", beginning and
// ending with a letter or digit.
func IsConfiguredName(name string) bool { return configuredName.MatchString(name) }

func checkKeyType(s Spec) *Fault {
	if slices.Contains(keyTypes, s.KeyType) {
		return nil
	}
	return specFault(ReasonUnknownKeyType, "keyType %s: unknown; use one of %s", quote(string(s.KeyType)),
		list(keyTypes))
}

func checkKeyRotation(s Spec) *Fault {
	if s.KeyRotation == RotateAlways || s.KeyRotation == RotateNever {
		return nil
	}
	return specFault(ReasonUnknownKeyRotation, "keyRotation %s: unknown; use %s or %s",
		quote(string(s.KeyRotation)), RotateAlways, RotateNever)
}

// checkProfile leaves it to the CA whether it has the profile: its directory is the only list that is true.
func checkProfile(s Spec) *Fault {
	other := func(r rune) bool { return r < ' ' || r > '~' }
	if len(s.Profile) <= maxProfile && trimmed(s.Profile) && !strings.ContainsFunc(s.Profile, other) {
		return nil
	}
	return specFault(ReasonProfileName, "profile %s: no CA has such a profile; use one of the CA's directory, of at most "+
		"%d printable ASCII characters without spaces around it", quote(s.Profile), maxProfile)
}

func checkTenant(s Spec) *Fault {
	if len(s.Tenant) <= maxTenant && trimmed(s.Tenant) && printable(s.Tenant) {
		return nil
	}
	return specFault(ReasonTenantName,
		"tenant %s: use at most %d octets of printable characters without spaces around them, or leave it out",
		quote(s.Tenant), maxTenant)
}

func checkFleet(s Spec) *Fault {
	if s.Fleet == "" || IsConfiguredName(s.Fleet) {
		return nil
	}
	return specFault(ReasonFleetName, "fleet %s: use 1 to 63 of a-z, 0-9 and \"-\", or leave it out", quote(s.Fleet))
}

func checkIssuers(s Spec) *Fault {
	for i, issuer := range s.Issuers {
		if !IsConfiguredName(issuer) {
			return specFault(ReasonIssuerName,
				"issuers[%d] %s: give a configured issuer's name, of 1 to 63 of a-z, 0-9 and "+
					"\"-\", or leave issuers out", i, quote(issuer))
		}
	}
	return duplicate(ReasonDuplicateIssuer, "issuers", s.Issuers)
}

// checkDeliveries knows the form only: which targets are configured, the workers know that have them.
func checkDeliveries(s Spec) *Fault {
	for i, delivery := range s.Deliveries {
		if !deliveryName.MatchString(delivery) {
			return specFault(ReasonDeliveryName,
				"deliveries[%d] %s: give a configured target's name, of a-z, 0-9 and \"-\", "+
					"with \"@\" and a host's name if it is on its own host", i, quote(delivery))
		}
	}
	return duplicate(ReasonDuplicateDelivery, "deliveries", s.Deliveries)
}

// duplicate refuses a list that has an entry twice.
func duplicate(reason Reason, field string, values []string) *Fault {
	seen := make(map[string]int, len(values))
	for i, value := range values {
		if first, ok := seen[value]; ok {
			return specFault(reason, "%s[%d] %s: the same as %s[%d]; remove one of them", field, i, quote(value),
				field, first)
		}
		seen[value] = i
	}
	return nil
}

// ValidateNote checks what a caller wants to be kept for people: one line of at most 1,000 octets, or nothing. An error
// is a *Fault of kind Spec for the field note.
func ValidateNote(note string) error {
	fail := func(reason Reason, text string) error { return problem(reason, text).asFault("note", note) }
	switch {
	case len(note) > maxNote:
		return fail(ReasonNoteTooLong, fmt.Sprintf("%d octets; use at most %d", len(note), maxNote))
	case !printable(note):
		return fail(ReasonNoteCharacter, "something that cannot be shown on one line; use printable characters only")
	}
	return nil
}

func trimmed(text string) bool { return text == strings.TrimSpace(text) }

// printable reports whether text is UTF-8 and one line of characters that can be shown.
func printable(text string) bool {
	hidden := func(r rune) bool { return !unicode.IsGraphic(r) }
	return utf8.ValidString(text) && !strings.ContainsFunc(text, hidden)
}
