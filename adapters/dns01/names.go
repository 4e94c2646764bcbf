package dns01

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"github.com/miekg/dns"

	"everleaf/domain"
	"everleaf/ports"
)

const (
	defaultPort = 53
	label       = "_acme-challenge."
)

// canonical is a name in lower case without a dot at the end.
func canonical(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// recordOf is where a CA begins to look and what it wants to see there (RFC 8555 §8.4).
func recordOf(challenge domain.Challenge) ports.DNSRecord {
	digest := sha256.Sum256([]byte(challenge.KeyAuthorization))
	return ports.DNSRecord{
		Name:  label + strings.TrimPrefix(canonical(challenge.Name), "*."),
		Value: base64.RawURLEncoding.EncodeToString(digest[:]),
	}
}

// within reports whether a canonical name is the zone's or below it, by whole labels: a dot inside a label, which is
// written "\.", ends none. Nothing is within the root.
func within(name, zone string) bool {
	return zone != "" && dns.IsSubDomain(dns.Fqdn(zone), dns.Fqdn(name))
}

// plainName reports whether a canonical name has only characters of host and service names. DNS allows any octet, and
// who owns a CNAME chooses them.
func plainName(name string) bool {
	return !strings.ContainsFunc(name, func(r rune) bool {
		return !strings.ContainsRune(
			"abcdefghijklmnopqrstuvwxyz0123456789-_.", r)
	})
}
