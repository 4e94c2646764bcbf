package zonetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/internal/suitetest"
	"everleaf/ports"
)

// Subject is a zone under test, without any record of challenges yet.
type Subject struct {
	// New makes the zone, as each worker does for itself: one adds, and another one may remove.
	New func() ports.DNSZone
	// TXT returns the texts that are under a name, in any order.
	TXT func(t testing.TB, name string) []string
	// Down is one more zone of the kind whose other side is not there.
	Down ports.DNSZone
}

// Run runs the suite; make is called for each of its tests.
func Run(t *testing.T, make func(t *testing.T) Subject) {
	suitetest.Run(t, make, map[string]func(*testing.T, Subject){
		"records are added once and removed by value": values,
		"another worker removes":                      anotherRemoves,
		"orders at once keep one another's values":    concurrent,
		"many records at once":                        many,
		"what goes wrong is a fault":                  faults,
	})
}

func values(t *testing.T, s Subject) {
	zone := s.New()
	require.Equal(t, strings.Trim(strings.ToLower(zone.Name()), "."), zone.Name())
	first, second, elsewhere := s.record("www", "first-value"), s.record("www", "second_value"),
		s.record("", "first-value")
	for range 2 {
		require.NoError(t, zone.Add(t.Context(), []ports.DNSRecord{first, elsewhere}))
		s.has(t, first.Name, "first-value")
		s.has(t, elsewhere.Name, "first-value")
	}
	require.NoError(t, zone.Add(t.Context(), []ports.DNSRecord{second}))
	s.has(t, first.Name, "first-value", "second_value")

	for range 2 {
		require.NoError(t, zone.Remove(t.Context(), []ports.DNSRecord{first}))
		s.has(t, first.Name, "second_value")
		s.has(t, elsewhere.Name, "first-value")
	}
	require.NoError(t, zone.Remove(t.Context(), []ports.DNSRecord{s.record("never", "there"), second, elsewhere}))
	s.has(t, first.Name)
	s.has(t, elsewhere.Name)
	require.NoError(t, zone.Add(t.Context(), []ports.DNSRecord{first}), "after its removal")
	s.has(t, first.Name, "first-value")
}

func anotherRemoves(t *testing.T, s Subject) {
	record := s.record("www", "of-a-killed-worker")
	require.NoError(t, s.New().Add(t.Context(), []ports.DNSRecord{record}))
	s.has(t, record.Name, "of-a-killed-worker")
	require.NoError(t, s.New().Remove(t.Context(), []ports.DNSRecord{record}))
	s.has(t, record.Name)
}

// Certificates of several tenants may be validated under one name at the same time, by several workers.
func concurrent(t *testing.T, s Subject) {
	const orders = 8
	var all []string
	for i := range orders {
		all = append(all, fmt.Sprintf("value-%d", i))
	}
	each(t, orders, func(i int) error {
		return s.New().Add(t.Context(), []ports.DNSRecord{s.record("shared", all[i])})
	})
	name := s.record("shared", "").Name
	s.has(t, name, all...)
	each(t, orders, func(i int) error {
		if i%2 == 0 { // while others try again
			return s.New().Remove(t.Context(), []ports.DNSRecord{s.record("shared", all[i])})
		}
		return s.New().Add(t.Context(), []ports.DNSRecord{s.record("shared", all[i])})
	})
	s.has(t, name, all[1], all[3], all[5], all[7])
}

func many(t *testing.T, s Subject) {
	var records []ports.DNSRecord
	for i := range 25 {
		records = append(records, s.record(fmt.Sprint("host", i), "value"), s.record("one", fmt.Sprint("value-", i)))
	}
	require.NoError(t, s.New().Add(t.Context(), records))
	require.Len(t, s.TXT(t, s.record("one", "").Name), 25)
	s.has(t, s.record("host24", "").Name, "value")
	require.NoError(t, s.New().Remove(t.Context(), records))
	s.has(t, s.record("one", "").Name)
	s.has(t, s.record("host24", "").Name)
	require.NoError(t, s.New().Add(t.Context(), nil), "nothing at all")
	require.NoError(t, s.New().Remove(t.Context(), nil))
}

func faults(t *testing.T, s Subject) {
	record := []ports.DNSRecord{s.record("www", "value")}
	for _, do := range []func(context.Context, []ports.DNSRecord) error{s.Down.Add, s.Down.Remove} {
		suitetest.RequireFault(t, do(t.Context(), record), "Wait DNSUnavailable", "Operator DNSRefused")
	}
	ended, end := context.WithCancel(t.Context())
	end()
	require.ErrorIs(t, s.New().Add(ended, record), context.Canceled, "the caller's end stays visible")
}

// record is one in the subject's zone; label is empty for its apex.
func (s Subject) record(label, value string) ports.DNSRecord {
	zone := s.New().Name()
	return ports.DNSRecord{Zone: zone, Name: strings.TrimSuffix("_acme-challenge."+label, ".") + "." + zone,
		Value: value}
}

func (s Subject) has(t *testing.T, name string, want ...string) {
	t.Helper()
	got := s.TXT(t, name)
	slices.Sort(got)
	slices.Sort(want)
	require.Equal(t, append([]string{}, want...), append([]string{}, got...), name)
}

// each does it so many times at once.
func each(t *testing.T, times int, do func(i int) error) {
	t.Helper()
	for _, err := range suitetest.AtOnce(times, do) {
		require.NoError(t, err)
	}
}
