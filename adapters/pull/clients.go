package pull

import (
	"cmp"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode"
)

const everyClient = "*"

// visitor is a client whose certificate was verified, and what it may have.
type visitor struct {
	// name is how the audit and the log call it.
	name string
	// targets are the pull targets that name it.
	targets []string
}

// visit returns who asks; ok is false without a verified certificate. A connection has one request, so each has just
// been verified: against the roots of now, and before the certificate's end.
func (s *Server) visit(request *http.Request) (v visitor, ok bool) {
	if request.TLS == nil || len(request.TLS.VerifiedChains) == 0 {
		return visitor{}, false
	}
	leaf := request.TLS.PeerCertificates[0]
	known := identities(leaf)
	for _, i := range known {
		for target, clients := range *s.clients.Load() {
			if slices.ContainsFunc(clients, i.is) {
				v.targets = append(v.targets, target)
				v.name = cmp.Or(v.name, i.String()) // the name by which it is let in is the one to audit
			}
		}
	}
	for target, clients := range *s.clients.Load() {
		if slices.Contains(clients, everyClient) {
			v.targets = append(v.targets, target)
		}
	}
	slices.Sort(v.targets)
	v.targets = slices.Compact(v.targets)
	if v.name == "" && len(known) > 0 {
		v.name = known[0].String()
	}
	v.name = cmp.Or(v.name, fmt.Sprintf("sha256:%x", sha256.Sum256(leaf.Raw)))
	return v, true
}

// identity is a name that the client CA vouches for, of one type.
type identity struct {
	kind identityKind
	name string
}

type identityKind string

const (
	byURI        identityKind = "URI"
	byDNS        identityKind = "DNS"
	byCommonName identityKind = "CN"
)

// String is how the audit and the log call it. A common name, or a DNS name of a careless CA, may look like a URI.
func (i identity) String() string {
	if i.kind == byCommonName || i.kind == byDNS && strings.Contains(i.name, ":") {
		return string(i.kind) + "=" + i.name
	}
	return i.name
}

// is reports whether a client is configured by this name: what has a colon is a URI, for which upper and lower case
// differ, and is a URI's alone; the others compare as DNS does.
func (i identity) is(configured string) bool {
	if isURI := strings.Contains(configured, ":"); isURI || i.kind == byURI {
		return isURI && i.kind == byURI && i.name == configured
	}
	if !isASCII(i.name) || !isASCII(configured) {
		return i.name == configured
	}
	return strings.EqualFold(i.name, configured)
}

// identities are the names that a client may be configured by: a workload's URI first, then DNS names. The common name
// counts only where the certificate has no subject alternative name of any type (RFC 6125 §6.4.4): a CA that writes
// those has judged them, and may let a client choose the other.
func identities(leaf *x509.Certificate) (known []identity) {
	for _, uri := range leaf.URIs {
		known = append(known, identity{byURI, uri.String()})
	}
	for _, name := range leaf.DNSNames {
		known = append(known, identity{byDNS, name})
	}
	hasSAN := slices.ContainsFunc(leaf.Extensions, func(e pkix.Extension) bool { return e.Id.Equal(subjectAltName) })
	if cn := leaf.Subject.CommonName; cn != "" && !hasSAN {
		known = append(known, identity{byCommonName, cn})
	}
	return known
}

// subjectAltName is id-ce-subjectAltName (RFC 5280 §4.2.1.6).
var subjectAltName = asn1.ObjectIdentifier{2, 5, 29, 17}

// isASCII reports whether all letters are ASCII. A common name may hold any letter, and the Kelvin sign folds to "k".
func isASCII(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r > unicode.MaxASCII })
}
