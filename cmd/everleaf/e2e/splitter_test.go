package e2e

import (
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// splitter is what an ingress is in a cluster: one address in front of all replicas. Those that do not listen are
// passed over, and what a replica leaves unanswered is counted and asked of the next.
type splitter struct {
	mu       sync.Mutex
	backends []string
	next     int
	cut      atomic.Int64
}

func newSplitter(t testing.TB, address string) *splitter {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	require.NoError(t, err)
	p := &splitter{}
	server := &http.Server{Handler: p}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return p
}

func (p *splitter) add(backend string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.backends = append(p.backends, backend)
}

// remove is for a replica that is gone: somebody else may listen there later.
func (p *splitter) remove(backend string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.backends = slices.DeleteFunc(p.backends, func(b string) bool { return b == backend })
}

// turn is all replicas, each time with another one first.
func (p *splitter) turn() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next++
	first := p.next % max(1, len(p.backends))
	return slices.Concat(p.backends[first:], p.backends[:first])
}

// onePerRequest is a transport that connects once a request and repeats nothing.
var onePerRequest = &http.Transport{DisableKeepAlives: true}

// ServeHTTP lets the next replica that listens answer.
func (p *splitter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for _, backend := range p.turn() {
		request := r.Clone(r.Context())
		request.URL.Scheme, request.URL.Host = "http", backend
		response, err := onePerRequest.RoundTrip(request)
		var body []byte
		if err == nil {
			body, err = io.ReadAll(response.Body)
			_ = response.Body.Close()
		}
		switch {
		case err == nil:
			w.WriteHeader(response.StatusCode)
			_, _ = w.Write(body)
			return
		case r.Context().Err() != nil:
			return // the CA is gone
		case !errors.Is(err, syscall.ECONNREFUSED):
			p.cut.Add(1)
		}
	}
	http.Error(w, "no replica answers", http.StatusBadGateway)
}
