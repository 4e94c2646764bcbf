package acme_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/acme/acmetest"
	"everleaf/domain"
	"everleaf/ports"
)

const (
	newOrder = "/order-plz"
	newNonce = "/nonce-plz"
)

// pausedDetail ends in an address with a signed token, which is longer than other texts may be.
var pausedDetail = "Your account is temporarily prevented from requesting certificates for n.example.org and possibly others. " +
	"Please visit: https://portal.ca.example.org/sfe/v1/unpause?jwt=" + strings.Repeat("token", 200)

func TestBadDays(t *testing.T) {
	// No rejected nonces here: the requests are counted.
	w := newWorld(t, acmetest.Options{Env: []string{"PEBBLE_WFE_NONCEREJECT=0"}})
	p := newProxy(t, w.pebble)
	ca := w.newCA(t, p.directory, p.bundle, 5*time.Second)
	_, err := ca.AccountURL(t.Context())
	require.NoError(t, err)
	began := time.Now()
	inAMinute := began.Add(time.Minute).UTC().Format(http.TimeFormat)
	const asked = "application/json"
	cases := []struct {
		name   string
		fault  http.HandlerFunc
		kind   domain.FaultKind
		reason string
		wait   time.Duration
		asks   int // how often newOrder may be asked
	}{
		// Let's Encrypt, "Rate Limits": 429 rateLimited with Retry-After; the overall request limits answer 503 with
		// it.
		{"429 with seconds", problem(429, "rateLimited", "too many", "Retry-After", "90"), domain.FaultRateLimited,
			"RateLimited", 90 * time.Second, 1},
		{"429 with a date", problem(429, "rateLimited", "too many", "Retry-After", inAMinute), domain.FaultRateLimited,
			"RateLimited", time.Minute, 1},
		{"429 with 30 days", problem(429, "rateLimited", "too many", "Retry-After", "2592000"),
			domain.FaultRateLimited, "RateLimited", 7 * 24 * time.Hour, 1},
		{"429 with nothing", problem(429, "rateLimited", "too many"), domain.FaultRateLimited, "RateLimited", 0, 1},
		{"429 of a gateway", answer(429, "slow down", "Retry-After", "7"), domain.FaultRateLimited, "RateLimited",
			7 * time.Second, 1},
		{"rateLimited under 403", problem(403, "rateLimited", "too many", "Retry-After", "8"), domain.FaultRateLimited,
			"RateLimited", 8 * time.Second, 1},
		// Boulder's wfe2, after 1152 failures in a row for a name: no wait ends it.
		{"names paused", problem(429, "rateLimited", pausedDetail), domain.FaultName, "NamesPaused", 0, 1},
		{"503 with Retry-After", answer(503, "busy", "Retry-After", "120"), domain.FaultCA, "Unavailable",
			2 * time.Minute, 1},
		{"503 with a problem", problem(503, "rateLimited", "busy", "Retry-After", "3"), domain.FaultCA, "Unavailable",
			3 * time.Second, 1},
		// Without Retry-After, acmez tries three times within a second.
		{"503 with nothing", answer(503, "busy"), domain.FaultCA, "ServerError", 0, 3},
		{"500", problem(500, "serverInternal", "oops"), domain.FaultCA, "ServerError", 0, 3},
		{"502 of a gateway", answer(502, "<html>bad gateway</html>", "Content-Type", "text/html"), domain.FaultCA,
			"ServerError", 0, 3},
		{"malformed JSON", answer(201, `{"status":`, "Content-Type", asked), domain.FaultCA, "MalformedAnswer", 0, 1},
		{"other JSON", answer(201, `{"status":[1]}`, "Content-Type", asked), domain.FaultCA, "MalformedAnswer", 0, 1},
		{"not JSON", answer(200, "<html>hello</html>", "Content-Type", "text/html"), domain.FaultCA, "MalformedAnswer",
			0, 1},
		{"no order URL", answer(201, `{"status":"pending"}`, "Content-Type", asked), domain.FaultCA, "MalformedAnswer",
			0, 1},
		{"malformed problem", answer(400, `{"type":`, "Content-Type", "application/problem+json"), domain.FaultCA,
			"UnexpectedAnswer", 0, 1},
		{"badNonce storm", problem(400, "badNonce", "protected: stale"), domain.FaultCA, "BadNonce", 0, 10},
		{"terms changed", answer(403, `{"type":"urn:ietf:params:acme:error:userActionRequired","detail":"terms","instance":"https://ca.example.org/terms"}`,
			"Content-Type", "application/problem+json"), domain.FaultOperator, "UserActionRequired", 0, 1},
		{"account suspended", problem(403, "unauthorized", "suspended"), domain.FaultOperator, "Unauthorized", 0, 1},
		{"binding wanted", problem(403, "externalAccountRequired", "bind"), domain.FaultOperator,
			"ExternalAccountRequired", 0, 1},
		{"CAA", problem(403, "caa", "forbidden"), domain.FaultName, "CAAForbids", 0, 1},
		{"profile withdrawn", problem(400, "invalidProfile", "gone"), domain.FaultSpec, "UnknownProfile", 0, 1},
		// Gateways may quote what they were sent; acmez quotes what it cannot read.
		{"400 with an echo", echo(400, "application/problem+json"), domain.FaultCA, "UnexpectedAnswer", 0, 1},
		{"500 with an echo", echo(500, "text/plain"), domain.FaultCA, "ServerError", 0, 3},
		{"200 with an echo", echo(200, "text/plain"), domain.FaultCA, "MalformedAnswer", 0, 1},
		{"unheard of", problem(418, "teapot", "short and stout"), domain.FaultCA, "UnexpectedAnswer", 0, 1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p.fail(newOrder, -1, c.fault)
			_, err := ca.PlaceOrder(t.Context(), ports.OrderRequest{Names: []string{"n.example.org"}})
			fault := requireFault(t, err, c.kind, c.reason, `issuer "pebble"`, "place an order", newOrder)
			requireWait(t, c.wait, fault.RetryAfter, began)
			require.Equal(t, c.asks, p.count(newOrder))
			for _, part := range []string{"payload", "protected", "signature"} {
				require.NotContains(t, err.Error(), part, "no JWS in a message")
			}
			if c.reason == string(domain.ReasonNamesPaused) {
				require.Contains(t, fault.Message, pausedDetail, "the whole address to visit")
			}
			if strings.Contains(c.name, "terms") {
				require.Contains(t, fault.Message, "visit https://ca.example.org/terms")
			}
		})
	}
	p.fail("", 0, nil)
	_, err = ca.PlaceOrder(t.Context(), ports.OrderRequest{Names: []string{"n.example.org"}})
	require.NoError(t, err, "and then it works again")
}

