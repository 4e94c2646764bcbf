package ops

import (
	"io"
	"net/http"
	"strings"
)

// own is the name of the process's own line.
const own = "process"

// live fails only when a restart would help. It contacts nobody.
func (l *Listener) live(w http.ResponseWriter, r *http.Request) {
	phase, panels := l.state()
	results := []result{{name: own, ok: phase.alive, detail: phase.detail}}
	answer(w, append(results, panels.vital.results(r.Context())...))
}

// ready fails while the process cannot work, or shall get no more to do.
func (l *Listener) ready(w http.ResponseWriter, r *http.Request) {
	phase, panels := l.state()
	results := []result{{name: own, ok: phase.ready, detail: phase.detail}}
	results = append(results, panels.all.results(r.Context())...)
	l.note(results)
	answer(w, results)
}

// note logs a check that turned, so that the log has an outage that no prober kept.
func (l *Listener) note(results []result) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range results {
		before, known := l.verdict[r.name]
		l.verdict[r.name] = r.ok
		switch {
		case r.name == own || !known || r.ok == before: // the process logs its own steps
		case r.ok:
			l.logger.Info("check passes again", "check", r.name, "detail", r.detail)
		default:
			l.logger.Warn("check fails", "check", r.name, "detail", r.detail)
		}
	}
}

func (l *Listener) measure(w http.ResponseWriter, r *http.Request) {
	handler := l.metrics.Load()
	if handler == nil || *handler == nil {
		http.NotFound(w, r)
		return
	}
	(*handler).ServeHTTP(w, r)
}

func answer(w http.ResponseWriter, results []result) {
	status := http.StatusOK
	var text strings.Builder
	for _, r := range results {
		if !r.ok {
			status = http.StatusServiceUnavailable
		}
		text.WriteString(r.String() + "\n")
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text.String()) // the prober may be gone
}
