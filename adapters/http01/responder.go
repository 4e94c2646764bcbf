package http01

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"everleaf/adapters/internal/listener"
	"everleaf/ports"
)

// storeTimeout bounds the look into the store: a CA waits about ten seconds for the whole answer.
const storeTimeout = 5 * time.Second

// Responder answers HTTP-01 challenges from the store.
type Responder struct {
	*listener.Listener
	lookups lookups
	logger  *slog.Logger
	// found and missed are what the last look-ups found, and did not. A flood of one fills not the other.
	found, missed *cache
	// failed are the lines of look-ups that failed.
	failed listener.Lines
}

// NewResponder makes a responder; Start makes it answer.
func NewResponder(config Config, tokens ports.HTTPTokens, logger *slog.Logger) *Responder {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	r := &Responder{lookups: lookups{tokens: tokens}, logger: logger, found: newCache(foundFor),
		missed: newCache(missedFor)}
	r.Listener = listener.New(listener.Config{Name: "HTTP-01 responder",
		Setting: "--http01-listen (EVERLEAF_HTTP01_LISTEN)",
		Listen:  config.Listen, WriteTimeout: 10 * time.Second}, r, logger)
	return r
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
		if omitted, ok := r.failed.Next(); ok {
			r.logger.WarnContext(request.Context(), "HTTP-01 token not read", "error", err, "beforeWithoutALine", omitted)
		}
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
	if _, ok := r.missed.get(token); ok {
		return "", nil
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	keyAuthorization, err := r.lookups.ask(ctx, token)
	switch {
	case err != nil:
	case keyAuthorization == "":
		r.missed.put(token, "")
	default:
		r.found.put(token, keyAuthorization)
	}
	return keyAuthorization, err
}
