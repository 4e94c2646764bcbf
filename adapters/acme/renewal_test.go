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

// setRenewalInfo makes Pebble answer so for the certificate.
func (w *world) setRenewalInfo(t *testing.T, der []byte, answer string) {
	t.Helper()
	body, err := json.Marshal(map[string]string{
		"Certificate": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), "ARIResponse": answer,
	})
	require.NoError(t, err)
	response, err := w.pebble.Client.Post(w.pebble.ManagementURL+"/set-renewal-info/", "application/json", bytes.NewReader(body))
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode)
}
