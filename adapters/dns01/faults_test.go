package dns01_test

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"everleaf/adapters/dns01"
	"everleaf/adapters/dns01/dns01test"
	"everleaf/domain"
	"everleaf/ports"
)

// Names that lead nowhere are their owners' to correct. Nothing is written for an order with one of them.
func TestNameNotDelegated(t *testing.T) {
	t.Parallel()
	server := dns01test.Start(t, "customer.test", "acme.test", "more.acme.test")
	server.Add("_acme-challenge.elsewhere.customer.test. 1 CNAME x.other.example.",
		"_acme-challenge.loop.customer.test. 1 CNAME a.customer.test.",
		"a.customer.test. 1 CNAME b.customer.test.", "b.customer.test. 1 CNAME a.customer.test.",
		"_acme-challenge.good.customer.test. 1 CNAME good.acme.test.")
	for i := range 11 { // one more than is followed
		from, to := fmt.Sprintf("hop%d.customer.test", i), fmt.Sprintf("hop%d.customer.test.", i+1)
		if i == 0 {
			from = "_acme-challenge.long.customer.test"
		}
		server.Add(from + ". 1 CNAME " + to)
	}
	server.Add("hop11.customer.test. 1 CNAME x.acme.test.",
		"_acme-challenge.ten.customer.test. 1 CNAME hop3.customer.test.")
	store := newRecords()
	s := solver(t, server, store, server.Zone("acme.test"), server.Zone("more.acme.test"))
	present := func(names ...string) error {
		var challenges []domain.Challenge
		for _, name := range names {
			challenges = append(challenges, challenge(name))
		}
		return s.Present(t.Context(), "order", challenges)
	}
	fault := requireFault(t, present("good.customer.test", "www.customer.test", "customer.test"), domain.FaultName,
		"NameNotDelegated",
		"_acme-challenge.www.customer.test: it is in none of Everleaf's zones (acme.test, more.acme.test) and no CNAME leads", "create a CNAME record", "customer.test.more.acme.test", "1 more names: customer.test")
	require.NotContains(t, fault.Message, "good.customer.test")
	requireFault(t, present("elsewhere.customer.test"), domain.FaultName, "NameNotDelegated",
		"leads to x.other.example, which is in none of Everleaf's zones (acme.test, more.acme.test): create")
	requireFault(t, present("loop.customer.test"), domain.FaultName, "CNAMELoop",
		"_acme-challenge.loop.customer.test -> a.customer.test -> b.customer.test", "10")
	requireFault(t, present("long.customer.test"), domain.FaultName, "CNAMELoop")
	require.Empty(t, store.of("order"))
	require.NoError(t, present("ten.customer.test"), "ten CNAMEs and fewer are followed")
	require.Len(t, server.TXT("x.acme.test"), 1)

	none := solver(t, server, store)
	requireFault(t, none.Present(t.Context(), "order", []domain.Challenge{challenge("a.test"), challenge("b.test")}),
		domain.FaultOperator, "NoDNSZones",
		"under dns in the file of --config", "a.test")
}

// What a server refuses is the operator's to correct, and no key is shown.
func TestUpdateRefused(t *testing.T) {
	t.Parallel()
	server := dns01test.Start(t, "shop.test")
	good := server.Zone("shop.test")
	with := func(change func(*dns01.RFC2136)) dns01.ZoneConfig {
		zone := server.Zone("shop.test")
		change(zone.RFC2136)
		return zone
	}
	other := "b3RoZXItc2VjcmV0LW90aGVyLXNlY3JldC1vdGhlci1zZWNyZXQ="
	for name, tc := range map[string]struct {
		zone  dns01.ZoneConfig
		parts []string
	}{
		"another secret": {with(func(c *dns01.RFC2136) { c.TSIG.Secret = other }), []string{"BADSIG", "tsig.secret"}},
		"another key":    {with(func(c *dns01.RFC2136) { c.TSIG.Name = "nobody" }), []string{"BADKEY", "tsig.name"}},
		"no key":         {with(func(c *dns01.RFC2136) { c.TSIG = nil }), []string{"REFUSED", "update-policy"}},
		"not a zone": {dns01.ZoneConfig{Zone: "www.shop.test", RFC2136: good.RFC2136},
			[]string{"NOTAUTH", "primary"}},
		"not its primary": {dns01.ZoneConfig{Zone: "other.test", RFC2136: good.RFC2136},
			[]string{"NOTAUTH", "other.test"}},
	} {
		zone := dns01.NewUpdateZone(tc.zone.Zone, *tc.zone.RFC2136, "")
		err := zone.Add(t.Context(), []ports.DNSRecord{{Name: "x." + tc.zone.Zone, Value: "v"}})
		fault := requireFault(t, err, domain.FaultOperator, "DNSRefused", append(tc.parts, server.Addr)...)
		require.NotContains(t, fault.Error(), other, name)
		require.NotContains(t, fault.Error(), server.Key.Secret, name)
	}
	require.Empty(t, server.TXT("x.shop.test"))
}

