package http01

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"

	"golang.org/x/net/idna"

	"everleaf/adapters/internal/outgoing"
)

// explain says in our words why there is no answer, and what to do. The error's own text may quote the other side, and
// has addresses.
func explain(err error, name string, port int) (seen, fix string) {
	host := name
	if at := (*url.Error)(nil); errors.As(err, &at) {
		if last, err := url.Parse(at.URL); err == nil {
			host = shownHost(last.Hostname())
		}
		err = at.Err
	}
	seen, fix = why(err, host)
	if fix == "" {
		fix = fmt.Sprintf("let port %d of %s reach Everleaf's HTTP-01 responder", port, name)
	}
	if host != name && !errors.As(err, new(notFollowed)) {
		seen += ", after a redirect to " + host
	}
	return seen, fix
}

// shownHost is the host of a redirect that was followed, for a message: what redirects.check has let through.
func shownHost(host string) string {
	ascii, err := idna.Lookup.ToASCII(host)
	if err != nil || !hostSyntax.MatchString(ascii) {
		return "another host"
	}
	return ascii
}

// why leaves fix empty where the responder is to be reached. host is the one that was asked last.
func why(err error, host string) (seen, fix string) {
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return ofDNS(dns, host)
	}
	if refused, ok := errors.AsType[*outgoing.Refused](err); ok {
		return "not connected, since " + refused.Error(), "correct the address of " + host + " in DNS, or, where it is " +
			"your own network's, allow the range (--allow-addresses, EVERLEAF_ALLOW_ADDRESSES)"
	}
	if redirect, ok := errors.AsType[notFollowed](err); ok {
		return redirect.Error(), ""
	}
	if t, ok := errors.AsType[net.Error](err); errors.Is(err, context.DeadlineExceeded) || ok && t.Timeout() {
		return fmt.Sprintf("no answer within %s", checkTimeout), ""
	}
	alert, ok := errors.AsType[*net.OpError](err)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused", ""
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return "no route to the address", ""
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return "the connection ended without an answer", ""
	case errors.Is(err, http.ErrSchemeMismatch):
		return "an answer without TLS at the port of https", ""
	case errors.As(err, new(tls.RecordHeaderError)), ok && alert.Op == "remote error": // as crypto/tls calls an alert
		return "no TLS connection", ""
	default:
		return "no answer that is HTTP", ""
	}
}

func ofDNS(dns *net.DNSError, name string) (seen, fix string) {
	asked := shownHost(strings.TrimSuffix(dns.Name, "."))
	switch {
	case dns.IsNotFound:
		return "DNS has no address for " + asked, "create an A or AAAA record for " + name
	case dns.IsTimeout:
		return "DNS error for " + asked + ": no answer in time", "see to the name servers of " + name
	default: // its text has the resolver's address
		return "DNS error for " + asked + ": the resolver could not find out", "see to the name servers of " + name
	}
}
