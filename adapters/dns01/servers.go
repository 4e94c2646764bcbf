package dns01

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/miekg/dns"

	"everleaf/domain"
	"everleaf/ports"
)

// shownServers is how many servers a fault names.
const shownServers = 3

// lack is what a name server says instead of the value; no text if it has it.
type lack struct {
	text string
	// lags reports whether it answers for the zone, and does not have the value; refused whether all its addresses
	// refuse connections.
	lags, refused bool
}

// everyServer asks all at once. The CA may ask any of them, and only what itself says counts: a server that lags behind
// fails the challenge at the CA, which counts against the name.
func (s *Solver) everyServer(ctx context.Context, place, apex string, hosts []string, record ports.DNSRecord) error {
	asked := make(chan lack, len(hosts))
	for _, host := range hosts {
		go func() { asked <- s.askHost(ctx, host, record) }()
	}
	var lacking []string
	lagging, refusing := 0, 0
	for range hosts {
		if lack := <-asked; lack.text != "" {
			lacking = append(lacking, lack.text)
			if lack.lags {
				lagging++
			}
			if lack.refused {
				refusing++
			}
		}
	}
	if len(lacking) == 0 {
		return nil
	}
	slices.Sort(lacking)
	what := strings.Join(lacking[:min(len(lacking), shownServers)], "; ")
	if len(lacking) > shownServers {
		what += fmt.Sprintf("; and %d more servers", len(lacking)-shownServers)
	}
	var fixes []string
	if lagging > 0 {
		fixes = append(fixes, "see that the name servers follow their primary (notify, zone transfer)")
	}
	if lagging < len(lacking) {
		fixes = append(fixes, fmt.Sprintf("see that they answer this host for %s, at port %d (--dns01-check-port, "+
			"EVERLEAF_DNS01_CHECK_PORT); where the network "+
			"lets no DNS (port 53) out, set --dns01-check recursive (EVERLEAF_DNS01_CHECK)", apex, s.port))
	}
	fixes = append(fixes, "or take those that do not out of the zone's NS records")
	reason := domain.ReasonZoneNotVisible
	if lagging > 0 {
		reason = domain.ReasonChallengeNotVisible
	}
	fault := domain.NewFault(domain.FaultWait, reason, nil, "%s: %s: %s", place, what, strings.Join(fixes, "; "))
	if refusing == len(hosts) {
		return ports.PortClosed{Fault: fault}
	}
	return fault
}

// askHost asks one name server. Of several addresses, the first that answers counts: others may be of a protocol that
// this host does not have.
func (s *Solver) askHost(ctx context.Context, host string, record ports.DNSRecord) lack {
	addresses, err := s.resolver.addresses(ctx, host)
	if err != nil {
		return lack{text: fmt.Sprintf("the name server %s has no address (%s)", host, said(err))}
	}
	silent := fmt.Sprintf("has no address that the resolver %s knows", s.resolver)
	refused := len(addresses) > 0
	for _, address := range addresses {
		at := net.JoinHostPort(address, strconv.Itoa(s.port))
		answer, err := ask(ctx, at, record.Name, dns.TypeTXT, false)
		if err != nil {
			silent = fmt.Sprintf("(%s) does not answer: %s", at, plain(err))
			refused = refused && errors.Is(err, syscall.ECONNREFUSED)
			continue
		}
		server := fmt.Sprintf("the name server %s (%s)", host, at)
		switch {
		case answer.Rcode != dns.RcodeSuccess && answer.Rcode != dns.RcodeNameError:
			return lack{text: server + " says " + rcode(answer.Rcode)}
		case !answer.Authoritative:
			// A cache, or a server of another zone (RFC 1035 §4.1.1): what it says, the CA does not see.
			return lack{text: server + " answers without authority: it does not have the zone, or something on the way " +
				"answers in its place"}
		}
		text := missing(answer, record)
		if text != "" {
			text = server + " " + text
		}
		return lack{text: text, lags: true}
	}
	return lack{text: fmt.Sprintf("the name server %s %s", host, silent), refused: refused}
}

// said is why a look-up failed, in short.
func said(err error) string {
	if fault := (*domain.Fault)(nil); errors.As(err, &fault) {
		return fault.Message
	}
	return plain(err).Error()
}

// missing says what a server answered instead of the value; empty if the value is in it.
func missing(answer *dns.Msg, record ports.DNSRecord) string {
	others := 0
	for _, rr := range answer.Answer {
		text, ok := rr.(*dns.TXT)
		switch {
		case !ok || canonical(text.Hdr.Name) != record.Name:
		case strings.Join(text.Txt, "") == record.Value:
			return ""
		default:
			others++
		}
	}
	if others > 0 {
		return fmt.Sprintf("does not have the value %s yet, but %d other TXT records", record.Value, others)
	}
	return fmt.Sprintf("does not have the value %s yet, nor any TXT record there", record.Value)
}
