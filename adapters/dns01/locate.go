package dns01

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"everleaf/domain"
	"everleaf/ports"
)

const (
	reasonNoZones      = "NoDNSZones"
	reasonNotDelegated = "NameNotDelegated"
)

// locateAll finds the challenges' places, within the time that there is for it. Where several have none, the fault is
// the first one's and names the others.
func (s *Solver) locateAll(ctx context.Context, challenges []domain.Challenge) ([]ports.DNSRecord, error) {
	bounded, cancel := context.WithTimeout(ctx, s.locating)
	defer cancel()
	records, failures := make([]ports.DNSRecord, len(challenges)), make([]error, len(challenges))
	var all errgroup.Group
	all.SetLimit(lookupsAtOnce)
	for i, challenge := range challenges {
		all.Go(func() error {
			records[i], failures[i] = s.locate(bounded, challenge)
			return nil
		})
	}
	_ = all.Wait() // failures has them
	if ctx.Err() != nil {
		return nil, fmt.Errorf("look for the challenges' records: %w", ctx.Err())
	}
	var first error
	var late, others []string
	for i, err := range failures {
		switch {
		case err == nil:
		case errors.Is(err, context.DeadlineExceeded):
			late = append(late, recordOf(challenges[i]).Name)
		case first == nil:
			first = err
		case !slices.Contains(others, challenges[i].Name):
			others = append(others, challenges[i].Name)
		}
	}
	if first == nil && len(late) == 0 {
		return records, nil
	}
	if first == nil {
		return nil, unavailableFault(nil, "%d of %d names were not located within %s, the first of them %s, and nothing "+
			"was written: see to the name servers "+
			"that their CNAMEs lead to, and to the resolver %s (--dns01-resolver, EVERLEAF_DNS01_RESOLVER)", len(late),
			len(challenges), s.locating, late[0], s.resolver)
	}
	fault := domain.AsFault(first)
	if len(others) > 0 && fault.Reason != reasonNoZones {
		fault.Message += fmt.Sprintf(" (nor is there a place for %d more names: %s)", len(others),
			strings.Join(others[:min(len(others), 10)], ", "))
	}
	return nil, fault
}

// locate finds where a challenge's record has to be: behind all CNAMEs, in one of the zones.
func (s *Solver) locate(ctx context.Context, challenge domain.Challenge) (ports.DNSRecord, error) {
	record := recordOf(challenge)
	zones := *s.zones.Load()
	if len(zones) == 0 {
		return record, domain.NewFault(domain.FaultOperator, reasonNoZones, nil,
			"%s: this worker has no DNS zone to write %s into: name zones under dns in the file of --config "+
				"(EVERLEAF_CONFIG), or choose http-01",
			challenge.Name, record.Name)
	}
	first := record.Name
	final, err := s.resolver.follow(ctx, first)
	if fault := (*domain.Fault)(nil); errors.As(err, &fault) && fault.Reason == reasonFailed && s.zone(final) != nil {
		return record, zoneFailingFault(domain.FaultOperator, s.zone(final).Name(), fault)
	}
	if err != nil {
		return record, err
	}
	record.Name = final
	if !plainName(final) {
		return record, domain.NewFault(domain.FaultName, reasonNotDelegated, nil,
			"%s: the CNAME of %s leads to %s, which has characters that no host or service name has: have it lead to a name "+
				"of a-z, 0-9, - and _, for example %s",
			challenge.Name, first, final, example(challenge.Name, zones[0].Name()))
	}
	zone := s.zone(final)
	if zone == nil {
		lies := fmt.Sprintf("it is in none of Everleaf's zones (%s) and no CNAME leads from it into one", s.zoneNames())
		if final != first {
			lies = fmt.Sprintf("its CNAME leads to %s, which is in none of Everleaf's zones (%s)", final, s.zoneNames())
		}
		return record, domain.NewFault(domain.FaultName, reasonNotDelegated, nil,
			"%s: %s: create a CNAME record from %s into one of them, for example to %s", first, lies, first,
			example(challenge.Name, zones[0].Name()))
	}
	record.Zone = zone.Name()
	return record, nil
}

// example is a place in the zone for a name's record.
func example(name, zone string) string {
	if suggested := canonical(name) + "." + zone; len(suggested) < 240 {
		return suggested
	}
	return "example." + zone
}
