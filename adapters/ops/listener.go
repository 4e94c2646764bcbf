package ops

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"everleaf/domain"
)

// Config holds the listener's settings.
type Config struct {
	// Listen is the address of the setting ops-listen, for example ":8401".
	Listen string
}

// Listener answers /livez, /readyz and /metrics.
type Listener struct {
	listen       string
	logger       *slog.Logger
	server       *http.Server
	bound, fresh time.Duration
	address      atomic.Value
	metrics      atomic.Pointer[http.Handler]

	mu      sync.Mutex
	phase   phase
	panels  panels
	verdict map[string]bool // by check, as last logged
}

// NewListener makes a listener that says it is starting; Start makes it answer.
func NewListener(config Config, logger *slog.Logger) *Listener {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	l := &Listener{listen: config.Listen, logger: logger, bound: checkBound, fresh: checkFresh, verdict: map[string]bool{},
		phase: phase{alive: true}}
	l.Starting("the process itself")
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", l.live)
	mux.HandleFunc("GET /readyz", l.ready)
	mux.HandleFunc("GET /metrics", l.measure)
	l.server = &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       5 * time.Second,
		WriteTimeout:      30 * time.Second, // of a big fleet's metrics
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    8 << 10,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
	return l
}

// Metrics has handler answer GET /metrics, which is 404 until then. It may be called at any time.
func (l *Listener) Metrics(handler http.Handler) { l.metrics.Store(&handler) }

// Start binds the address and answers from then on. Faults: Operator "ListenFailed", which names setting and address.
func (l *Listener) Start(ctx context.Context) error {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", l.listen)
	if err != nil {
		return domain.NewFault(domain.FaultOperator, "ListenFailed", err,
			"--ops-listen (EVERLEAF_OPS_LISTEN) %q: the address cannot be bound; free it or choose another", l.listen)
	}
	l.address.Store(listener.Addr().String())
	l.logger.Info("operations listener started", "listen", l.Addr())
	go func() {
		if err := l.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			l.logger.Error("operations listener ended", "error", err)
		}
	}()
	return nil
}

// Stop lets running answers finish until ctx ends, then cuts them off. Without a Start it does nothing.
func (l *Listener) Stop(ctx context.Context) error {
	if err := l.server.Shutdown(ctx); err != nil {
		return errors.Join(err, l.server.Close())
	}
	return nil
}

// Addr is the bound address, or the configured one before Start.
func (l *Listener) Addr() string {
	if bound, ok := l.address.Load().(string); ok {
		return bound
	}
	return l.listen
}