// Several names may each have their own problem (RFC 8555 §6.7.1).
func TestSubproblemsAreShownPerName(t *testing.T) {
	w := newWorld(t, acmetest.Options{})
	p := newProxy(t, w.pebble)
	p.fail(newOrder, 1, answer(403, `{"type":"urn:ietf:params:acme:error:compound","detail":"some names","subproblems":[
		{"type":"urn:ietf:params:acme:error:caa","detail":"forbidden","identifier":{"type":"dns","value":"a.example.org"}},
		{"type":"urn:ietf:params:acme:error:rejectedIdentifier","detail":"listed\u001b[2J","identifier":{"type":"dns","value":"b.example.org"}}]}`,
		"Content-Type", "application/problem+json"))
	_, err := w.newCA(t, p.directory, p.bundle, 0).PlaceOrder(t.Context(),
		ports.OrderRequest{Names: []string{"a.example.org", "b.example.org"}})
	fault := requireFault(t, err, domain.FaultName, "CAAForbids", "a.example.org: caa: forbidden",
		"b.example.org: rejectedIdentifier: listed")
	require.NotContains(t, fault.Message, "\u001b")
}

func TestSlowCA(t *testing.T) {
	w := newWorld(t, acmetest.Options{Env: []string{"PEBBLE_WFE_NONCEREJECT=0"}})
	p := newProxy(t, w.pebble)
	arrived := make(chan struct{}, 16)
	hang := func(_ http.ResponseWriter, r *http.Request) {
		// Only after the body is read does the server see that the client left.
		_, _ = io.Copy(io.Discard, r.Body)
		arrived <- struct{}{}
		<-r.Context().Done()
	}
	for _, path := range []string{"/dir", newNonce, "/sign-me-up", newOrder} {
		p.fail(path, 1, hang)
		ca := w.newCA(t, p.directory, p.bundle, time.Second)
		_, err := ca.PlaceOrder(t.Context(), ports.OrderRequest{Names: []string{"n.example.org"}})
		fault := requireFault(t, err, domain.FaultCA, "Timeout", "no answer within 1s")
		require.True(t, fault.Transient())
		require.Len(t, arrived, 1, path)
		<-arrived
	}

	// The caller's end is the caller's, whatever the CA does.
	p.fail(newOrder, 1, hang)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
	}()
	_, err := w.newCA(t, p.directory, p.bundle, 0).PlaceOrder(ctx, ports.OrderRequest{Names: []string{"n.example.org"}})
	require.ErrorIs(t, err, context.Canceled)
	var fault *domain.Fault
	require.False(t, errors.As(err, &fault))
}

func TestDirectoryFaults(t *testing.T) {
	w := newWorld(t, acmetest.Options{})
	p := newProxy(t, w.pebble)
	cases := []struct {
		name   string
		fault  http.HandlerFunc
		kind   domain.FaultKind
		reason string
	}{
		{"not found", answer(404, "no"), domain.FaultOperator, "WrongDirectory"},
		{"maintenance", answer(503, "later", "Retry-After", "5"), domain.FaultCA, "Unavailable"},
		{"another JSON", answer(200, "{}", "Content-Type", "application/json"), domain.FaultCA, "MalformedAnswer"},
		{"a page", answer(200, "<html>", "Content-Type", "text/html"), domain.FaultCA, "MalformedAnswer"},
	}
	ca := w.newCA(t, p.directory, p.bundle, 0)
	for _, c := range cases {
		p.fail("/dir", -1, c.fault)
		_, err := ca.AccountURL(t.Context())
		requireFault(t, err, c.kind, c.reason, "/dir")
	}
	p.fail("", 0, nil)
	_, err := ca.AccountURL(t.Context())
	require.NoError(t, err)
	_, err = w.newCA(t, p.directory, w.pebble.CABundle, 0).AccountURL(t.Context())
	requireFault(t, err, domain.FaultCA, "TLSFailed", "CA bundle")
}

