package http01_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/golang/mock/gomock"
	"github.com/stretchr/testify/require"

	"everleaf/adapters/acme/acmetest"
	"everleaf/adapters/http01"
	"everleaf/domain"
	"everleaf/mocks"
	"everleaf/ports"
)

func TestPresentAndCleanUpUseTheStore(t *testing.T) {
	store := mocks.NewMockHTTPTokens(gomock.NewController(t))
	down := domain.NewFault(domain.FaultWait, "DatabaseUnavailable", nil, "down")
	challenges := []domain.Challenge{{Token: token, KeyAuthorization: keyAuthorization}}
	store.EXPECT().PutTokens(gomock.Any(), "order", challenges).Return(nil)
	store.EXPECT().PutTokens(gomock.Any(), "order", challenges).Return(down)
	store.EXPECT().RemoveTokens(gomock.Any(), "order").Return(nil)
	store.EXPECT().RemoveTokens(gomock.Any(), "order").Return(down)
	solver := http01.NewSolver(http01.Config{}, store)
	require.Equal(t, domain.ChallengeHTTP01, solver.Type())
	require.NoError(t, solver.Present(t.Context(), "order", challenges))
	require.ErrorIs(t, solver.Present(t.Context(), "order", challenges), down)
	require.NoError(t, solver.CleanUp(t.Context(), "order"))
	require.ErrorIs(t, solver.CleanUp(t.Context(), "order"), down)
}

// What a check says about each way in which a name's web server may answer. Names resolve through a real DNS server.
func TestCheck(t *testing.T) {
	pebble := acmetest.Start(t, acmetest.Options{})
	right := func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(keyAuthorization)) }
	var secure *httptest.Server
	redirect := func(to func(*http.Request) string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to(r), http.StatusFound) }
	}
	hops := func(limit int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			n, _ := strconv.Atoi(r.URL.Query().Get("n"))
			if n == limit {
				right(w, r)
				return
			}
			http.Redirect(w, r, fmt.Sprintf("%s?n=%d", r.URL.Path, n+1), http.StatusMovedPermanently)
		}
	}
	cases := []struct {
		name   string
		answer http.HandlerFunc
		says   []string // none: visible
	}{
		{"right", right, nil},
		{"white space at the end", func(w http.ResponseWriter, _ *http.Request) {
			_,
				_ = w.Write([]byte(keyAuthorization + " \r\n\t"))
		}, nil},
		{"white space in front", func(w http.ResponseWriter, _ *http.Request) {
			_,
				_ = w.Write([]byte(" " + keyAuthorization))
		}, []string{"HTTP 200", "route"}},
		{"right but 404", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(404); right(w, r) },
			[]string{"HTTP 404"}},
		{"another page", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("<h1>\x1b[2JHello</h1>" + strings.Repeat("x", 900000)))
		},
			[]string{"HTTP 200", `"<h1>[2JHello</h1>xxx`}},
		{"server error", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "oops", 500) },
			[]string{"HTTP 500", "oops"}},
		{"empty", func(http.ResponseWriter, *http.Request) {}, []string{`HTTP 200 with ""`}},
		{"https with any certificate", redirect(func(r *http.Request) string { return secure.URL + r.URL.Path }), nil},
		{"ten redirects", hops(10), nil},
		{"eleven redirects", hops(11), []string{"more than 10 redirects"}},
		{"another scheme", redirect(func(*http.Request) string { return "ftp://example.org/" }),
			[]string{"other than http and https"}},
		{"another host's page", redirect(func(*http.Request) string { return secure.URL + "/inside" }),
			[]string{"HTTP 200 after a redirect to https://127.0.0.1:"}},
		{"hung up", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, []string{"EOF"}},
	}
	secure = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/inside" {
			_, _ = w.Write([]byte("internal page"))
			return
		}
		right(w, r)
	}))
	t.Cleanup(secure.Close)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			asked := make(chan *http.Request, 16)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked <- r
				c.answer(w, r)
			}))
			t.Cleanup(server.Close)
			solver := http01.NewSolver(http01.Config{CheckPort: port(t, server.URL), Resolver: pebble.DNS}, nil)
			err := solver.Check(t.Context(), challenge("web.example.org"))
			first := <-asked
			require.Equal(t, prefix+token, first.URL.Path)
			require.True(t, strings.HasPrefix(first.Host, "web.example.org:"))
			if c.says == nil {
				require.NoError(t, err)
				return
			}
			fault := requireNotVisible(t, err, append(c.says, server.URL[len("http://127.0.0.1"):]+prefix+token)...)
			require.NotContains(t, fault.Message, "\x1b")
			require.NotContains(t, fault.Message, "internal page")
			require.Less(t, len(fault.Message), 500)
		})
	}
}

