package dns01

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/miekg/dns"

	"everleaf/domain"
	"everleaf/ports"
)

const checkLimit = 10 * time.Second

// Check asks whether each authoritative server of the record's zone has the value (or the resolver, if that was
// chosen), once and within 10 s. A Wait fault "ChallengeNotVisible" says which has not, and what it has instead; a Wait
// fault "ZoneNotVisible" that nobody lags behind, but servers of our own zone cannot be found or do not answer for it.
// CNAMEs are followed again, as the CA will; a name that leads elsewhere by now is the name's fault, as in Present.
func (s *Solver) Check(ctx context.Context, challenge domain.Challenge) error {
	bounded, cancel := context.WithTimeout(ctx, s.checking)
	defer cancel()
	place := recordOf(challenge).Name
	record, err := s.locate(bounded, challenge)
	if err == nil {
		if record.Name != place {
			place += ", which leads to " + record.Name
		}
		err = s.checkRecord(bounded, place, record)
	}
	switch fault := (*domain.Fault)(nil); {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("check %s: %w", place, ctx.Err())
	case errors.As(err, &fault) && fault.Reason == reasonFailed:
		return notVisibleFault("%s", fault.Message) // it may pass, until the caller gives up
	case errors.As(err, &fault) && fault.Reason == domain.ReasonZoneNotVisible:
		fault.Kind = domain.FaultWait // likewise
		return err
	case errors.As(err, &fault):
		return fault
	case s.zone(record.Name) != nil:
		return s.zoneNotVisibleFault(domain.FaultWait, place, s.zone(record.Name).Name(), s.late())
	default:
		return notVisibleFault("%s: %s: see to the name servers of %s, and to the resolver (--dns01-resolver, "+
			"EVERLEAF_DNS01_RESOLVER)", place, s.late(), challenge.Name)
	}
}

func (s *Solver) late() string {
	return fmt.Sprintf("the resolver %s gave no answer within %s", s.resolver, s.checking)
}

func notVisibleFault(format string, args ...any) error {
	return domain.NewFault(domain.FaultWait, domain.ReasonChallengeNotVisible, nil, format, args...)
}

// zoneNotVisibleFault says what keeps the resolver from seeing one of our own zones: no fault of the name's owner.
func (s *Solver) zoneNotVisibleFault(kind domain.FaultKind, place, zone, what string) error {
	return domain.NewFault(kind, domain.ReasonZoneNotVisible, nil,
		"%s: %s: see that the zone %s is delegated and its name servers answer, or give a resolver that sees it as "+
			"--dns01-resolver (EVERLEAF_DNS01_RESOLVER)",
		place, what, zone)
}

// zoneFailingFault says that the servers of one of our own zones answer the resolver with a failure.
func zoneFailingFault(kind domain.FaultKind, zone string, seen *domain.Fault) error {
	return domain.NewFault(kind, domain.ReasonZoneNotVisible, nil,
		"%s; the zone %s is one that Everleaf writes into, and not the name's owner's", seen.Message, zone)
}

// checkRecord returns nil if the record is visible, else a fault, or the end of ctx.
func (s *Solver) checkRecord(ctx context.Context, place string, record ports.DNSRecord) error {
	if s.mode == CheckRecursive {
		answer, err := s.resolver.query(ctx, record.Name, dns.TypeTXT)
		if err != nil {
			return ours(err, record)
		}
		if lack := missing(answer, record); lack != "" {
			return notVisibleFault("%s: the resolver %s %s; it may remember what was there before, for as long as the zone's "+
				"SOA record says",
				place, s.resolver, lack)
		}
		return nil
	}
	apex, err := s.resolver.zoneOf(ctx, record.Name)
	if err != nil {
		return ours(err, record)
	}
	if apex == "" {
		return s.zoneNotVisibleFault(domain.FaultWait, place, record.Zone,
			fmt.Sprintf("the resolver %s knows no zone that holds it (no SOA record from there up)", s.resolver))
	}
	hosts, err := s.resolver.nameServers(ctx, apex)
	if err != nil {
		return ours(err, record)
	}
	if len(hosts) == 0 {
		return s.zoneNotVisibleFault(domain.FaultWait, place, record.Zone,
			fmt.Sprintf("the resolver %s knows no NS record of %s", s.resolver, apex))
	}
	return s.everyServer(ctx, place, apex, hosts, record)
}

// ours says whose it is that the resolver gets nothing from a zone's servers (SERVFAIL), now that the zone is known:
// ours.
func ours(err error, record ports.DNSRecord) error {
	if fault := (*domain.Fault)(nil); errors.As(err, &fault) && fault.Reason == reasonFailed {
		return zoneFailingFault(domain.FaultWait, record.Zone, fault)
	}
	return err
}
