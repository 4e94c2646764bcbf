package dns01_test

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"everleaf/adapters/dns01"
	"everleaf/adapters/dns01/dns01test"
	"everleaf/domain"
	"everleaf/ports"
)

// play answers as change has it, at host and port; it returns the address.
// An answer without a question is not sent.
func play(t *testing.T, port int, host string, change func(answer *dns.Msg)) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", net.JoinHostPort(host, strconv.Itoa(port)))
	require.NoError(t, err)
	started := make(chan struct{})
	server := &dns.Server{PacketConn: conn, NotifyStartedFunc: func() { close(started) },
		Handler: dns.HandlerFunc(func(w dns.ResponseWriter, question *dns.Msg) {
			answer := new(dns.Msg).SetReply(question)
			answer.Authoritative = true
			change(answer)
			if len(answer.Question) > 0 {
				_ = w.WriteMsg(answer)
			}
		})}
	go func() { _ = server.ActivateAndServe() }()
	<-started
	t.Cleanup(func() { _ = server.Shutdown() })
	return conn.LocalAddr().String()
}

// Nobody listens at the port that is asked: that is said apart, since to wait hardly helps.
func TestAClosedPort(t *testing.T) {
	t.Parallel()
	server, store := dns01test.Start(t, "acme.test"), newRecords()
	const closed = 1
	for port, want := range map[int]bool{server.Port: false, closed: true} {
		s, err := dns01.NewSolver(dns01.Config{Zones: []dns01.ZoneConfig{server.Zone("acme.test")},
			Resolver: server.Addr, CheckPort: port}, store)
		require.NoError(t, err)
		err = s.Check(t.Context(), challenge("acme.test"))
		require.Error(t, err)
		require.Equal(t, want, errors.As(err, new(ports.PortClosed)), err)
	}
}

// One of two authoritative servers lags behind its primary. The CA may ask either; the check says which has not
// followed. The zone is a child of another one that the same operator has: the parent's servers are not asked (lego
// #1597).
func TestLaggingServer(t *testing.T) {
	t.Parallel()
	server := dns01test.Start(t, "acme.test", "deep.acme.test")
	server.Add("ns2.deep.acme.test. 1 A 127.0.0.2", "deep.acme.test. 1 NS ns2.deep.acme.test.")
	var has atomic.Value // what the second server has
	has.Store([]string{"old"})
	play(t, server.Port, "127.0.0.2", func(answer *dns.Msg) {
		for _, value := range has.Load().([]string) {
			answer.Answer = append(answer.Answer,
				&dns.TXT{Hdr: dns.RR_Header{Name: answer.Question[0].Name, Rrtype: dns.TypeTXT, Class: dns.ClassINET},
					Txt: []string{value}})
		}
	})
	store := newRecords()
	s := solver(t, server, store, server.Zone("deep.acme.test"))
	c := challenge("deep.acme.test")
	require.NoError(t, s.Present(t.Context(), "order", []domain.Challenge{c}))
	fault := requireFault(t, s.Check(t.Context(), c), domain.FaultWait, "ChallengeNotVisible",
		"_acme-challenge.deep.acme.test", fmt.Sprintf("ns2.deep.acme.test (127.0.0.2:%d)", server.Port),
		"does not have the value "+store.of("order")[0].Value, "1 other TXT record", "follow their primary")
	require.NotContains(t, fault.Message, "ns1")
	has.Store([]string{"old", store.of("order")[0].Value})
	require.NoError(t, s.Check(t.Context(), c))
	require.Positive(t, s.WaitLimit())

	server.Add("ns4.deep.acme.test. 1 A 127.0.0.3", "deep.acme.test. 1 NS ns3.elsewhere.test.",
		"deep.acme.test. 1 NS ns4.deep.acme.test.")
	// What nobody sees is our own side's, and what one server lacks is reported as before.
	unreached := []string{"ns3.elsewhere.test has no address", server.Addr,
		fmt.Sprintf("ns4.deep.acme.test (127.0.0.3:%d) does not answer: connection refused", server.Port),
		"at port " + strconv.Itoa(server.Port) + " (--dns01-check-port", "--dns01-check recursive"}
	fault = requireFault(t, s.Check(t.Context(), c), domain.FaultWait, "ZoneNotVisible", unreached...)
	require.NotContains(t, fault.Message, "follow their primary")
	has.Store([]string{"old"})
	requireFault(t, s.Check(t.Context(), c), domain.FaultWait, "ChallengeNotVisible",
		append(unreached, "does not have the value", "follow their primary")...)
	has.Store([]string{store.of("order")[0].Value})

	resolving, err := dns01.NewSolver(dns01.Config{Zones: []dns01.ZoneConfig{server.Zone("deep.acme.test")},
		Resolver:  server.Addr,
		CheckPort: server.Port, Check: dns01.CheckRecursive}, store)
	require.NoError(t, err)
	require.NoError(t, resolving.Check(t.Context(), c), "the name servers are not asked")
	requireFault(t, resolving.Check(t.Context(), challenge("deep.acme.test")), domain.FaultWait, "ChallengeNotVisible",
		"the resolver "+server.Addr+" does not have the value", "remember")
}

