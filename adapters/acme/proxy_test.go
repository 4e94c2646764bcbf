package acme_test

import (
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/acme/acmetest"
)

// proxy stands in front of a real Pebble and answers in its place what Pebble cannot: a CA's bad days.
type proxy struct {
	directory, bundle string
	// onward leads to Pebble, for faults that let a request through.
	onward http.Handler

	mu    sync.Mutex
	path  string
	fault http.HandlerFunc
	times int
	// asked counts the requests for each first part of a path.
	asked map[string]int
}

func newProxy(t *testing.T, pebble *acmetest.Pebble) *proxy {
	t.Helper()
	target, err := url.Parse(pebble.Directory)
	require.NoError(t, err)
	p := &proxy{asked: map[string]int{}}
	p.onward = &httputil.ReverseProxy{
		Transport: pebble.Client.Transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = target.Scheme, target.Host
			// Pebble makes its URLs from the Host, so they lead to the proxy.
			r.Out.Host = r.In.Host
		},
	}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if fault := p.next(r.URL.Path); fault != nil {
			fault(w, r)
			return
		}
		p.onward.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	p.directory, p.bundle = server.URL+"/dir", filepath.Join(t.TempDir(), "proxy.pem")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	require.NoError(t, os.WriteFile(p.bundle, certificate, 0o600))
	return p
}

// fail lets fault answer the next times requests whose path begins with path, and forgets what was counted.
func (p *proxy) fail(path string, times int, fault http.HandlerFunc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.path, p.fault, p.times = path, fault, times
	clear(p.asked)
}

func (p *proxy) next(path string) http.HandlerFunc {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked["/"+strings.SplitN(path, "/", 3)[1]]++
	if p.fault == nil || p.times == 0 || !strings.HasPrefix(path, p.path) {
		return nil
	}
	p.times--
	return p.fault
}

// count returns how often path was asked for since fail.
func (p *proxy) count(path string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked[path]
}

// problem answers with a problem document (RFC 8555 §6.7).
func problem(status int, kind, detail string, headers ...string) http.HandlerFunc {
	return answer(status, `{"type":"urn:ietf:params:acme:error:`+kind+`","detail":"`+detail+`"}`,
		append(headers, "Content-Type", "application/problem+json")...)
}

func answer(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

// echo answers with the request's own body, cut short so that it is no JSON.
func echo(status int, contentType string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = w.Write(body[:max(len(body)-1, 0)])
	}
}