// A CA that rejects nine of ten nonces is served: each step either gets through within its thirty tries, or fails as
// the CA's transient fault, which is tried again as Temporal does.
func TestNonceStorm(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acmetest.Options{Env: []string{"PEBBLE_WFE_NONCEREJECT=90"}})
	p := newProxy(t, w.pebble)
	ca := w.newCA(t, p.directory, p.bundle, 0)
	steps, tries := 0, 0
	insist := func(step func() error) {
		t.Helper()
		steps++
		for {
			tries++
			err := step()
			if err == nil {
				return
			}
			require.True(t, requireFault(t, err, domain.FaultCA, "BadNonce").Transient())
			require.Less(t, tries, 30)
		}
	}
	insist(func() error { _, err := ca.AccountURL(t.Context()); return err })
	var order domain.Order
	insist(func() (err error) {
		order, err = ca.PlaceOrder(t.Context(), ports.OrderRequest{Names: []string{name(t, 1)}})
		return err
	})
	insist(func() error { _, err := ca.Authorization(t.Context(), order.Authorizations[0]); return err })
	t.Logf("%d steps, %d tries, %d requests for orders", steps, tries, p.count(newOrder))
	require.LessOrEqual(t, p.count(newOrder), 30*tries)
	require.Equal(t, 1, strings.Count(w.pebble.Log(), "accounts in memory"))
}

// New accounts meet changed terms too, and the CA may ask to wait before it gives the first nonce.
func TestRegistrationFaults(t *testing.T) {
	w := newWorld(t, acmetest.Options{})
	p := newProxy(t, w.pebble)
	terms := answer(403, `{"type":"urn:ietf:params:acme:error:userActionRequired","detail":"terms","instance":"https://ca.example.org/terms"}`,
		"Content-Type", "application/problem+json")
	cases := []struct {
		path   string
		fault  http.HandlerFunc
		kind   domain.FaultKind
		reason string
		says   string
		wait   time.Duration
		asks   int
	}{
		{"/sign-me-up", terms, domain.FaultOperator, "UserActionRequired", "visit https://ca.example.org/terms", 0, 1},
		{"/sign-me-up", problem(403, "externalAccountRequired", "bind"), domain.FaultOperator,
			"ExternalAccountRequired", "issuers[].eab", 0, 1},
		{newNonce, answer(503, "busy", "Retry-After", "30"), domain.FaultCA, "Unavailable", newNonce, 30 * time.Second,
			1},
		{newNonce, answer(503, "busy"), domain.FaultCA, "ServerError", newNonce, 0, 1},
	}
	for _, c := range cases {
		w.accounts = &accounts{stored: map[string]ports.Account{}}
		p.fail(c.path, -1, c.fault)
		_, err := w.newCA(t, p.directory, p.bundle, 0).AccountURL(t.Context())
		fault := requireFault(t, err, c.kind, c.reason, c.says)
		require.Equal(t, c.wait, fault.RetryAfter)
		require.Equal(t, c.asks, p.count(c.path))
	}
}

// A CA without renewalInfo (step-ca has none): no window, no replaces.
func TestCAWithoutRenewalInfo(t *testing.T) {
	w := newWorld(t, acmetest.Options{})
	_, certificate, _ := w.issue(t, ports.OrderRequest{Names: []string{name(t, 1)}})
	p := newProxy(t, w.pebble)
	base := strings.TrimSuffix(p.directory, "/dir")
	p.fail("/dir", -1, answer(200, `{"newNonce":"`+base+newNonce+`","newAccount":"`+base+`/sign-me-up","newOrder":"`+
		base+newOrder+`"}`,
		"Content-Type", "application/json"))
	ca := w.newCA(t, p.directory, p.bundle, 0)
	advice, err := ca.RenewalAdvice(t.Context(), certificate.Raw)
	require.NoError(t, err)
	require.True(t, advice.Unsupported && advice.Window == nil)
	account, err := ca.AccountURL(t.Context())
	require.NoError(t, err)
	_, err = ca.PlaceOrder(t.Context(), ports.OrderRequest{Names: []string{name(t, 1)},
		Replaces: ariID(t, certificate), ReplacesAccount: account})
	require.NoError(t, err)
	require.NotContains(t, w.pebble.Log(), "is a replacement of")
	require.NotContains(t, w.log.String(), "replaces refused")
	_, err = ca.PlaceOrder(t.Context(), ports.OrderRequest{Names: []string{name(t, 1)}, Profile: "default"})
	requireFault(t, err, domain.FaultSpec, "UnknownProfile", "offers no profiles")
}
