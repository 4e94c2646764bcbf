package dns01

import (
	"context"
	"errors"
	"net"
	"os"
	"time"

	"github.com/miekg/dns"
)

// udpTimeouts bound the tries of one question by UDP: packets get lost.
var udpTimeouts = []time.Duration{time.Second, 2 * time.Second}

const (
	// queryTimeout bounds one question by TCP to one server.
	queryTimeout = 3 * time.Second
	// udpSize is an answer that passes unfragmented (DNS Flag Day 2020).
	udpSize = 1232
)

// ask sends a question to one server: by UDP, and by TCP where the answer does not fit.
func ask(ctx context.Context, server, name string, kind uint16, recursion bool) (*dns.Msg, error) {
	question := new(dns.Msg).SetQuestion(dns.Fqdn(name), kind)
	question.RecursionDesired = recursion
	question.SetEdns0(udpSize, false)
	answer, err := byUDP(ctx, question, server)
	if err == nil && answer.Rcode == dns.RcodeFormatError { // a server that knows no EDNS (RFC 6891 §7)
		question.Extra = nil
		answer, err = byUDP(ctx, question, server)
	}
	if err == nil && answer.Truncated {
		answer, err = exchange(ctx, &dns.Client{Net: "tcp", Timeout: queryTimeout}, question, server)
	}
	return answer, err
}

func byUDP(ctx context.Context, question *dns.Msg, server string) (answer *dns.Msg, err error) {
	for _, timeout := range udpTimeouts {
		answer, err = exchange(ctx, &dns.Client{Net: "udp", UDPSize: udpSize, Timeout: timeout}, question, server)
		if !errors.Is(err, os.ErrDeadlineExceeded) || ctx.Err() != nil {
			break
		}
	}
	return answer, err
}

// exchange sends a message and reads the answer. It ends with ctx at once, where the library looks at its deadline
// alone. An answer that came is returned beside the error, if there is something wrong with it.
func exchange(ctx context.Context, client *dns.Client, message *dns.Msg, server string) (*dns.Msg, error) {
	bounded, cancel := context.WithTimeout(ctx, client.Timeout)
	defer cancel()
	connection, err := client.DialContext(bounded, server)
	if err != nil {
		return nil, ctxErrOr(ctx, err)
	}
	defer connection.Close() //nolint:errcheck // nothing is under way
	defer context.AfterFunc(bounded, func() { _ = connection.SetDeadline(time.Unix(1, 0)) })()
	answer, _, err := client.ExchangeWithConnContext(bounded, message, connection)
	if err != nil {
		return answer, ctxErrOr(ctx, err)
	}
	return answer, nil
}

// ctxErrOr returns ctx's error if it has ended, else err: what ctx cut short is no fault of the other side.
func ctxErrOr(ctx context.Context, err error) error {
	if end := over(ctx); end != nil {
		return end
	}
	return err
}

// over returns ctx's error. Connections have its deadline as their own, and may end a moment before it does.
func over(ctx context.Context) error {
	if deadline, ok := ctx.Deadline(); ok && ctx.Err() == nil && !time.Now().Before(deadline) {
		return context.DeadlineExceeded
	}
	return ctx.Err()
}

// dialerVia returns a dialer that looks hosts up at the given server; empty is the system's.
func dialerVia(server string) *net.Dialer {
	dialer := &net.Dialer{}
	if server != "" {
		dialer.Resolver = &net.Resolver{PreferGo: true,
			Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return (&net.Dialer{Timeout: queryTimeout}).DialContext(ctx, network, server)
			}}
	}
	return dialer
}
