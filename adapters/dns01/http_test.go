package dns01_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/dns01"
	"everleaf/adapters/dns01/dns01test"
	"everleaf/domain"
	"everleaf/ports"
)

const password = "correct hörse \"battery\" staple"

// bridge is a service that writes what it gets into a real zone, as one that speaks for a hoster's interface does.
func bridge(t *testing.T, server *dns01test.Server) dns01.HTTP {
	t.Helper()
	var mu sync.Mutex
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked struct{ FQDN, Value string }
		user, given, _ := r.BasicAuth()
		if json.NewDecoder(r.Body).Decode(&asked) != nil || r.Method != http.MethodPost || user != "everleaf" ||
			given != password ||
			r.Header.Get("Content-Type") != "application/json" || !strings.HasSuffix(asked.FQDN, ".") {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		record := asked.FQDN + ` 1 TXT "` + asked.Value + `"`
		switch r.URL.Path {
		case "/acme/present":
			server.Add(record)
		case "/acme/cleanup":
			server.Remove(record)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(web.Close)
	return dns01.HTTP{URL: web.URL + "/acme/", Username: "everleaf", Password: password}
}

// The protocol of lego's httpreq: one request for each value, and the others stay.
func TestHTTPZone(t *testing.T) {
	t.Parallel()
	server := dns01test.Start(t, "shop.test")
	var watched atomic.Int32
	service := bridge(t, server)
	store := newRecords()
	s, err := dns01.NewSolver(dns01.Config{Zones: []dns01.ZoneConfig{{Zone: "Shop.test.", HTTP: &service}},
		Resolver: server.Addr, CheckPort: server.Port,
		Wrap: func(next http.RoundTripper) http.RoundTripper {
			return roundTripper(func(r *http.Request) (*http.Response,
				error) {
				watched.Add(1)
				return next.RoundTrip(r)
			})
		}}, store)
	require.NoError(t, err)
	var challenges []domain.Challenge
	for range 10 {
		challenges = append(challenges, challenge("shop.test"))
	}
	require.NoError(t, s.Present(t.Context(), "first", challenges[:9]))
	require.NoError(t, s.Present(t.Context(), "second", challenges[9:]))
	require.Len(t, server.TXT("_acme-challenge.shop.test"), 10)
	for _, c := range challenges {
		require.NoError(t, s.Check(t.Context(), c))
	}
	require.NoError(t, s.CleanUp(t.Context(), "first"))
	require.Equal(t, []string{store.of("second")[0].Value}, server.TXT("_acme-challenge.shop.test"))
	require.NoError(t, s.CleanUp(t.Context(), "second"))
	require.Equal(t, int32(20), watched.Load())
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// What a service answers decides whose move is next. It is shown in part, and never with a secret.
func TestHTTPAnswers(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("long ", 100)
	for name, tc := range map[string]struct {
		status int
		header string
		body   string
		kind   domain.FaultKind
		reason string
		wait   time.Duration
		parts  []string
	}{
		"unauthorized": {401, "", "who?", domain.FaultOperator, "DNSRefused", 0,
			[]string{"401 Unauthorized", `"who?"`, "username and password"}},
		"not found":          {404, "", "", domain.FaultOperator, "DNSRefused", 0, []string{"404 Not Found"}},
		"unprocessable":      {422, "", long, domain.FaultOperator, "DNSRefused", 0, []string{`"` + long[:80] + `"`}},
		"request timeout":    {408, "", "", domain.FaultWait, "DNSUnavailable", 0, nil},
		"too many":           {429, "7", "", domain.FaultWait, "DNSUnavailable", 7 * time.Second, []string{"429"}},
		"too many, too long": {429, "99999999999", "", domain.FaultWait, "DNSUnavailable", 24 * time.Hour, nil},
		"unavailable, past": {503, "Mon, 02 Jan 2006 15:04:05 GMT", "", domain.FaultWait, "DNSUnavailable",
			time.Second, nil},
		"error": {500, "soon", "\x1b[31mred\u00e9", domain.FaultWait, "DNSUnavailable", 0,
			[]string{`"[31mred"`}},
		"redirect": {307, "", "", domain.FaultOperator, "DNSRefused", 0, []string{"redirects"}},
		"echo of a secret": {400, "", "you sent " + password + " and " +
			base64.StdEncoding.EncodeToString([]byte("everleaf:"+password)), domain.FaultOperator, "DNSRefused", 0,
			[]string{"you sent [secret] and [secret]"}},
	} {
		web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "/elsewhere")
			if tc.header != "" {
				w.Header().Set("Retry-After", tc.header)
			}
			w.WriteHeader(tc.status)
			_, _ = w.Write([]byte(tc.body))
		}))
		zone := dns01.NewHTTPZone("shop.test",
			dns01.HTTP{URL: web.URL + "/secret-path", Username: "everleaf", Password: password}, nil)
		err := zone.Add(t.Context(), []ports.DNSRecord{{Name: "x.shop.test", Value: "v"}})
		fault := requireFault(t, err, tc.kind, tc.reason, append(tc.parts, "x.shop.test", web.URL)...)
		require.Equal(t, tc.wait, fault.RetryAfter, name)
		require.NotContains(t, fault.Error(), "battery", name)
		require.NotContains(t, fault.Error(), "secret-path", name)
		require.NotContains(t, fault.Error(), long[:81], name)
		web.Close()
	}
	// Not a port that was closed just now: somebody else may have opened it.
	down := dns01.NewHTTPZone("shop.test", dns01.HTTP{URL: "http://127.0.0.1/secret-path"},
		func(http.RoundTripper) http.RoundTripper {
			return roundTripper(func(*http.Request) (*http.Response, error) {
				return nil, &net.OpError{Op: "dial", Net: "tcp",
					Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
			})
		})
	fault := requireFault(t, down.Remove(t.Context(), []ports.DNSRecord{{Name: "x.shop.test", Value: "v"}}),
		domain.FaultWait, "DNSUnavailable", "connection refused")
	require.NotContains(t, fault.Error(), "secret-path")
}

// A service of which nobody vouches gets no password; a silent one is left when its time is up.
func TestHTTPServiceOfNoTrust(t *testing.T) {
	t.Parallel()
	silent := make(chan struct{})
	handler := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-silent })
	tls, plain := httptest.NewUnstartedServer(handler), httptest.NewServer(handler)
	tls.Config.ErrorLog = log.New(io.Discard, "", 0)
	tls.StartTLS()
	t.Cleanup(func() { close(silent); tls.Close(); plain.Close() })
	record := []ports.DNSRecord{{Name: "x.shop.test", Value: "v"}}
	requireFault(t, dns01.NewHTTPZone("shop.test", dns01.HTTP{URL: tls.URL}, nil).Add(t.Context(), record),
		domain.FaultOperator, "DNSRefused", "not trusted")
	zone := dns01.NewHTTPZone("shop.test", dns01.HTTP{URL: plain.URL, Timeout: "50ms"}, nil)
	requireFault(t, zone.Add(t.Context(), record), domain.FaultWait, "DNSUnavailable", "no answer in time")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, zone.Add(ctx, record), context.Canceled)
}
