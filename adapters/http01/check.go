package http01

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"

	"everleaf/domain"
	"everleaf/ports"
)

const (
	maxBody  = 8 << 10
	maxShown = 80
)

// Check asks for the token where a CA will (RFC 8555 §8.3), once and within 10 s. A Wait fault "ChallengeNotVisible"
// names the URL, what was seen and what to do; "InvalidSetting" is about a resolver of the operator's that refuses.
func (s *Solver) Check(ctx context.Context, challenge domain.Challenge) error {
	target := s.target(challenge)
	bounded, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(bounded, http.MethodGet, target, nil)
	if err != nil {
		return domain.NewFault(domain.FaultName, domain.ReasonNameUnusable, nil, "%q cannot be part of a URL",
			challenge.Name)
	}
	request.Header.Set("User-Agent", userAgent)
	request.Header.Set("Accept", "*/*")
	seen, fix, refused := s.look(request, challenge)
	switch {
	case seen == "":
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("check %s: %w", target, ctx.Err())
	case fix == resolverFix:
		return domain.NewFault(domain.FaultWait, domain.ReasonInvalidSetting, nil, "%s: the resolver %s "+
			"(--http01-check-resolver, EVERLEAF_HTTP01_CHECK_RESOLVER) refuses: %s", target, s.resolver, fix)
	}
	fault := domain.NewFault(domain.FaultWait, domain.ReasonChallengeNotVisible, nil, "%s: %s; %s", target, seen, fix)
	if refused {
		return ports.PortClosed{Fault: fault}
	}
	return fault
}

func (s *Solver) target(challenge domain.Challenge) string {
	host := challenge.Name
	if address, err := netip.ParseAddr(host); err == nil && address.Is6() {
		host = "[" + host + "]"
	}
	if s.port != defaultPort {
		host += ":" + strconv.Itoa(s.port)
	}
	return (&url.URL{Scheme: "http", Host: host, Path: path + challenge.Token}).String()
}

// look returns what was seen instead of the key authorization, and how to correct it; both are empty if it was seen.
// refused reports whether the connection was.
func (s *Solver) look(request *http.Request, challenge domain.Challenge) (seen, fix string, refused bool) {
	response, err := s.client.Do(request)
	if err != nil {
		if seen, fix = explain(err, challenge.Name, s.port); s.resolver != "" && resolverRefused(err) {
			fix = resolverFix
		}
		return seen, fix, errors.Is(err, syscall.ECONNREFUSED)
	}
	defer response.Body.Close() //nolint:errcheck // read-only
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
	if err != nil {
		seen, fix = explain(err, challenge.Name, s.port)
		return seen, fix, false
	}
	if response.StatusCode == http.StatusOK && challenge.KeyAuthorization != "" &&
		// "The server SHOULD ignore whitespace characters at the end of the body" (RFC 8555 §8.3).
		strings.TrimRight(string(body), " \t\r\n") == challenge.KeyAuthorization {
		return "", "", false
	}
	fix = "route " + path + " of " + challenge.Name + " to Everleaf's HTTP-01 responder"
	from := response.Request.URL
	if from.Hostname() != request.URL.Hostname() {
		// The name's owner chose this address: what it answers, perhaps from inside our network, is not shown.
		return fmt.Sprintf("HTTP %d after a redirect to %s://%s", response.StatusCode, from.Scheme, from.Host), fix,
			false
	}
	return fmt.Sprintf("HTTP %d with %q", response.StatusCode, excerpt(body)), fix, false
}

// resolverFix is what to do about a resolver that is set and refuses.
const resolverFix = "start it, or correct the setting"

// resolverRefused reports whether a look-up failed since nobody listens at the resolver. The standard library keeps no
// more of that error than its text.
func resolverRefused(err error) bool {
	dns, ok := errors.AsType[*net.DNSError](err)
	return ok && strings.Contains(dns.Err, syscall.ECONNREFUSED.Error())
}

func explain(err error, name string, port int) (seen, fix string) {
	if urlErr := (*url.Error)(nil); errors.As(err, &urlErr) {
		err = urlErr.Err
	}
	fix = fmt.Sprintf("let port %d of %s reach Everleaf's HTTP-01 responder", port, name)
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return "DNS has no address for " + strings.TrimSuffix(dns.Name, "."), "create an A or AAAA record for " + name
	case errors.As(err, &dns):
		// Without its Server, which is the system's even where another one was asked.
		return "DNS error for " + strings.TrimSuffix(dns.Name, ".") + ": " + dns.Err, "see to the name servers of " +
			name
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("no answer within %s", checkTimeout), fix
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused (" + err.Error() + ")", fix
	}
	return err.Error(), fix
}

// excerpt is the body's beginning, printable ASCII only.
func excerpt(body []byte) string {
	shown := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, string(body[:min(len(body), 4*maxShown)]))
	return shown[:min(len(shown), maxShown)]
}
