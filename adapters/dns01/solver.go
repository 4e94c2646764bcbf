package dns01

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"everleaf/domain"
	"everleaf/ports"
)

var _ ports.Solver = (*Solver)(nil)

const (
	waitLimit = 2 * time.Minute
	// lookupsAtOnce bounds the load that one order puts on the resolver.
	lookupsAtOnce = 8
	// perRemoval is how many records are removed before they are forgotten: a slow service that is cut short at an
	// order's hundred gets further the next time.
	perRemoval = 16
	// locating bounds the look-ups of all names of an order, well under its step's time-out: a hundred names behind ten
	// CNAMEs each may have servers that are slow.
	locating = time.Minute
)

// Solver makes DNS-01 challenges answerable and checks them as a CA does.
type Solver struct {
	records  ports.DNSRecords
	zones    atomic.Pointer[[]ports.DNSZone] // the longest first
	resolver resolver
	port     int
	mode     CheckMode
	// locating bounds the look-ups of an order, checking one Check.
	locating, checking time.Duration
	removals           breaker
}

// NewSolver makes a solver over the store of what was written; nobody is contacted. Fault: Operator "InvalidSetting",
// which names the field.
func NewSolver(config Config, records ports.DNSRecords) (*Solver, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	s := &Solver{records: records, port: cmp.Or(config.CheckPort, defaultPort),
		mode:     cmp.Or(config.Check, CheckAuthoritative),
		locating: locating, checking: checkLimit}
	if config.Resolver != "" {
		s.resolver.server, _ = withPort(config.Resolver, defaultPort)
	}
	var zones []ports.DNSZone
	for _, zone := range config.Zones {
		_, kind, err := zone.Kind()
		if err != nil {
			return nil, err
		}
		zones = append(zones, kind.New(zone.Zone, config))
	}
	slices.SortStableFunc(zones, func(a, b ports.DNSZone) int { return cmp.Compare(len(b.Name()), len(a.Name())) })
	s.zones.Store(&zones)
	return s, nil
}

// Replace puts the zones of another solver in the place of these, all at once.
func (s *Solver) Replace(other *Solver) { s.zones.Store(other.zones.Load()) }

// Type is dns-01.
func (s *Solver) Type() domain.ChallengeType { return domain.ChallengeDNS01 }

// WaitLimit is two minutes: secondary servers follow their primary at their own pace.
func (s *Solver) WaitLimit() time.Duration { return waitLimit }

// Present finds where each record has to be, within a minute, stores that, and has the zones add them, many at once.
// Nothing is written unless there is a place for all. Faults: Operator "NoDNSZones", "ZoneNotVisible"; Name
// "NameNotDelegated", "CNAMELoop", "DNSFailed"; those of ports.DNSRecords and ports.DNSZone.
func (s *Solver) Present(ctx context.Context, orderID string, challenges []domain.Challenge) error {
	records, err := s.locateAll(ctx, challenges)
	if err != nil {
		return err
	}
	if err := s.records.PutRecords(ctx, orderID, records); err != nil {
		return err
	}
	var all errgroup.Group
	for name, own := range byZone(records) {
		all.Go(func() error { return s.named(name).Add(ctx, own) })
	}
	return all.Wait()
}

// CleanUp removes what was stored under the order, by whichever process, but for what another order has put as well.
// What a zone does not remove stays stored; the others' is removed nevertheless. A zone that did not answer is not
// asked again within a minute: the fault is the same. Faults: Operator "UnknownDNSZone" for a record in a zone that is
// configured no longer; those of ports.DNSRecords and ports.DNSZone.
func (s *Solver) CleanUp(ctx context.Context, orderID string) error {
	all, shared, err := s.records.OrderRecords(ctx, orderID)
	if err != nil {
		return err
	}
	var each errgroup.Group
	for name, records := range byZone(all) {
		each.Go(func() error { return s.cleanZone(ctx, orderID, name, records, shared) })
	}
	return each.Wait()
}

func (s *Solver) cleanZone(ctx context.Context, orderID, name string, records, shared []ports.DNSRecord) error {
	zone := s.named(name)
	if zone == nil {
		return domain.NewFault(domain.FaultOperator, domain.ReasonUnknownDNSZone, nil,
			"the TXT record %s (and %d more of this order) was written into the zone %s, which is none of those under dns in "+
				"the file of --config "+
				"(EVERLEAF_CONFIG), which are %s: name %s there again until it is removed", records[0].Name,
			len(records)-1, name,
			s.zoneNames(), name)
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
	answered := false
	for some := range slices.Chunk(own, perRemoval) {
		err := s.remove(ctx, zone, some, &answered)
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

// remove has the zone remove some of an order's records, unless it was silent just now. A zone that has removed others
// of this order is slow and not silent, where the time is over.
func (s *Solver) remove(ctx context.Context, zone ports.DNSZone, some []ports.DNSRecord, answered *bool) error {
	if err := s.removals.check(zone.Name(), time.Now()); err != nil {
		return err
	}
	err := zone.Remove(ctx, some)
	if !*answered || over(ctx) == nil {
		s.removals.record(zone.Name(), err, time.Now())
	}
	*answered = *answered || err == nil
	return err
}

// byZone groups records by the name of their zone.
func byZone(records []ports.DNSRecord) map[string][]ports.DNSRecord {
	groups := map[string][]ports.DNSRecord{}
	for _, record := range records {
		groups[record.Zone] = append(groups[record.Zone], record)
	}
	return groups
}

// named is the zone of that very name, nil is none: a record is removed where it was written, though a zone below that
// would hold its name is configured since.
func (s *Solver) named(name string) ports.DNSZone {
	for _, zone := range *s.zones.Load() {
		if zone.Name() == name {
			return zone
		}
	}
	return nil
}

// zone is the longest that holds the name; nil is none.
func (s *Solver) zone(name string) ports.DNSZone {
	for _, zone := range *s.zones.Load() {
		if within(name, zone.Name()) {
			return zone
		}
	}
	return nil
}

func (s *Solver) zoneNames() string {
	zones := *s.zones.Load()
	if len(zones) == 0 {
		return "none"
	}
	names := make([]string, len(zones))
	for i, zone := range zones {
		names[i] = zone.Name()
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
