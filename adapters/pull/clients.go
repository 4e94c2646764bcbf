package pull

import (
	"cmp"
	"crypto/sha256"
	"crypto/x509"
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
	names := clientNames(leaf)
	for _, name := range names {
		for target, clients := range *s.clients.Load() {
			if slices.ContainsFunc(clients, func(client string) bool { return sameClient(name, client) }) {
				v.targets = append(v.targets, target)
				v.name = cmp.Or(v.name, name) // the name by which it is let in is the one to audit
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
	if v.name == "" && len(names) > 0 {
		v.name = names[0]
	}
	v.name = cmp.Or(v.name, fmt.Sprintf("sha256:%x", sha256.Sum256(leaf.Raw)))
	return v, true
}

// clientNames are the names that a client may be configured by: a workload identity's URI first, then DNS names, then
// the common name, which the client CA vouches for just so.
func clientNames(leaf *x509.Certificate) []string {
	var names []string
	for _, uri := range leaf.URIs {
		names = append(names, uri.String())
	}
	names = append(names, leaf.DNSNames...)
	if cn := leaf.Subject.CommonName; cn != "" && !slices.Contains(names, cn) {
		names = append(names, cn)
	}
	return names
}

// sameClient reports whether two names are equal: a DNS name as DNS compares, while a URI's path is case-sensitive.
func sameClient(name, configured string) bool {
	if strings.Contains(configured, "/") {
		return name == configured
	}
	return strings.EqualFold(name, configured) && isASCII(name) == isASCII(configured)
}

// isASCII reports whether all letters are ASCII. A common name may hold any letter, and the Kelvin sign folds to "k".
func isASCII(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r > unicode.MaxASCII })
}
