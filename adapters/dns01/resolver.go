package dns01

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/miekg/dns"

	"everleaf/domain"
)

const (
	// systemResolvers is where the system's are listed (resolv.conf(5)).
	systemResolvers = "/etc/resolv.conf"
	// maxHops is how many CNAMEs are followed.
	maxHops = 10

	reasonFailed = "DNSFailed"
)

// resolver asks a recursive DNS server.
type resolver struct {
	// server is host:port; empty stands for the system's, which are read each time.
	server string
}

func (r resolver) servers() ([]string, error) {
	if r.server != "" {
		return []string{r.server}, nil
	}
	system, err := dns.ClientConfigFromFile(systemResolvers)
	if err != nil || len(system.Servers) == 0 {
		return nil, domain.NewFault(domain.FaultOperator, domain.ReasonInvalidSetting, err,
			"%s names no DNS server: give one as --dns01-resolver (EVERLEAF_DNS01_RESOLVER)", systemResolvers)
	}
	servers := make([]string, len(system.Servers))
	for i, server := range system.Servers {
		servers[i] = net.JoinHostPort(server, system.Port)
	}
	return servers, nil
}

// String is who is asked, for people.
func (r resolver) String() string {
	if r.server != "" {
		return r.server
	}
	servers, err := r.servers()
	if err != nil {
		return "of " + systemResolvers
	}
	return "of " + systemResolvers + " (" + strings.Join(servers, ", ") + ")"
}

// query is the first usable answer. Faults: Wait "DNSUnavailable" if no server answers, Name "DNSFailed" if one says
// that the name's own servers do not (SERVFAIL).
func (r resolver) query(ctx context.Context, name string, kind uint16) (*dns.Msg, error) {
	servers, err := r.servers()
	if err != nil {
		return nil, err
	}
	var failures []error
	failed := false
	for _, server := range servers {
		answer, err := ask(ctx, server, name, kind, true)
		switch {
		case over(ctx) != nil:
			return nil, over(ctx)
		case err != nil:
			failures = append(failures, fmt.Errorf("%s: %w", server, plain(err)))
		case answer.Rcode == dns.RcodeSuccess || answer.Rcode == dns.RcodeNameError:
			return answer, nil
		default:
			failed = failed || answer.Rcode == dns.RcodeServerFailure
			failures = append(failures, fmt.Errorf("%s says %s", server, rcode(answer.Rcode)))
		}
	}
	err = errors.Join(failures...)
	what := fmt.Sprintf("%s %s cannot be looked up (%s)", name, dns.TypeToString[kind],
		strings.ReplaceAll(err.Error(), "\n", "; "))
	if failed {
		return nil, domain.NewFault(domain.FaultName, reasonFailed, nil,
			"%s: see that the name servers of %s answer, and that its DNSSEC validates", what, name)
	}
	return nil, unavailableFault(nil, "%s: see to the name servers of %s, and to the resolver (--dns01-resolver, "+
		"EVERLEAF_DNS01_RESOLVER)", what, name)
}

// follow goes along CNAMEs to where the record has to be: at most maxHops, as resolvers do. A CNAME is asked for and
// not the text itself, which resolvers would then remember as missing. Faults: those of query, Name "CNAMELoop". Beside
// a fault of query, final is the name that was asked for.
func (r resolver) follow(ctx context.Context, name string) (final string, err error) {
	path := []string{name}
	for range maxHops + 1 {
		answer, err := r.query(ctx, name, dns.TypeCNAME)
		if err != nil {
			return name, err
		}
		next := ""
		for _, record := range answer.Answer {
			if alias, ok := record.(*dns.CNAME); ok && canonical(alias.Hdr.Name) == name {
				next = canonical(alias.Target)
			}
		}
		if next == "" {
			return name, nil
		}
		path = append(path, next)
		name = next
	}
	return name, domain.NewFault(domain.FaultName, domain.ReasonCNAMELoop, nil,
		"%s: its CNAMEs come to no end within %d (%s …): correct them", path[0], maxHops,
		strings.Join(path[:min(len(path), 4)], " -> "))
}

// zoneOf is the apex of the zone that holds the name, wherever it was delegated: the deepest with an SOA record. Empty
// where the resolver knows of none.
func (r resolver) zoneOf(ctx context.Context, name string) (string, error) {
	for at := name; at != ""; _, at, _ = strings.Cut(at, ".") {
		answer, err := r.query(ctx, at, dns.TypeSOA)
		if err != nil {
			return "", err
		}
		// A name without one is answered with its zone's in the authority section (RFC 2308 §2).
		for _, record := range append(answer.Answer, answer.Ns...) {
			if soa, ok := record.(*dns.SOA); ok && within(name, canonical(soa.Hdr.Name)) {
				return canonical(soa.Hdr.Name), nil
			}
		}
	}
	return "", nil
}

// nameServers are the hosts of a zone's NS records.
func (r resolver) nameServers(ctx context.Context, zone string) (hosts []string, err error) {
	answer, err := r.query(ctx, zone, dns.TypeNS)
	if err != nil {
		return nil, err
	}
	for _, record := range answer.Answer {
		if ns, ok := record.(*dns.NS); ok {
			hosts = append(hosts, canonical(ns.Ns))
		}
	}
	return hosts, nil
}

// addresses are a host's, IPv4 first.
func (r resolver) addresses(ctx context.Context, host string) (addresses []string, err error) {
	for _, kind := range []uint16{dns.TypeA, dns.TypeAAAA} {
		answer, queryErr := r.query(ctx, host, kind)
		if queryErr != nil {
			err = queryErr
			continue
		}
		for _, record := range answer.Answer {
			switch record := record.(type) {
			case *dns.A:
				addresses = append(addresses, record.A.String())
			case *dns.AAAA:
				addresses = append(addresses, record.AAAA.String())
			}
		}
	}
	if len(addresses) > 0 {
		return addresses, nil
	}
	return nil, err
}
