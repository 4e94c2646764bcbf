package http01

import (
	"fmt"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

const (
	maxRedirects = 10
	// maxLocation bounds the URL of a redirect, in octets.
	maxLocation = 2000
)

// redirects are followed as Let's Encrypt does: over http and https, to names, at the ports for these.
type redirects struct{ ports []string }

// notFollowed is why a redirect is not followed.
type notFollowed string

func (n notFollowed) Error() string { return string(n) }

func (r redirects) check(next *http.Request, via []*http.Request) error {
	target := next.URL
	port := target.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[target.Scheme]
	}
	host, err := idna.Lookup.ToASCII(target.Hostname())
	switch {
	case len(via) > maxRedirects:
		return notFollowed(fmt.Sprintf("more than %d redirects", maxRedirects))
	case next.Response != nil && next.Response.StatusCode == http.StatusSeeOther:
		return notFollowed("redirect with status 303")
	case target.Scheme != "http" && target.Scheme != "https":
		return notFollowed("redirect to a scheme other than http and https")
	case !slices.Contains(r.ports, port):
		return notFollowed("redirect to a port other than 80 and 443")
	case isIP(target.Hostname()) || err == nil && isIP(host):
		return notFollowed("redirect to an address in place of a name")
	case err != nil || !utf8.ValidString(target.Hostname()) || !hostSyntax.MatchString(host):
		return notFollowed("redirect to a host that is no DNS name")
	case len(target.String()) > maxLocation:
		return notFollowed(fmt.Sprintf("redirect to a URL of more than %d octets", maxLocation))
	}
	// Nobody's credentials go along, and the next host does not see where the name's own led.
	target.User = nil
	next.Header.Del("Referer")
	return nil
}

// hostSyntax is what a host is shown as in messages.
var hostSyntax = regexp.MustCompile(`^[a-z0-9.-]{1,253}$`)

func isIP(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}