// The name's owner may change the CNAME while the order waits: where it leads by then is checked, as the CA will.
func TestDelegationWithdrawn(t *testing.T) {
	t.Parallel()
	server := dns01test.Start(t, "customer.test", "acme.test")
	cname := "_acme-challenge.customer.test. 1 CNAME c.acme.test."
	server.Add(cname)
	s := solver(t, server, newRecords(), server.Zone("acme.test"))
	c := challenge("customer.test")
	require.NoError(t, s.Present(t.Context(), "order", []domain.Challenge{c}))
	require.NoError(t, s.Check(t.Context(), c))
	server.Remove(cname)
	requireFault(t, s.Check(t.Context(), c), domain.FaultName, "NameNotDelegated",
		"it is in none of Everleaf's zones (acme.test) and no CNAME leads from it into one: create")
	require.NoError(t, s.CleanUp(t.Context(), "order"))
	require.Empty(t, server.TXT("c.acme.test"))
}

// Packets get lost, and a server may not know EDNS: the question is put again.
func TestQuestionIsPutAgain(t *testing.T) {
	t.Parallel()
	var asked, plain atomic.Int32
	resolver := play(t, 0, "127.0.0.1", func(answer *dns.Msg) {
		switch asked.Add(1) {
		case 1:
			answer.Question = nil
		case 2:
			answer.Rcode = dns.RcodeFormatError
		default:
			plain.Add(1)
		}
	})
	s, err := dns01.NewSolver(dns01.Config{Resolver: resolver,
		Zones: []dns01.ZoneConfig{{Zone: "a.test", RFC2136: &dns01.RFC2136{Server: "127.0.0.1"}}}}, newRecords())
	require.NoError(t, err)
	requireFault(t, s.Present(t.Context(), "order", []domain.Challenge{challenge("b.test")}), domain.FaultName,
		"NameNotDelegated")
	require.Equal(t, int32(1), plain.Load())
	require.Equal(t, int32(3), asked.Load())
}

// A server that has the zone no more, or a cache that answers in its place, may have the value: the CA asks others.
func TestAnswerWithoutAuthority(t *testing.T) {
	t.Parallel()
	server := dns01test.Start(t, "acme.test")
	server.Add("ns2.acme.test. 1 A 127.0.0.2", "acme.test. 1 NS ns2.acme.test.")
	store := newRecords()
	s := solver(t, server, store, server.Zone("acme.test"))
	c := challenge("acme.test")
	require.NoError(t, s.Present(t.Context(), "order", []domain.Challenge{c}))
	var authority atomic.Bool
	var code atomic.Int32
	play(t, server.Port, "127.0.0.2", func(answer *dns.Msg) {
		answer.Authoritative, answer.Rcode = authority.Load(), int(code.Load())
		answer.Answer = []dns.RR{&dns.TXT{Hdr: dns.RR_Header{Name: answer.Question[0].Name, Rrtype: dns.TypeTXT,
			Class: dns.ClassINET},
			Txt: []string{store.of("order")[0].Value}}}
	})
	requireFault(t, s.Check(t.Context(), c), domain.FaultWait, "ZoneNotVisible", "ns2.acme.test (127.0.0.2",
		"without authority", "--dns01-check recursive")
	code.Store(dns.RcodeRefused)
	requireFault(t, s.Check(t.Context(), c), domain.FaultWait, "ZoneNotVisible", "ns2.acme.test (127.0.0.2",
		"says REFUSED")
	code.Store(dns.RcodeSuccess)
	authority.Store(true)
	require.NoError(t, s.Check(t.Context(), c))
}

// A zone that nobody has delegated is reported as such, and not what the root's servers say: by whom, and how to ask
// another. It is ours, so it is no fault of the name's owner.
func TestZoneThatIsNotThere(t *testing.T) {
	t.Parallel()
	server := dns01test.Start(t, "acme.test")
	s := solver(t, server, newRecords(), server.Zone("gone.test"))
	fault := requireFault(t, s.Check(t.Context(), challenge("gone.test")), domain.FaultWait, "ZoneNotVisible",
		"_acme-challenge.gone.test: the resolver "+server.Addr+" knows no zone", "zone gone.test is delegated",
		"--dns01-resolver (EVERLEAF_DNS01_RESOLVER)")
	require.Equal(t, 1, strings.Count(fault.Message, "_acme-challenge.gone.test"))
}
