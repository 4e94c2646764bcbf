package dns01

import (
	"context"

	"everleaf/domain"
	"everleaf/ports"
)

const (
	reasonNoZones      = "NoDNSZones"
	reasonNotDelegated = "NameNotDelegated"
)

// locate finds where a challenge's record has to be: behind all CNAMEs, in one of the zones.
func (s *Solver) locate(ctx context.Context, challenge domain.Challenge) (ports.DNSRecord, error) {
	record := recordOf(challenge)
	if len(s.zones) == 0 {
		return record, domain.NewFault(domain.FaultOperator, reasonNoZones, nil,
			"%s: this worker has no DNS zone to write %s into: name zones under dns in the file of --config (EVERLEAF_CONFIG), or choose http-01",
			challenge.Name, record.Name)
	}
	first := record.Name
	final, err := s.resolver.follow(ctx, first)
	if err != nil {
		return record, err
	}
	record.Name = final
	if !plainName(final) {
		return record, domain.NewFault(domain.FaultName, reasonNotDelegated, nil,
			"%s: the CNAME of %s leads to %s, which has characters that no host or service name has: have it lead to a name of a-z, 0-9, - and _, for example %s",
			challenge.Name, first, final, example(challenge.Name, s.zones[0].Name()))
	}
	if s.zone(final) == nil {
		leads := "it is no CNAME"
		if final != first {
			leads = "its CNAME leads to " + final
		}
		return record, domain.NewFault(domain.FaultName, reasonNotDelegated, nil,
			"%s: %s, which is in none of Everleaf's zones (%s): create a CNAME record from %s into one of them, for example to %s",
			first, leads, s.zoneNames(), first, example(challenge.Name, s.zones[0].Name()))
	}
	return record, nil
}

// example is a place in the zone for a name's record.
func example(name, zone string) string {
	if suggested := canonical(name) + "." + zone; len(suggested) < 240 {
		return suggested
	}
	return "example." + zone
}
