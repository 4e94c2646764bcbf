package e2e

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// realCA is a CA's directory and the roots of its web server.
type realCA struct{ directory, bundle string }

// crashCA stands before a CA, carries each request through the trap, and knows what came of them.
type crashCA struct {
	*caProxy
	trap   *trap
	onward *httputil.ReverseProxy

	mu sync.Mutex
	// asked is the path that was asked for last.
	asked  string
	orders map[string]bool // by the CA's IDs
	// revoked is how often the CA has revoked a certificate.
	revoked int
}

func newCrashCA(t testing.TB, ca realCA, trap *trap) *crashCA {
	t.Helper()
	target, err := url.Parse(ca.directory)
	require.NoError(t, err)
	c := &crashCA{caProxy: newCAProxy(t, ca.directory, ca.bundle), trap: trap, orders: map[string]bool{}}
	c.onward = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = target.Scheme, target.Host
			r.Out.Host = r.In.Host // the CA makes its URLs from it
		},
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: poolOf(t, ca.bundle)}},
		ErrorLog:  log.New(io.Discard, "", 0),
	}
	c.on(&rule{path: "/", left: -1, instead: c.carry})
	return c
}

func (c *crashCA) carry(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	again := c.asked == r.URL.Path
	c.asked = r.URL.Path
	c.mu.Unlock()
	answer := httptest.NewRecorder()
	forward := func() { c.onward.ServeHTTP(answer, r); c.note(r, answer) }
	pass := func() {
		maps.Copy(w.Header(), answer.Header())
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	}
	if again { // another look at what was not ready: how many there are is the CA's haste
		forward()
		pass()
	} else if !c.trap.carry(request(r), forward, pass) {
		panic(http.ErrAbortHandler)
	}
}

func (c *crashCA) note(r *http.Request, answer *httptest.ResponseRecorder) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case r.URL.Path == pathNewOrder && answer.Code == http.StatusCreated:
		c.orders[path.Base(answer.Header().Get("Location"))] = true
	case r.URL.Path == pathRevoke && answer.Code == http.StatusOK:
		c.revoked++
	}
}

// made is the IDs of the orders that the CA has answered with, and how often it has revoked.
func (c *crashCA) made() (orders map[string]bool, revoked int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.orders), c.revoked
}

// requestPrefix begins what a request to the CA is called.
const requestPrefix = "CA  "

// request is how a table shows a request to the CA: what it is for, without the IDs.
func request(r *http.Request) string {
	at := r.URL.Path
	if strings.Count(at, "/") > 1 {
		at = path.Dir(at) + "/"
	}
	return requestPrefix + r.Method + " " + at
}

// crashCommand as first argument makes this test's program what a delivery runs: the second is a URL that it fetches.
const crashCommand = "crash-command"

func init() {
	if len(os.Args) != 3 || os.Args[1] != crashCommand {
		return
	}
	response, err := http.Get(os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	_ = response.Body.Close()
	os.Exit(0)
}

// newCommand is a delivery's command that is an exchange: the trap can kill the worker while it runs.
func newCommand(t testing.TB, trap *trap) []string {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		if !trap.carry("the target's command", func() {}, func() {}) {
			panic(http.ErrAbortHandler)
		}
	}))
	t.Cleanup(server.Close)
	return []string{self, crashCommand, server.URL}
}
