package pull

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"golang.org/x/net/idna"

	"everleaf/domain"
	"everleaf/ports"
)

// routes is what is served. GET patterns match HEAD as well, which must not use up a token: that route checks the
// method itself.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/v1/keys", s.watched(s.key))
	if s.config.ClientCA != "" {
		mux.HandleFunc("GET /v1/certificates", s.watched(s.list))
		mux.HandleFunc("GET /v1/certificates/{name}", s.watched(s.byName))
		mux.HandleFunc("GET /v1/sni/{servername}", s.watched(s.bySNI))
	}
	return mux
}

// answer is what the log says of a request; nothing of it is secret.
type answer struct {
	status      int
	client      string
	certificate string
	version     string
	err         error
}

// watched gives a request its turn and its time, and writes its line into the log; of a flood of refused ones, some.
func (s *Server) watched(serve func(http.ResponseWriter, *http.Request) answer) http.HandlerFunc {
	return func(w http.ResponseWriter, request *http.Request) {
		began := time.Now()
		ctx, cancel := context.WithTimeout(request.Context(), storeTimeout)
		defer cancel()
		w.Header().Set("Cache-Control", "no-store")
		var a answer
		select {
		case s.turns <- struct{}{}:
			func() {
				defer func() { <-s.turns }()
				a = serve(w, request.WithContext(ctx))
			}()
		case <-ctx.Done():
			a = s.fail(w, answer{err: domain.NewFault(domain.FaultWait, domain.ReasonBusy, nil,
				"too many requests at once")})
		}
		route := strings.TrimPrefix(request.Pattern, http.MethodGet+" ")
		record := s.logger.InfoContext
		if a.status == http.StatusInternalServerError || a.status == http.StatusServiceUnavailable {
			record = s.logger.WarnContext
		}
		fields := []any{"route", route, "method", request.Method, "status", a.status, "remote", request.RemoteAddr,
			"client", a.client, "certificate", a.certificate, "version", a.version, "took",
			time.Since(began).Round(time.Millisecond).String()}
		if a.err != nil {
			fields = append(fields, "error", a.err)
		}
		// A 500 is nobody's from outside: each has its line.
		if a.status >= http.StatusBadRequest && a.status != http.StatusInternalServerError {
			omitted, ok := s.refused.Next()
			if !ok {
				return
			}
			if omitted > 0 {
				fields = append(fields, "beforeWithoutALine", omitted)
			}
		}
		record(request.Context(), "pull answered", fields...)
	}
}

func (s *Server) byName(w http.ResponseWriter, request *http.Request) answer {
	return s.certificate(w, request, func(ctx context.Context, targets []string) (ports.KeyPair, error) {
		return s.pulls.Named(ctx, request.PathValue("name"), targets)
	})
}

func (s *Server) bySNI(w http.ResponseWriter, request *http.Request) answer {
	name := strings.TrimSuffix(strings.ToLower(request.PathValue("servername")), ".")
	if ascii, err := idna.Lookup.ToASCII(name); err == nil {
		name = ascii
	}
	return s.certificate(w, request, func(ctx context.Context, targets []string) (ports.KeyPair, error) {
		return s.pulls.Covering(ctx, name, targets)
	})
}

// page is a list of what a client may fetch.
type page struct {
	Certificates []listed `json:"certificates"`
	// Next is the name to go on after, if there is more.
	Next string `json:"next,omitempty"`
}

type listed struct {
	Name     string    `json:"name"`
	Version  string    `json:"version"`
	Names    []string  `json:"names"`
	NotAfter time.Time `json:"notAfter"`
}

func (s *Server) list(w http.ResponseWriter, request *http.Request) answer {
	client, ok := s.visit(request)
	if !ok {
		return unknownClient(w)
	}
	a := answer{client: client.name, status: http.StatusOK}
	shown := page{Certificates: []listed{}}
	if len(client.targets) > 0 {
		records, err := s.pulls.Offered(request.Context(), client.targets, request.URL.Query().Get("after"), pageSize+1)
		if err != nil {
			a.err = err
			return s.fail(w, a)
		}
		if len(records) > pageSize {
			records = records[:pageSize]
			shown.Next = records[pageSize-1].Name
		}
		for _, record := range records {
			shown.Certificates = append(shown.Certificates,
				listed{record.Name, record.Issued.Version, record.Issued.Names, record.Issued.NotAfter})
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(shown) // a client that left needs no answer
	return a
}

// unknownClient is the one answer that says why: nothing can be learned from it.
func unknownClient(w http.ResponseWriter) answer {
	http.Error(w, "a client certificate that the listener's client CA has signed is required", http.StatusForbidden)
	return answer{status: http.StatusForbidden}
}

// fail answers a fault without its details: they are the operator's, and in the log.
func (s *Server) fail(w http.ResponseWriter, a answer) answer {
	fault := domain.AsFault(a.err)
	switch {
	case fault.Kind == domain.FaultSpec:
		a.status = http.StatusNotFound
		http.Error(w, "there is no such certificate for this client", a.status)
	case fault.Kind == domain.FaultWait || errors.Is(a.err, context.Canceled):
		a.status = http.StatusServiceUnavailable
		w.Header().Set("Retry-After", "5")
		http.Error(w, "come again in a few seconds", a.status)
	default:
		a.status = http.StatusInternalServerError
		http.Error(w, "this cannot be served now; the operator's log says why", a.status)
	}
	return a
}