// A server that is down comes back; what was stored is removed then.
func TestServerDown(t *testing.T) {
	t.Parallel()
	server, resolving := dns01test.Start(t, "shop.test"), dns01test.Start(t, "shop.test")
	store := newRecords()
	s := solver(t, resolving, store, server.Zone("shop.test"))
	require.NoError(t, s.Present(t.Context(), "order", []domain.Challenge{challenge("shop.test")}))
	server.Stop()
	fault := requireFault(t, s.CleanUp(t.Context(), "order"), domain.FaultWait, "DNSUnavailable", server.Addr,
		"connection refused")
	require.True(t, fault.Transient())
	require.Len(t, store.of("order"), 1)

	resolving.Stop()
	requireFault(t, s.Present(t.Context(), "order", []domain.Challenge{challenge("shop.test")}), domain.FaultWait,
		"DNSUnavailable",
		"--dns01-resolver", resolving.Addr, "_acme-challenge.shop.test")
}

// A server that accepts and says nothing is left after the zone's timeout, or at once when the caller gives up.
func TestServerSilent(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	record := []ports.DNSRecord{{Name: "x.shop.test", Value: "v"}}
	zone := dns01.NewUpdateZone("shop.test", dns01.RFC2136{Server: listener.Addr().String(), Timeout: "50ms"}, "")
	requireFault(t, zone.Add(t.Context(), record), domain.FaultWait, "DNSUnavailable", "no answer in time")

	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	zone = dns01.NewUpdateZone("shop.test", dns01.RFC2136{Server: listener.Addr().String(), Timeout: "1m"}, "")
	require.ErrorIs(t, zone.Add(ctx, record), context.Canceled)
}

// An answer that is not signed with the key may be anybody's: it confirms nothing.
func TestUnsignedAnswer(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	started := make(chan struct{})
	// As the library has it, the key is checked and the answer is signed by the handler; this one does neither.
	server := &dns.Server{Listener: listener, NotifyStartedFunc: func() { close(started) },
		MsgAcceptFunc: func(dns.Header) dns.MsgAcceptAction { return dns.MsgAccept },
		Handler: dns.HandlerFunc(func(w dns.ResponseWriter,
			update *dns.Msg) {
			_ = w.WriteMsg(new(dns.Msg).SetReply(update))
		})}
	go func() { _ = server.ActivateAndServe() }()
	<-started
	t.Cleanup(func() { _ = server.Shutdown() })
	config := dns01.RFC2136{Server: listener.Addr().String(),
		TSIG: &dns01.TSIG{Name: "k", Secret: "c2VjcmV0LXNlY3JldC1zZWNyZXQ="}}
	record := []ports.DNSRecord{{Name: "x.shop.test", Value: "v"}}
	requireFault(t, dns01.NewUpdateZone("shop.test", config, "").Add(t.Context(), record), domain.FaultOperator,
		"DNSRefused", "not signed")
	config.TSIG = nil
	require.NoError(t, dns01.NewUpdateZone("shop.test", config, "").Add(t.Context(), record))
}

