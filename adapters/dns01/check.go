package dns01

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"

	"everleaf/domain"
	"everleaf/ports"
)

const (
	lookTimeout = 10 * time.Second
	// shownServers is how many servers a fault tells of.
	shownServers = 3
)

// Check looks whether each authoritative server of the record's zone has the value (or the resolver, if that was chosen), once
// and within 10 s. A Wait fault "ChallengeNotVisible" says which has not, and what it has instead. CNAMEs are followed anew, as
// the CA will; a name that leads elsewhere by now is the name's fault, as in Present.
func (s *Solver) Check(ctx context.Context, challenge domain.Challenge) error {
	bounded, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	place := recordOf(challenge).Name
	record, err := s.locate(bounded, challenge)
	if err == nil {
		if record.Name != place {
			place += ", which leads to " + record.Name
		}
		err = s.look(bounded, record)
	}
	switch fault := (*domain.Fault)(nil); {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("check %s: %w", place, ctx.Err())
	case errors.Is(err, context.DeadlineExceeded):
		return notVisible("%s: no answer within %s", place, lookTimeout)
	case errors.As(err, &fault) && fault.Reason == reasonFailed:
		return notVisible("%s", fault.Message) // it may pass, for as long as the caller has patience
	case errors.As(err, &fault):
		return fault
	default:
		return notVisible("%s: %s", place, err.Error())
	}
}

func notVisible(format string, args ...any) error {
	return domain.NewFault(domain.FaultWait, domain.ReasonChallengeNotVisible, nil, format, args...)
}

// look returns what is in the way of seeing the record.
func (s *Solver) look(ctx context.Context, record ports.DNSRecord) error {
	if s.mode == CheckRecursive {
		answer, err := s.resolver.query(ctx, record.Name, dns.TypeTXT)
		if err != nil {
			return err
		}
		if seen := missing(answer, record); seen != "" {
			return fmt.Errorf("the resolver %s; it may remember what was there before, for as long as the zone's SOA record says", seen)
		}
		return nil
	}
	zone, err := s.resolver.zoneOf(ctx, record.Name)
	if err != nil {
		return err
	}
	hosts, err := s.resolver.nameServers(ctx, zone)
	if err != nil {
		return err
	}
	if len(hosts) == 0 {
		return fmt.Errorf("the zone %s has no NS record", zone)
	}
	return s.everyServer(ctx, hosts, record)
}

// everyServer asks all at once. The CA may ask any of them, and only what itself says counts: a server that lags behind fails
// the challenge at the CA, which counts against the name.
func (s *Solver) everyServer(ctx context.Context, hosts []string, record ports.DNSRecord) error {
	seen := make(chan string, len(hosts))
	for _, host := range hosts {
		go func() { seen <- s.askHost(ctx, host, record) }()
	}
	var lacking []string
	for range hosts {
		if lack := <-seen; lack != "" {
			lacking = append(lacking, lack)
		}
	}
	if len(lacking) == 0 {
		return nil
	}
	slices.Sort(lacking)
	more := ""
	if len(lacking) > shownServers {
		more = fmt.Sprintf("; and %d more servers", len(lacking)-shownServers)
	}
	return fmt.Errorf("%s%s: see that the name servers follow their primary (notify, zone transfer), or take those that do not out of the zone's NS records",
		strings.Join(lacking[:min(len(lacking), shownServers)], "; "), more)
}

// askHost returns what the server says instead of the value; empty if it has it. Of several addresses, the first that answers
// counts: others may be of a protocol that this host does not have.
func (s *Solver) askHost(ctx context.Context, host string, record ports.DNSRecord) string {
	addresses, err := s.resolver.addresses(ctx, host)
	if err != nil {
		return fmt.Sprintf("the name server %s has no address (%s)", host, domain.AsFault(err).Message)
	}
	silent := "has no address"
	for _, address := range addresses {
		answer, err := ask(ctx, net.JoinHostPort(address, strconv.Itoa(s.port)), record.Name, dns.TypeTXT, false)
		if err == nil {
			if lack := missing(answer, record); lack != "" {
				return fmt.Sprintf("the name server %s (%s) %s", host, address, lack)
			}
			return ""
		}
		silent = fmt.Sprintf("(%s) does not answer: %s", address, plain(err))
	}
	return fmt.Sprintf("the name server %s %s", host, silent)
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
	switch {
	case answer.Rcode != dns.RcodeSuccess && answer.Rcode != dns.RcodeNameError:
		return "says " + rcode(answer.Rcode)
	case others > 0:
		return fmt.Sprintf("does not have the value %s yet, but %d other TXT records", record.Value, others)
	}
	return fmt.Sprintf("does not have the value %s yet, nor any TXT record there", record.Value)
}