func TestCheckWithoutAServer(t *testing.T) {
	pebble := acmetest.Start(t, acmetest.Options{})
	solver := http01.NewSolver(http01.Config{CheckPort: pebble.HTTPPort, Resolver: pebble.DNS}, nil)
	manage := func(call string, arguments any) {
		body, err := json.Marshal(arguments)
		require.NoError(t, err)
		response, err := http.Post(pebble.DNSManagementURL+"/"+call, "application/json", bytes.NewReader(body))
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
	}
	manage("set-servfail", map[string]any{"host": "broken.example.org."})
	refused := solver.Check(t.Context(), challenge("refused.example.org"))
	requireNotVisible(t, refused, "refused.example.org:", "connection refused", "let port")
	require.ErrorAs(t, refused, new(ports.PortClosed))
	broken := solver.Check(t.Context(), challenge("broken.example.org"))
	requireNotVisible(t, broken, "DNS error", "name servers")
	require.NotErrorAs(t, broken, new(ports.PortClosed))
	solver = http01.NewSolver(http01.Config{Resolver: nowhere(t)}, nil)
	requireNotVisible(t, solver.Check(t.Context(), challenge("absent.example.org")),
		"http://absent.example.org"+prefix, "DNS has no address for absent.example.org", "create an A or AAAA record")

	// The caller's end is passed on as it is.
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	err := solver.Check(ended, challenge("127.0.0.1"))
	require.ErrorIs(t, err, context.Canceled)
	require.EqualValues(t, "Unexpected", domain.AsFault(err).Reason)
}

// A resolver of the operator's that is not there is the operator's to correct, and not the name's owner's.
func TestCheckWithAResolverThatRefuses(t *testing.T) {
	taken, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}) // and not UDP
	require.NoError(t, err)
	defer taken.Close()
	resolver := taken.Addr().String()
	fault := domain.AsFault(http01.NewSolver(http01.Config{Resolver: resolver}, nil).Check(t.Context(),
		challenge("a.example.org")))
	require.Equal(t, domain.FaultWait, fault.Kind)
	require.Equal(t, domain.ReasonInvalidSetting, fault.Reason)
	require.Contains(t, fault.Message, "the resolver "+resolver+
		" (--http01-check-resolver, EVERLEAF_HTTP01_CHECK_RESOLVER) refuses")
	require.NotContains(t, fault.Message, "name servers")
}

// nowhere is a DNS server that knows no name (NXDOMAIN).
func nowhere(t *testing.T) string {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	go func() {
		query := make([]byte, 1500)
		for {
			n, from, err := server.ReadFrom(query)
			if err != nil {
				return
			}
			// RFC 1035 §4.1.1: a response, recursion available, code 3, nothing after the question.
			query[2], query[3], query[10], query[11] = 0x81, 0x83, 0, 0
			_, _ = server.WriteTo(query[:n], from)
		}
	}()
	return server.LocalAddr().String()
}

func challenge(name string) domain.Challenge {
	return domain.Challenge{Type: domain.ChallengeHTTP01, Name: name, Token: token, KeyAuthorization: keyAuthorization}
}

func port(t *testing.T, address string) int {
	t.Helper()
	parsed, err := url.Parse(address)
	require.NoError(t, err)
	number, err := strconv.Atoi(parsed.Port())
	require.NoError(t, err)
	return number
}

func requireNotVisible(t *testing.T, err error, parts ...string) *domain.Fault {
	t.Helper()
	var fault *domain.Fault
	require.ErrorAs(t, err, &fault)
	require.Equal(t, domain.FaultWait, fault.Kind)
	require.EqualValues(t, "ChallengeNotVisible", fault.Reason)
	for _, part := range parts {
		require.Contains(t, fault.Message, part)
	}
	return fault
}
