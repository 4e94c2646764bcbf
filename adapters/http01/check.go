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

// maxBody is how much of an answer is read, in octets; one that is as long is refused, as by Let's Encrypt. A key
// authorization has 87.
const maxBody = 128

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
// refused reports whether the connection was. Of what the other side sent, nothing but the status and the host of a
// redirect is shown: the name's owner chose it, and it may come from inside somebody's network.
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
	if response.StatusCode == http.StatusOK && len(body) < maxBody && challenge.KeyAuthorization != "" &&
		// "The server SHOULD ignore whitespace characters at the end of the body" (RFC 8555 §8.3).
		strings.TrimRight(string(body), " \t\r\n") == challenge.KeyAuthorization {
		return "", "", false
	}
	seen = fmt.Sprintf("HTTP %d", response.StatusCode)
	if response.StatusCode == http.StatusOK {
		seen += " with another body than the challenge's"
	}
	if from := response.Request.URL; from.Hostname() != request.URL.Hostname() {
		seen += " after a redirect to " + from.Scheme + "://" + shownHost(from.Hostname())
	}
	return seen, "route " + path + " of " + challenge.Name + " to Everleaf's HTTP-01 responder", false
}

// resolverFix is what to do about a resolver that is set and refuses.
const resolverFix = "start it, or correct the setting"

// resolverRefused reports whether a look-up failed since nobody listens at the resolver. The standard library keeps no
// more of that error than its text.
func resolverRefused(err error) bool {
	dns, ok := errors.AsType[*net.DNSError](err)
	return ok && strings.Contains(dns.Err, syscall.ECONNREFUSED.Error())
}
