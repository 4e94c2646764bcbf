package dns01_test

import (
	"fmt"
	"log/slog"
	"net"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"

	"everleaf/adapters/activities/sweeping"
	"everleaf/adapters/dns01"
	"everleaf/adapters/dns01/dns01test"
	"everleaf/adapters/system"
	"everleaf/domain"
	"everleaf/ports"
)

// A record is removed from the zone that it was written into, though another one that holds its name is configured
// since. Where its own is gone, no other is taken for it.
func TestRemovedWhereItWasWritten(t *testing.T) {
	t.Parallel()
	server := dns01test.Start(t, "acme.test")
	below := &service{written: map[string]bool{}}
	web := httptest.NewServer(below)
	t.Cleanup(web.Close)
	later := dns01.ZoneConfig{Zone: "deep.acme.test", HTTP: &dns01.HTTP{URL: web.URL}}
	const place = "_acme-challenge.deep.acme.test"
	store := newRecords()
	present := func(s ports.Solver) {
		require.NoError(t, s.Present(t.Context(), "order", []domain.Challenge{challenge("deep.acme.test")}))
	}
	present(solver(t, server, store, server.Zone("acme.test")))
	require.Len(t, server.TXT(place), 1)
	require.Equal(t, "acme.test", store.of("order")[0].Zone)

	alone := solver(t, server, store, later)
	requireFault(t, alone.CleanUp(t.Context(), "order"), domain.FaultOperator, "UnknownDNSZone", place,
		"the zone acme.test", "which are deep.acme.test")
	require.Len(t, server.TXT(place), 1)
	require.Len(t, store.of("order"), 1)

	both := solver(t, server, store, server.Zone("acme.test"), later)
	present(both) // the order's next try
	require.Len(t, store.of("order"), 2)
	require.Equal(t, 1, below.names())
	above := solver(t, server, store, server.Zone("acme.test"))
	requireFault(t, above.CleanUp(t.Context(), "order"), domain.FaultOperator, "UnknownDNSZone", place,
		"the zone deep.acme.test", "which are acme.test")
	require.Equal(t, 1, below.names(), "the zone above would confirm, and remove nothing")
	require.Len(t, store.of("order"), 1)
	require.Empty(t, server.TXT(place))
	require.NoError(t, both.CleanUp(t.Context(), "order"))
	require.Empty(t, server.TXT(place))
	require.Zero(t, below.names())
	require.Empty(t, store.of("order"))
}

// The orders of a zone that is down are swept first, and those of others all the same: after a few waits, nobody waits
// for it.
func TestADeadZoneHoldsUpNobody(t *testing.T) {
	t.Parallel()
	server := dns01test.Start(t, "good.test")
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = dead.Close() })
	var asked atomic.Int32
	go func() {
		for {
			connection, err := dead.Accept()
			if err != nil {
				return
			}
			asked.Add(1)
			t.Cleanup(func() { _ = connection.Close() })
		}
	}()
	store := newRecords()
	s := solver(t, server, store, server.Zone("good.test"),
		dns01.ZoneConfig{Zone: "dead.test", RFC2136: &dns01.RFC2136{Server: dead.Addr().String(), Timeout: "300ms"}})
	for i := range 16 {
		require.NoError(t, store.PutRecords(t.Context(), fmt.Sprintf("order-%02d", i),
			[]ports.DNSRecord{{Zone: "dead.test", Name: "x.dead.test", Value: fmt.Sprint(i)}}))
	}
	require.NoError(t, s.Present(t.Context(), "order-16", []domain.Challenge{challenge("good.test")}))

	steps := &testsuite.WorkflowTestSuite{}
	steps.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := steps.NewTestActivityEnvironment()
	sweeping.Register(env, sweeping.New(sweeping.Params{Records: store, Solvers: []ports.Solver{s},
		Clock: system.Clock{}}))
	value, err := env.ExecuteActivity(ports.SweepRecords.Name, ports.SweepRecordsInput{})
	require.NoError(t, err)
	var out ports.SweepRecordsOutput
	require.NoError(t, value.Get(&out))
	require.Equal(t, ports.SweepRecordsOutput{Page: ports.PageState{After: "order-16", Done: true}, Cleaned: 1,
		Failed: 16}, out)
	require.Empty(t, server.TXT("_acme-challenge.good.test"))
	require.LessOrEqual(t, asked.Load(), int32(8), "those at once")
	requireFault(t, s.CleanUp(t.Context(), "order-00"), domain.FaultWait, "DNSUnavailable", dead.Addr().String(),
		"no answer in time")
	require.LessOrEqual(t, asked.Load(), int32(8))
	require.Len(t, store.of("order-00"), 1)
}