// More records than one update carries. BIND by itself takes up to 100 values under one name (max-records-per-type);
// what it does not take, it says.
func TestManyRecords(t *testing.T) {
	t.Parallel()
	server := dns01test.Start(t, "shop.test")
	config := *server.Zone("shop.test").RFC2136
	config.Server = fmt.Sprintf("ns1.shop.test:%d", server.Port) // a name that only the resolver knows
	zone := dns01.NewUpdateZone("shop.test", config, server.Addr)
	var records []ports.DNSRecord
	for i := range 250 {
		records = append(records, ports.DNSRecord{Name: fmt.Sprintf("many%d.shop.test", i%5), Value: strconv.Itoa(i)})
	}
	require.NoError(t, zone.Add(t.Context(), records))
	require.Len(t, server.TXT("many4.shop.test"), 50)
	require.NoError(t, zone.Remove(t.Context(), records[1:]))
	require.Equal(t, []string{"0"}, server.TXT("many0.shop.test"))
	require.Empty(t, server.TXT("many4.shop.test"))
}

// A name whose servers fail (SERVFAIL by the resolver) is its owner's to correct, and the operator's in one of our own
// zones; while it is looked at, it is waited for.
func TestNameServersOfTheNameFail(t *testing.T) {
	t.Parallel()
	resolver := play(t, 0, "127.0.0.1", func(answer *dns.Msg) { answer.Rcode = dns.RcodeServerFailure })
	s, err := dns01.NewSolver(dns01.Config{Resolver: resolver,
		Zones: []dns01.ZoneConfig{{Zone: "a.test", RFC2136: &dns01.RFC2136{Server: "127.0.0.1"}}}}, newRecords())
	require.NoError(t, err)
	for _, tc := range []struct {
		name, kind, present,
		check string
	}{{"a.test", "Operator", "ZoneNotVisible", "ZoneNotVisible"},
		{"b.test", "Name", "DNSFailed", "ChallengeNotVisible"}} {
		c := challenge(tc.name)
		requireFault(t, s.Present(t.Context(), "order", []domain.Challenge{c}), domain.FaultKind(tc.kind), tc.present,
			resolver, "SERVFAIL", "DNSSEC")
		requireFault(t, s.Check(t.Context(), c), domain.FaultWait, tc.check, resolver, "SERVFAIL")
	}
}

// Look-ups are bounded for all names together. Nothing is written; a name that is known to lead nowhere is reported as
// such.
func TestLocatingIsBounded(t *testing.T) {
	t.Parallel()
	resolver := play(t, 0, "127.0.0.1", func(answer *dns.Msg) {
		if strings.Contains(answer.Question[0].Name, "slow") {
			answer.Question = nil
		}
	})
	store := newRecords()
	s, err := dns01.NewSolver(dns01.Config{Resolver: resolver,
		Zones: []dns01.ZoneConfig{{Zone: "a.test", RFC2136: &dns01.RFC2136{Server: "127.0.0.1"}}}}, store)
	require.NoError(t, err)
	s.Bound(300 * time.Millisecond)
	challenges := []domain.Challenge{challenge("a.test")}
	for i := range 99 { // more than are looked up at once
		challenges = append(challenges, challenge(fmt.Sprintf("slow%d.a.test", i)))
	}
	began := time.Now()
	requireFault(t, s.Present(t.Context(), "order", challenges), domain.FaultWait, "DNSUnavailable", "99 of 100 names",
		"300ms", "_acme-challenge.slow0.a.test",
		"nothing was written", resolver, "--dns01-resolver")
	require.Less(t, time.Since(began), 3*time.Second, "one name alone would take as long")
	require.Empty(t, store.of("order"))
	requireFault(t, s.Check(t.Context(), challenges[1]), domain.FaultWait, "ZoneNotVisible",
		"_acme-challenge.slow0.a.test", resolver, "within 300ms", "--dns01-resolver")
	requireFault(t, s.Check(t.Context(), challenge("slow.b.test")), domain.FaultWait, "ChallengeNotVisible",
		"_acme-challenge.slow.b.test", resolver, "--dns01-resolver")
	requireFault(t, s.Present(t.Context(), "order", append(challenges[1:3], challenge("b.test"))), domain.FaultName,
		"NameNotDelegated", "b.test")
}
