package http01

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"everleaf/adapters/internal/answer"
	"everleaf/adapters/internal/outgoing"
	"everleaf/domain"
	"everleaf/ports"
)

const (
	checkTimeout = 10 * time.Second
	waitLimit    = 30 * time.Second
	dialTimeout  = 5 * time.Second
)

var _ ports.Solver = (*Solver)(nil)

// Solver makes HTTP-01 challenges answerable and checks them as a CA does.
type Solver struct {
	tokens ports.HTTPTokens
	port   int
	client *http.Client
	// resolver is the one that is set, empty for the system's.
	resolver string
}

// NewSolver makes a solver over the store that the responders read.
func NewSolver(config Config, tokens ports.HTTPTokens) *Solver {
	port := config.CheckPort
	if port == 0 {
		port = defaultPort
	}
	allowed, _ := outgoing.Parse(config.Allow) // CheckAllow has said so
	dialer := &net.Dialer{Timeout: dialTimeout, Resolver: resolver(config.Resolver), Control: allowed.Control}
	network := answer.NoUpgrade(&http.Transport{
		// No proxy: a CA would not use ours.
		DialContext:       dialRooted(dialer),
		DisableKeepAlives: true,
		// Behind a redirect to https CAs accept any certificate: the name may be about to get its first one.
		TLSClientConfig:        &tls.Config{InsecureSkipVerify: true},
		TLSHandshakeTimeout:    dialTimeout,
		MaxResponseHeaderBytes: 64 << 10,
	})
	if config.Wrap != nil {
		network = config.Wrap(network)
	}
	redirects := redirects{ports: []string{"80", "443", strconv.Itoa(port)}}
	return &Solver{tokens: tokens, port: port, resolver: config.Resolver,
		client: &http.Client{CheckRedirect: redirects.check, Transport: network}}
}

// Type is http-01.
func (s *Solver) Type() domain.ChallengeType { return domain.ChallengeHTTP01 }

// Present stores the challenges' tokens; every responder answers them from then on.
func (s *Solver) Present(ctx context.Context, orderID string, challenges []domain.Challenge) error {
	return s.tokens.PutTokens(ctx, orderID, challenges)
}

// WaitLimit is half a minute: the responders answer at once.
func (s *Solver) WaitLimit() time.Duration { return waitLimit }

// CleanUp removes the order's tokens.
func (s *Solver) CleanUp(ctx context.Context, orderID string) error {
	return s.tokens.RemoveTokens(ctx, orderID)
}

// dialRooted looks names up as they are: a CA knows nothing of this host's search domains.
func dialRooted(dialer *net.Dialer) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		if _, err := netip.ParseAddr(host); err != nil && !strings.HasSuffix(host, ".") {
			host += "."
		}
		return dialer.DialContext(ctx, network, net.JoinHostPort(host, port))
	}
}

// resolver asks the given server for everything; nil is the system's.
func resolver(server string) *net.Resolver {
	if server == "" {
		return nil
	}
	if _, _, err := net.SplitHostPort(server); err != nil {
		server = net.JoinHostPort(server, "53")
	}
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, network, server)
	}}
}
