package dns01

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"everleaf/domain"
	"everleaf/ports"
)

var _ ports.Solver = (*Solver)(nil)

const (
	patience = 2 * time.Minute
	// lookupsAtOnce bounds the load that one order puts on the resolver.
	lookupsAtOnce = 8
	// perRemoval is how many records are removed before they are forgotten: a slow service that is cut short at an order's
	// hundred gets further the next time.
	perRemoval = 16
)

// Solver makes DNS-01 challenges answerable and looks at them as a CA does.
type Solver struct {
	records  ports.DNSRecords
	zones    []ports.DNSZone // the longest first
	resolver resolver
	port     int
	mode     CheckMode
}

// NewSolver makes a solver over the store of what was written; nobody is contacted. Fault: Operator "InvalidSetting", which
// names the field.
func NewSolver(config Config, records ports.DNSRecords) (*Solver, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	s := &Solver{records: records, port: cmp.Or(config.CheckPort, defaultPort), mode: cmp.Or(config.Check, CheckAuthoritative)}
	if config.Resolver != "" {
		s.resolver.server, _ = withPort(config.Resolver, defaultPort)
	}
	for _, zone := range config.Zones {
		if zone.RFC2136 != nil {
			s.zones = append(s.zones, NewUpdateZone(zone.Zone, *zone.RFC2136, s.resolver.server))
		} else {
			s.zones = append(s.zones, NewHTTPZone(zone.Zone, *zone.HTTP, config.Wrap))
		}
	}
	slices.SortStableFunc(s.zones, func(a, b ports.DNSZone) int { return cmp.Compare(len(b.Name()), len(a.Name())) })
	return s, nil
}

// Type is dns-01.
func (s *Solver) Type() domain.ChallengeType { return domain.ChallengeDNS01 }

// Patience is two minutes: secondary servers follow their primary at their own pace.
func (s *Solver) Patience() time.Duration { return patience }

// Present finds where each record has to be, stores that, and has the zones add them, many at once. Nothing is written
// unless there is a place for all. Faults: Operator "NoDNSZones"; Name "NameNotDelegated", "CNAMELoop", "DNSFailed"; those of
// ports.DNSRecords and ports.DNSZone.
func (s *Solver) Present(ctx context.Context, orderID string, challenges []domain.Challenge) error {
	records, err := s.locateAll(ctx, challenges)
	if err != nil {
		return err
	}
	if err := s.records.PutRecords(ctx, orderID, records); err != nil {
		return err
	}
	var all errgroup.Group
	for zone, own := range s.byZone(records) {
		all.Go(func() error { return zone.Add(ctx, own) })
	}
	return all.Wait()
}

// CleanUp removes what was stored under the order, by whichever process, but for what another order has put as well. What a
// zone does not remove stays stored; the others' is removed nevertheless. Faults: Operator "UnknownDNSZone" for a record in a
// zone that is configured no longer; those of ports.DNSRecords and ports.DNSZone.
func (s *Solver) CleanUp(ctx context.Context, orderID string) error {
	all, shared, err := s.records.OrderRecords(ctx, orderID)
	if err != nil {
		return err
	}
	var each errgroup.Group
	for zone, records := range s.byZone(all) {
		each.Go(func() error { return s.cleanZone(ctx, orderID, zone, records, shared) })
	}
	return each.Wait()
}

func (s *Solver) cleanZone(ctx context.Context, orderID string, zone ports.DNSZone, records, shared []ports.DNSRecord) error {
	if zone == nil {
		return domain.NewFault(domain.FaultOperator, "UnknownDNSZone", nil,
			"the TXT record %s (and %d more of this order) is in none of the zones under dns in the file of --config (EVERLEAF_CONFIG), which are %s: "+
				"name its zone there again until it is removed", records[0].Name, len(records)-1, s.zoneNames())
	}
	var own, others []ports.DNSRecord
	for _, record := range records {
		if slices.Contains(shared, record) {
			others = append(others, record)
		} else {
			own = append(own, record)
		}
	}
	var first error
	if len(others) > 0 {
		first = s.records.ForgetRecords(ctx, orderID, others)
	}
	for some := range slices.Chunk(own, perRemoval) {
		err := zone.Remove(ctx, some)
		if err == nil {
			err = s.records.ForgetRecords(ctx, orderID, some)
		}
		if first == nil {
			first = err
		}
		if err != nil && (ctx.Err() != nil || domain.AsFault(err).Kind != domain.FaultOperator) {
			break
		}
	}
	return first
}

// byZone groups records by the zone that holds them; nil is none.
func (s *Solver) byZone(records []ports.DNSRecord) map[ports.DNSZone][]ports.DNSRecord {
	groups := map[ports.DNSZone][]ports.DNSRecord{}
	for _, record := range records {
		zone := s.zone(record.Name)
		groups[zone] = append(groups[zone], record)
	}
	return groups
}

// zone is the longest that holds the name; nil is none.
func (s *Solver) zone(name string) ports.DNSZone {
	for _, zone := range s.zones {
		if within(name, zone.Name()) {
			return zone
		}
	}
	return nil
}

func (s *Solver) zoneNames() string {
	if len(s.zones) == 0 {
		return "none"
	}
	names := make([]string, len(s.zones))
	for i, zone := range s.zones {
		names[i] = zone.Name()
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// locateAll finds the challenges' places. Where several have none, the fault is the first one's and names the others.
func (s *Solver) locateAll(ctx context.Context, challenges []domain.Challenge) ([]ports.DNSRecord, error) {
	records, failures := make([]ports.DNSRecord, len(challenges)), make([]error, len(challenges))
	var all errgroup.Group
	all.SetLimit(lookupsAtOnce)
	for i, challenge := range challenges {
		all.Go(func() error {
			records[i], failures[i] = s.locate(ctx, challenge)
			return nil
		})
	}
	_ = all.Wait() // failures has them
	var first error
	var others []string
	for i, err := range failures {
		switch {
		case err != nil && first == nil:
			first = err
		case err != nil && !slices.Contains(others, challenges[i].Name):
			others = append(others, challenges[i].Name)
		}
	}
	if first == nil {
		return records, nil
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("look for the challenges' records: %w", ctx.Err())
	}
	fault := domain.AsFault(first)
	if len(others) > 0 && fault.Reason != reasonNoZones {
		fault.Message += fmt.Sprintf(" (nor is there a place for %d more names: %s)", len(others), strings.Join(others[:min(len(others), 10)], ", "))
	}
	return nil, fault
}
