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
	"unicode/utf8"

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
	inside := func(path string) string {
		return fmt.Sprintf("https://inside.example.org:%d%s", port(t, secure.URL), path)
	}
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
			[]string{"HTTP 200 with another body than the challenge's; route"}},
		{"white space without an end", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(keyAuthorization + strings.Repeat(" ", 900000)))
		}, []string{"HTTP 200 with another body"}},
		{"something behind white space", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(keyAuthorization + strings.Repeat(" ", 128) + "secret"))
		}, []string{"HTTP 200 with another body"}},
		{"see other", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, inside(r.URL.Path), http.StatusSeeOther)
		}, []string{"redirect with status 303"}},
		{"an address in other digits", redirect(func(*http.Request) string { return "http://１.１.１.１/" }),
			[]string{"redirect to an address in place of a name"}},
		{"another protocol", func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_, _ = conn.Write([]byte("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"))
				_, _ = conn.Read(make([]byte, 1)) // until the other side closes it
				_ = conn.Close()
			}
		}, []string{"no answer that is HTTP"}},
		{"a host that is no name", redirect(func(*http.Request) string { return "http://run-this(secret).example/" }),
			[]string{"redirect to a host that is no DNS name"}},
		{"a host that is no text", redirect(func(*http.Request) string { return "http://%ff.secret.example/" }),
			[]string{"redirect to a host that is no DNS name"}},
		{"server error", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "secret", 500) },
			[]string{"HTTP 500; route"}},
		{"empty", func(http.ResponseWriter, *http.Request) {}, []string{"HTTP 200 with another body"}},
		{"https with any certificate", redirect(func(r *http.Request) string { return inside(r.URL.Path) }), nil},
		{"ten redirects", hops(10), nil},
		{"eleven redirects", hops(11), []string{"more than 10 redirects"}},
		{"another scheme", redirect(func(*http.Request) string { return "ftp://example.org/" }),
			[]string{"other than http and https"}},
		{"another host's page", redirect(func(*http.Request) string { return inside("/inside") }),
			[]string{"HTTP 200 with another body than the challenge's after a redirect to https://inside.example.org"}},
		{"another port", redirect(func(*http.Request) string { return "http://inside.example.org:8400/" }),
			[]string{"redirect to a port other than 80 and 443"}},
		{"an address", redirect(func(*http.Request) string { return "http://169.254.169.254/latest/meta-data/" }),
			[]string{"redirect to an address in place of a name"}},
		{"an IPv6 address", redirect(func(*http.Request) string { return "http://[fd00:ec2::254]/" }),
			[]string{"redirect to an address in place of a name"}},
		{"a long URL", redirect(func(*http.Request) string { return inside("/" + strings.Repeat("x", 2000)) }),
			[]string{"redirect to a URL of more than 2000 octets"}},
		{"credentials", redirect(func(r *http.Request) string {
			return strings.Replace(inside(r.URL.Path), "//", "//user:password@", 1)
		}), nil},
		{"hung up", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
			[]string{"the connection ended without an answer"}},
		{"no HTTP", func(w http.ResponseWriter, _ *http.Request) {
			connection, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_, _ = connection.Write([]byte("SSH-2.0-secret\r\n"))
				_ = connection.Close()
			}
		}, []string{"no answer that is HTTP"}},
	}
	secure = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/inside" || r.Header.Get("Authorization") != "" || r.Header.Get("Referer") != "" {
			_, _ = w.Write([]byte("secret page"))
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
			solver := http01.NewSolver(http01.Config{CheckPort: port(t, server.URL), Resolver: pebble.DNS,
				Allow: acmetest.Loopback}, nil)
			solver.RedirectTo(port(t, secure.URL))
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
			require.NotContains(t, fault.Message, "secret")
			require.NotContains(t, strings.ReplaceAll(fault.Message, "169.254.169.254", ""), "127.0.0.1")
			require.Less(t, len(fault.Message), 500)
			require.True(t, utf8.ValidString(fault.Message))
		})
	}
}

func TestCheckWithoutAServer(t *testing.T) {
	pebble := acmetest.Start(t, acmetest.Options{})
	solver := http01.NewSolver(http01.Config{CheckPort: pebble.HTTPPort, Resolver: pebble.DNS, Allow: acmetest.Loopback}, nil)
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

// A name that leads into a network of ours is not followed there, however it is spelt, and nobody reads where it led.
func TestCheckConnectsToPublicAddressesAlone(t *testing.T) {
	pebble := acmetest.Start(t, acmetest.Options{})
	reached := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { reached <- r.Host }))
	t.Cleanup(server.Close)
	config := http01.Config{CheckPort: port(t, server.URL), Resolver: pebble.DNS}
	for name, is := range map[string]string{"web.example.org": "this host's own (127.0.0.0/8)", "127.0.0.1": "this host's own",
		"::1": "this host's own (::1/128)", "::ffff:127.0.0.1": "this host's own", "169.254.169.254": "metadata service",
		"10.1.2.3": "private (10.0.0.0/8)", "64:ff9b::a9fe:a9fe": "metadata service", "fd00:ec2::254": "private (fc00::/7)"} {
		fault := requireNotVisible(t, http01.NewSolver(config, nil).Check(t.Context(), challenge(name)), is,
			"--allow-addresses, EVERLEAF_ALLOW_ADDRESSES")
		require.NotErrorAs(t, fault, new(ports.PortClosed))
	}
	require.Empty(t, reached)

	config.Allow = []string{"127.0.0.0/8", "10.0.0.1/8"}
	require.ErrorContains(t, config.CheckAllow(), "write 10.0.0.0/8")
	requireNotVisible(t, http01.NewSolver(config, nil).Check(t.Context(), challenge("127.0.0.1")), "this host's own")

	// Nor is a redirect, from a name that leads where it may.
	config.Allow = []string{"127.0.0.2"}
	public := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, fmt.Sprintf("http://web.example.org:%d/", port(t, server.URL)), http.StatusFound)
	}))
	listener, err := net.Listen("tcp", "127.0.0.2:0")
	require.NoError(t, err)
	public.Listener = listener
	public.Start()
	t.Cleanup(public.Close)
	config.CheckPort = port(t, public.URL)
	solver := http01.NewSolver(config, nil)
	solver.RedirectTo(port(t, server.URL))
	requireNotVisible(t, solver.Check(t.Context(), challenge("127.0.0.2")), "this host's own",
		"after a redirect to web.example.org")
	require.Empty(t, reached)
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
