package acmetest

import (
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Pebble's paths, as its directory gives them.
const (
	PathNewOrder  = "/order-plz"
	PathOrder     = "/my-order/"
	PathAuthz     = "/authZ/"
	PathChallenge = "/chalZ/"
	PathFinalize  = "/finalize-order/"
	PathDownload  = "/certZ/"

	PathRevoke      = "/revoke-cert"
	PathRenewalInfo = "/draft-ietf-acme-ari-03/renewalInfo/"
)

// Boulder stands in front of a Pebble and does what Let's Encrypt's CA does and Pebble does not, as Boulder's source
// has it (2026-08): newOrder answers with the order in flight of the same account, names and profile (ra.go,
// GetOrderForNames), a predecessor that has an unexpired replacement is refused before that (saro.go,
// ReplacementOrderExists), and an expired order or authorization is not found. It also answers in the CA's place where
// a test says so.
type Boulder struct {
	// Directory is the ACME directory's URL, CABundle the path of the PEM file that its TLS certificate verifies
	// against.
	Directory, CABundle string

	pebble *Pebble
	mu     sync.Mutex
	rules  []*boulderRule
	seen   []string
	orders []*boulderOrder
	late   time.Duration
}

type boulderRule struct {
	path  string
	times int
	act   http.HandlerFunc
	// watch sees the request before Pebble does.
	watch func(*http.Request)
}

// NewBoulder starts the proxy; it ends with the test.
func NewBoulder(t testing.TB, pebble *Pebble) *Boulder {
	t.Helper()
	target, err := url.Parse(pebble.Directory)
	must(t, err)
	b := &Boulder{pebble: pebble}
	onward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = target.Scheme, target.Host
			r.Out.Host = r.In.Host // Pebble makes its URLs from it
		},
		Transport:      pebble.Client.Transport,
		ModifyResponse: b.note,
		ErrorLog:       log.New(io.Discard, "", 0),
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if act := b.act(r); act != nil {
			act(w, r)
			return
		}
		onward.ServeHTTP(w, r)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	b.Directory, b.CABundle = server.URL+target.Path, filepath.Join(t.TempDir(), "boulder.pem")
	must(t, os.WriteFile(b.CABundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE",
		Bytes: server.Certificate().Raw}),
		0o600))
	return b
}

// Answer has the next requests whose path begins with path answered by act.
func (b *Boulder) Answer(path string, times int, act http.HandlerFunc) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rules = append(b.rules, &boulderRule{path: path, times: times, act: act})
}

// Watch shows every request whose path begins with path before Pebble sees it.
func (b *Boulder) Watch(path string, watch func(*http.Request)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rules = append(b.rules, &boulderRule{path: path, times: -1, watch: watch})
}

// Count is how many requests had a path that begins with path.
func (b *Boulder) Count(path string) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, seen := range b.seen {
		if strings.HasPrefix(seen, path) {
			n++
		}
	}
	return n
}

// LimitLate has orders refused (429, with this Retry-After) that are not exempt from limits: an order is, if it
// replaces a certificate within the window that is suggested for that right now (wfe2/wfe.go,
// validateReplacementOrder). Zero ends it.
func (b *Boulder) LimitLate(retryAfter time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.late = retryAfter
}

// Expire lets the authorizations of an order run out, and the order with them if whole: Boulder has neither from then
// on.
func (b *Boulder) Expire(order string, whole bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, o := range b.orders {
		if o.url != order {
			continue
		}
		for _, authorization := range o.order.Authorizations {
			o.forgot = append(o.forgot, pathOf(authorization))
		}
		if whole {
			o.forgot = append(o.forgot, pathOf(o.url), pathOf(o.order.Finalize))
		}
	}
}

// Problem answers with a problem document (RFC 8555 §6.7); headers are name, value, and so on.
func Problem(status int, kind, detail string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]string{"type": "urn:ietf:params:acme:error:" + kind, "detail": detail})
	}
}

// act says who answers in Pebble's place; nil is nobody.
func (b *Boulder) act(r *http.Request) http.HandlerFunc {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.seen = append(b.seen, r.URL.Path)
	for _, rule := range b.rules {
		if rule.times != 0 && strings.HasPrefix(r.URL.Path, rule.path) {
			if rule.watch != nil {
				rule.watch(r)
				continue
			}
			rule.times--
			return rule.act
		}
	}
	if slices.ContainsFunc(b.orders, func(o *boulderOrder) bool { return slices.Contains(o.forgot, r.URL.Path) }) {
		return Problem(http.StatusNotFound, "malformed", "Expired or unknown")
	}
	if r.URL.Path == PathNewOrder {
		return b.newOrder(r)
	}
	return nil
}
