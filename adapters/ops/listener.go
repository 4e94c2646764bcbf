package ops

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"everleaf/adapters/internal/listener"
)

// writeTimeout is enough for a big fleet's metrics.
const writeTimeout = 30 * time.Second

// Config holds the listener's settings.
type Config struct {
	// Listen is the address of the setting ops-listen, for example ":8401".
	Listen string
}

// Listener answers /livez, /readyz and /metrics.
type Listener struct {
	*listener.Listener
	logger       *slog.Logger
	bound, fresh time.Duration
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
	l := &Listener{logger: logger, bound: checkBound, fresh: checkFresh, verdict: map[string]bool{},
		phase: phase{alive: true}}
	l.Starting("the process itself")
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", l.live)
	mux.HandleFunc("GET /readyz", l.ready)
	mux.HandleFunc("GET /metrics", l.measure)
	l.Listener = listener.New(listener.Config{Name: "operations listener",
		Setting: "--ops-listen (EVERLEAF_OPS_LISTEN)",
		Listen:  config.Listen, WriteTimeout: writeTimeout}, mux, logger)
	return l
}

// Metrics has handler answer GET /metrics, which is 404 until then. It may be called at any time.
func (l *Listener) Metrics(handler http.Handler) { l.metrics.Store(&handler) }

// Start binds the address and answers from then on. Faults: Operator "ListenFailed", which names setting and address.
func (l *Listener) Start(ctx context.Context) error {
	err := l.Listener.Start(ctx)
	if err == nil {
		l.logger.Info("operations listener started", "listen", l.Addr())
	}
	return err
}
