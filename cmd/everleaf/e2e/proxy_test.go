package e2e

import (
	"bytes"
	"crypto/tls"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/acme/acmetest"
)

// Pebble's paths, as its directory gives them.
const (
	pathDirectory = "/dir"
	pathNewOrder  = acmetest.PathNewOrder
	pathAuthz     = acmetest.PathAuthz
	pathChallenge = acmetest.PathChallenge
	pathFinalize  = acmetest.PathFinalize
	pathCert      = acmetest.PathDownload
	pathRenewal   = acmetest.PathRenewalInfo
	pathRevoke    = acmetest.PathRevoke
)

// caProxy stands in front of the CA, keeps the Host that the client used (the CA builds its URLs from it), counts
// requests, and holds or answers those that a rule names.
type caProxy struct {
	t         testing.TB
	server    *httptest.Server
	Directory string
	CABundle  string

	mu    sync.Mutex
	rules []*rule
	seen  []string

	// alone keeps a new order apart from all other requests: Pebble takes two of its locks in one order for it, and in
	// the other to answer for an authorization, and never answers again when the two meet.
	alone sync.RWMutex
}

// rule acts on requests whose path starts with path.
type rule struct {
	path string
	// left is how often it still acts; negative is for ever.
	left int
	// instead answers without the CA.
	instead http.HandlerFunc
	// before and after hold the request, or the CA's answer to it.
	before, after *hold
	// gate lets requests pass when it is open.
	gate *gate
}

// gate holds any number of requests until it is opened; then they go on, unlike those of a hold.
type gate struct {
	once    sync.Once
	opened  chan struct{}
	waiting atomic.Int64
}

func newGate() *gate { return &gate{opened: make(chan struct{})} }

// open lets all pass, now and later.
func (g *gate) open() { g.once.Do(func() { close(g.opened) }) }

// pass reports whether the client is still there when the gate is open.
func (g *gate) pass(r *http.Request) bool {
	body, _ := io.ReadAll(r.Body) // until it is read, the server does not see the client leave
	r.Body = io.NopCloser(bytes.NewReader(body))
	g.waiting.Add(1)
	defer g.waiting.Add(-1)
	select {
	case <-g.opened:
		return true
	case <-r.Context().Done():
		return false
	}
}

// hold stops one exchange until the test ends it.
type hold struct {
	Reached chan struct{}
	free    chan struct{}
}

func newHold() *hold { return &hold{Reached: make(chan struct{}), free: make(chan struct{})} }

// wait blocks until the client is gone or the hold is freed; the exchange is dropped in both cases.
func (h *hold) wait(r *http.Request) {
	close(h.Reached)
	select {
	case <-h.free:
	case <-r.Context().Done():
	}
	panic(http.ErrAbortHandler)
}

// http2 has the proxy speak HTTP/2, too, as CAs do: what some clients need to keep their connections when many
// requests are under way.
func http2(s *httptest.Server) { s.EnableHTTP2 = true }

func newCAProxy(t testing.TB, upstream, bundle string, options ...func(*httptest.Server)) *caProxy {
	t.Helper()
	target, err := url.Parse(upstream)
	require.NoError(t, err)
	p := &caProxy{t: t}
	reverse := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = target.Scheme, target.Host
			r.Out.Host = r.In.Host
		},
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: poolOf(t, bundle)}, MaxIdleConnsPerHost: 100},
		ErrorLog:  log.New(io.Discard, "", 0),
	}
	forward := func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, pathNewOrder) {
			p.alone.Lock()
			defer p.alone.Unlock()
		} else {
			p.alone.RLock()
			defer p.alone.RUnlock()
		}
		reverse.ServeHTTP(w, r)
	}
	p.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		act := p.note(r)
		switch {
		case act == nil:
			forward(w, r)
		case act.instead != nil:
			act.instead(w, r)
		case act.gate != nil:
			if !act.gate.pass(r) {
				panic(http.ErrAbortHandler)
			}
			forward(w, r)
		case act.before != nil:
			act.before.wait(r)
		case act.after != nil:
			forward(httptest.NewRecorder(), r)
			act.after.wait(r)
		}
	}))
	p.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	for _, set := range options {
		set(p.server)
	}
	p.server.StartTLS()
	t.Cleanup(func() { p.freeAll(); p.server.CloseClientConnections(); p.server.Close() })
	p.Directory = p.server.URL + target.Path
	p.CABundle = filepath.Join(t.TempDir(), "proxy-ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.server.Certificate().Raw})
	require.NoError(t, os.WriteFile(p.CABundle, block, 0o600))
	return p
}

// note counts the request and finds the first rule for it.
func (p *caProxy) note(r *http.Request) *rule {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen = append(p.seen, r.URL.Path)
	for _, rule := range p.rules {
		if rule.left != 0 && strings.HasPrefix(r.URL.Path, rule.path) {
			rule.left--
			return rule
		}
	}
	return nil
}

// on adds a rule.
func (p *caProxy) on(r *rule) *rule {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rules = append(p.rules, r)
	return r
}

// off ends a rule.
func (p *caProxy) off(r *rule) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r.left = 0
}

// count says how many requests had a path with this prefix.
func (p *caProxy) count(prefix string) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, path := range p.seen {
		if strings.HasPrefix(path, prefix) {
			n++
		}
	}
	return n
}

func (p *caProxy) freeAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, rule := range p.rules {
		if rule.gate != nil {
			rule.gate.open()
		}
		for _, h := range []*hold{rule.before, rule.after} {
			if h != nil {
				close(h.free)
			}
		}
	}
	p.rules = nil
}

// problem answers as a CA does (RFC 8555 §6.7).
func problem(status int, kind, detail string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, `{"type":"urn:ietf:params:acme:error:`+kind+`","detail":"`+detail+`"}`)
	}
}
