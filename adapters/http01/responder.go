package http01

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"everleaf/domain"
	"everleaf/ports"
)

// storeTimeout bounds the look into the store: a CA waits about ten seconds for the whole answer.
const storeTimeout = 5 * time.Second

// Responder answers HTTP-01 challenges from the store.
type Responder struct {
	listen string
	tokens ports.HTTPTokens
	logger *slog.Logger
	found  cache
	server *http.Server
	bound  atomic.Value
}

// NewResponder makes a responder; Start makes it answer.
func NewResponder(config Config, tokens ports.HTTPTokens, logger *slog.Logger) *Responder {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	r := &Responder{listen: config.Listen, tokens: tokens, logger: logger,
		found: cache{entries: map[string]entry{}, now: time.Now}}
	r.server = &http.Server{
		Handler:           r,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       5 * time.Second,
		WriteTimeout:      10 * time.Second,
		IdleTimeout:       30 * time.Second,
		MaxHeaderBytes:    8 << 10,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
	return r
}

// Start binds the address and answers from then on. Faults: Operator "ListenFailed", which names setting and address.
func (r *Responder) Start(ctx context.Context) error {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", r.listen)
	if err != nil {
		return domain.NewFault(domain.FaultOperator, "ListenFailed", err,
			"--http01-listen (EVERLEAF_HTTP01_LISTEN) %q: the address cannot be bound; free it or choose another", r.listen)
	}
	r.bound.Store(listener.Addr().String())
	go func() {
		if err := r.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			r.logger.Error("HTTP-01 responder ended", "error", err)
		}
	}()
	return nil
}

// Stop lets running answers finish until ctx ends, then cuts them off.
func (r *Responder) Stop(ctx context.Context) error {
	if err := r.server.Shutdown(ctx); err != nil {
		return errors.Join(err, r.server.Close())
	}
	return nil
}

// Addr is the bound address, or the configured one before Start.
func (r *Responder) Addr() string {
	if bound, ok := r.bound.Load().(string); ok {
		return bound
	}
	return r.listen
}

// ServeHTTP answers GET and HEAD of a known token with its key authorization, 404 for anything else, and 503 while the
// store fails.
func (r *Responder) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	token, ours := strings.CutPrefix(request.URL.Path, path)
	switch {
	case !ours || !tokenSyntax.MatchString(token):
		http.NotFound(w, request)
		return
	case request.Method != http.MethodGet && request.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	keyAuthorization, err := r.lookUp(request.Context(), token)
	switch {
	case err != nil:
		r.logger.WarnContext(request.Context(), "HTTP-01 token not read", "error", err)
		w.Header().Set("Retry-After", "1")
		http.Error(w, "token store unavailable", http.StatusServiceUnavailable)
	case keyAuthorization == "":
		http.NotFound(w, request)
	default:
		// The type that RFC 8555 §8.3 shows. It also keeps a browser from rendering it.
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Cache-Control", "no-store")
		_, _ = w.Write([]byte(keyAuthorization))
	}
}

func (r *Responder) lookUp(ctx context.Context, token string) (string, error) {
	if keyAuthorization, ok := r.found.get(token); ok {
		return keyAuthorization, nil
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	keyAuthorization, err := r.tokens.KeyAuthorization(ctx, token)
	if err == nil && keyAuthorization != "" {
		r.found.put(token, keyAuthorization)
	}
	return keyAuthorization, err
}
