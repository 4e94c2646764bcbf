package listener

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"everleaf/domain"
)

// maxBody bounds what a request may send, in octets: nothing that is served here asks for more than a header.
const maxBody = 4 << 10

// Config says where a listener answers and what it is called.
type Config struct {
	// Name is what the log calls it, for example "HTTP-01 responder".
	Name string
	// Setting names the setting of the address to an operator: "--http01-listen (EVERLEAF_HTTP01_LISTEN)".
	Setting string
	// Listen is the address, for example ":8402".
	Listen string
	// WriteTimeout bounds an answer, from the end of the request's header.
	WriteTimeout time.Duration
	// TLS is nil for plain HTTP.
	TLS *tls.Config
}

// Listener answers HTTP/1.1 at one address, one request a connection.
type Listener struct {
	config Config
	logger *slog.Logger
	server *http.Server
	bound  atomic.Pointer[net.TCPListener]
	open   sync.WaitGroup // connections, and the loop that accepts them
}

// New makes a listener; Start makes it answer.
func New(config Config, handler http.Handler, logger *slog.Logger) *Listener {
	l := &Listener{config: config, logger: logger, server: &http.Server{
		Handler:     serving(http.MaxBytesHandler(handler, maxBody)),
		ConnContext: knowing,
		// A TLS handshake counts as reading the header.
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       5 * time.Second,
		WriteTimeout:      config.WriteTimeout,
		MaxHeaderBytes:    8 << 10,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}}
	l.server.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew: // from the loop that accepts
			l.open.Add(1)
		case http.StateClosed:
			l.open.Done()
		}
	}
	// Each answer says Connection: close. A connection kept for a next request could be closed by a stop while that
	// request is on its way, which no order of steps here can rule out. CAs and probes make one request a connection
	// anyway, and what a proxy, a scraper or a client that fetches certificates pays for a new one is little.
	l.server.SetKeepAlivesEnabled(false)
	return l
}

// Start binds the address and answers from then on. Faults: Operator "ListenFailed", which names setting and address.
func (l *Listener) Start(ctx context.Context) error {
	var config net.ListenConfig
	config.SetMultipathTCP(false) // its sockets take no filter, see Stop
	bound, err := config.Listen(ctx, "tcp", l.config.Listen)
	if err != nil {
		return domain.NewFault(domain.FaultOperator, domain.ReasonListenFailed, err,
			"%s %q: the address cannot be bound; free it or choose another", l.config.Setting, l.config.Listen)
	}
	l.bound.Store(bound.(*net.TCPListener))
	bound = newLimited(bound, l.config.Name, l.logger)
	if l.config.TLS != nil {
		bound = tls.NewListener(bound, l.config.TLS)
	}
	l.open.Go(func() {
		err := l.server.Serve(bound)
		if !errors.Is(err, net.ErrClosed) && !errors.Is(err, http.ErrServerClosed) { // both are Stop's
			l.logger.Error(l.config.Name+" ended", "error", err)
		}
	})
	return nil
}

// Addr is the bound address, or the configured one before Start.
func (l *Listener) Addr() string {
	if bound := l.bound.Load(); bound != nil {
		return bound.Addr().String()
	}
	return l.config.Listen
}

// Local is how this host reaches an address that was bound on all of its own.
func (l *Listener) Local() string {
	host, port, err := net.SplitHostPort(l.Addr())
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		return net.JoinHostPort("localhost", port)
	}
	return l.Addr()
}
