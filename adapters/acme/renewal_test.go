package acme_test

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/acme/acmetest"
	"everleaf/domain"
	"everleaf/ports"
)

func TestRenewalAdvice(t *testing.T) {
	w := newWorld(t, acmetest.Options{})
	_, certificate, _ := w.issue(t, ports.OrderRequest{Names: []string{name(t, 1)}})
	advice, err := w.ca.RenewalAdvice(t.Context(), certificate.Raw)
	require.NoError(t, err)
	window := advice.Window
	require.Positive(t, advice.RetryAfter)
	require.True(t, window.Start.After(certificate.NotBefore) && window.End.Before(certificate.NotAfter), "%+v", window)

	start, end := time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC), time.Date(2027, 1, 2, 4, 4, 5, 0, time.UTC)
	cases := []struct {
		answer string
		want   *domain.Window
		fault  bool
	}{
		{`{"suggestedWindow":{"start":"2027-01-02T03:04:05Z","end":"2027-01-02T04:04:05Z"},"explanationURL":"https://ca.example.org/why"}`,
			&domain.Window{Start: start, End: end, ExplanationURL: "https://ca.example.org/why"}, false},
		{`{"suggestedWindow":{"start":"2027-01-02T03:04:05Z","end":"2027-01-02T03:04:05Z"}}`, nil, false},
		{`{"suggestedWindow":{"start":"2027-01-02T03:04:05Z","end":"2027-01-01T03:04:05Z"}}`, nil, false},
		{`{}`, nil, false},
		{`{"suggestedWindow":{"start":"soon","end":"later"}}`, nil, true},
		{`<html>`, nil, true},
	}
	for _, c := range cases {
		w.setRenewalInfo(t, certificate.Raw, c.answer)
		started := time.Now()
		advice, err := w.ca.RenewalAdvice(t.Context(), certificate.Raw)
		require.Less(t, time.Since(started), 2*time.Second, "one request, no sleeping retries")
		if c.fault {
			requireFault(t, err, domain.FaultCA, "MalformedAnswer", "renewal window")
			continue
		}
		require.NoError(t, err)
		require.Equal(t, c.want, advice.Window, c.answer)
	}

	// A certificate of another issuer: Pebble has a new one after a restart.
	w.pebble.Restart()
	_, err = w.ca.RenewalAdvice(t.Context(), certificate.Raw)
	requireFault(t, err, domain.FaultOperator, "RequestMalformed", "no known issuer")
	_, err = w.ca.RenewalAdvice(t.Context(), []byte("no certificate"))
	requireFault(t, err, domain.FaultOperator, "CertificateUnreadable")
}

// RFC 9773 §4.3.3: time-outs and 5xx are temporary, everything else is long-term and waits six hours; a Retry-After
// comes as the CA sent it, to the domain's own limits.
func TestRenewalAdviceFaults(t *testing.T) {
	w := newWorld(t, acmetest.Options{})
	_, certificate, _ := w.issue(t, ports.OrderRequest{Names: []string{name(t, 1)}})
	p := newProxy(t, w.pebble)
	const path = "/draft-ietf-acme-ari-03/"
	const window = `{"suggestedWindow":{"start":"2027-01-02T03:04:05Z","end":"2027-01-02T04:04:05Z"}}`
	hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	cases := []struct {
		name   string
		path   string
		answer http.HandlerFunc
		reason string // empty for an answer that is none
		look   time.Duration
	}{
		{"1 s", path, answer(200, window, "Retry-After", "1"), "", time.Minute},
		{"6 h", path, answer(200, window, "Retry-After", "21600"), "", 6 * time.Hour},
		{"30 days", path, answer(200, window, "Retry-After", "2592000"), "", 24 * time.Hour},
		{"no Retry-After", path, answer(200, window), "", 6 * time.Hour},
		{"end before start", path, answer(200,
			`{"suggestedWindow":{"start":"2027-01-02T04:04:05Z","end":"2027-01-02T03:04:05Z"}}`, "Retry-After", "60"),
			"", 6 * time.Hour},
		{"500", path, answer(500, "oops"), "ServerError", time.Minute},
		{"500 with a problem", path, problem(500, "serverInternal", "oops"), "ServerError", time.Minute},
		{"503", path, answer(503, "busy"), "ServerError", time.Minute},
		{"503 with Retry-After", path, answer(503, "busy", "Retry-After", "120"), "Unavailable", 2 * time.Minute},
		{"time-out", path, hang, "Timeout", time.Minute},
		{"directory down", "/dir", answer(502, "oops"), "ServerError", time.Minute},
		{"429", path, problem(429, "rateLimited", "too many", "Retry-After", "90"), "RateLimited", 90 * time.Second},
		{"429 without Retry-After", path, problem(429, "rateLimited", "too many"), "RateLimited", 6 * time.Hour},
		{"400", path, problem(400, "malformed", "no such certificate"), "RequestMalformed", 6 * time.Hour},
		{"404", path, problem(404, "malformed", "no such certificate"), "NotFound", 6 * time.Hour},
		{"418", path, answer(418, "teapot"), "UnexpectedAnswer", 6 * time.Hour},
		{"a page", path, answer(200, "<html>"), "MalformedAnswer", 6 * time.Hour},
		{"no such directory", "/dir", answer(404, "no"), "WrongDirectory", 6 * time.Hour},
	}
	for _, c := range cases {
		p.fail(c.path, -1, c.answer)
		timeout := 5 * time.Second
		if c.reason == "Timeout" {
			timeout = 300 * time.Millisecond
		}
		advice, err := w.newCA(t, p.directory, p.bundle, timeout).RenewalAdvice(t.Context(), certificate.Raw)
		var fault *domain.Fault
		if c.reason != "" {
			require.ErrorAs(t, err, &fault, c.name)
			require.EqualValues(t, c.reason, fault.Reason, c.name)
		} else {
			require.NoError(t, err, c.name)
		}
		require.Equal(t, c.look, domain.NextARICheck(advice, fault, 1), c.name)
	}

	_, err := w.newCA(t, "https://127.0.0.1:1/dir", p.bundle, 0).RenewalAdvice(t.Context(), certificate.Raw)
	fault := requireFault(t, err, domain.FaultCA, "Unreachable", "refused")
	require.False(t, fault.Transient(), "refused: long-term")
	p.fail("", 0, nil)
	_, err = w.newCA(t, p.directory, w.pebble.CABundle, 0).RenewalAdvice(t.Context(), certificate.Raw)
	require.False(t, requireFault(t, err, domain.FaultCA, "TLSFailed").Transient())
}

// setRenewalInfo makes Pebble answer so for the certificate.
func (w *world) setRenewalInfo(t *testing.T, der []byte, answer string) {
	t.Helper()
	body, err := json.Marshal(map[string]string{
		"Certificate": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), "ARIResponse": answer,
	})
	require.NoError(t, err)
	response, err := w.pebble.Client.Post(w.pebble.ManagementURL+"/set-renewal-info/", "application/json",
		bytes.NewReader(body))
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode)
}
