package acme_test

import (
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/acme/acmetest"
	"everleaf/domain"
	"everleaf/ports"
)

func TestReplaces(t *testing.T) {
	w := newWorld(t, acmetest.Options{})
	names := []string{name(t, 1)}
	_, first, _ := w.issue(t, ports.OrderRequest{Names: names})
	account, err := w.ca.AccountURL(t.Context())
	require.NoError(t, err)
	renewal := ports.OrderRequest{Names: names, Replaces: ariID(t, first), ReplacesAccount: account}

	other := renewal
	other.ReplacesAccount = account + "0"
	w.issue(t, other)
	require.NotContains(t, w.pebble.Log(), "is a replacement of", "another account's certificate is not named")

	_, second, _ := w.issue(t, renewal)
	require.Contains(t, w.pebble.Log(), "is a replacement of")
	require.Contains(t, w.pebble.Log(), "has been marked as replaced")

	// An answer that was lost leaves the predecessor marked: 409 alreadyReplaced, then the order goes on without it.
	require.NotContains(t, w.log.String(), "replaces refused")
	_, third, _ := w.issue(t, renewal)
	require.Contains(t, w.log.String(), "alreadyReplaced")
	require.NotEqual(t, second.SerialNumber, third.SerialNumber)

	// Malformed, and (at Pebble: 500) names that have nothing in common with the predecessor's.
	for _, request := range []ports.OrderRequest{
		{Names: names, Replaces: "not-an-id", ReplacesAccount: account},
		{Names: []string{name(t, 2)}, Replaces: ariID(t, third), ReplacesAccount: account},
	} {
		order, err := w.ca.PlaceOrder(t.Context(), request)
		require.NoError(t, err)
		require.NotEmpty(t, order.URL)
	}
}

func TestProfiles(t *testing.T) {
	w := newWorld(t, acmetest.Options{Profiles: map[string]acmetest.Profile{
		"classic":    {Description: "90 days", ValidityPeriod: 90 * 24 * 3600},
		"shortlived": {Description: "an hour", ValidityPeriod: 3600},
	}})
	_, certificate, _ := w.issue(t, ports.OrderRequest{Names: []string{name(t, 1)}, Profile: "shortlived"})
	require.InDelta(t, 3600, certificate.NotAfter.Sub(certificate.NotBefore).Seconds(), 2)

	_, err := w.ca.PlaceOrder(t.Context(), ports.OrderRequest{Names: []string{name(t, 1)}, Profile: "longlived"})
	requireFault(t, err, domain.FaultSpec, "UnknownProfile", "profile", `"longlived"`, "classic, shortlived",
		`"pebble"`)
}

func TestRefusedNames(t *testing.T) {
	w := newWorld(t, acmetest.Options{Blocked: []string{"blocked.example.org"}})
	cases := []struct {
		name   string
		kind   domain.FaultKind
		reason string
		said   string
	}{
		{"blocked.example.org", domain.FaultName, "NameRejected", `"blocked.example.org"`},
		{"under_score.example.org", domain.FaultOperator, "RequestMalformed", "illegal character: '_'"},
	}
	for _, c := range cases {
		_, err := w.ca.PlaceOrder(t.Context(), ports.OrderRequest{Names: []string{c.name}})
		requireFault(t, err, c.kind, c.reason, c.said, `"pebble"`, "place an order", "/order-plz")
	}
}

// A CSR for other names is refused by the CA and is ours to correct; the order stays as it is.
func TestWrongCSR(t *testing.T) {
	w := newWorld(t, acmetest.Options{})
	order, err := w.ca.PlaceOrder(t.Context(), ports.OrderRequest{Names: []string{name(t, 1)}})
	require.NoError(t, err)
	w.authorize(t, order)
	_, err = w.ca.Finalize(t.Context(), order, csr(t, []string{name(t, 2)}))
	requireFault(t, err, domain.FaultOperator, "Unauthorized", "CSR is missing Order domain")
	_, err = w.ca.Finalize(t.Context(), order, []byte("no CSR"))
	requireFault(t, err, domain.FaultOperator, "RequestMalformed")
	order, err = w.ca.Order(t.Context(), order.URL)
	require.NoError(t, err)
	require.Equal(t, domain.OrderReady, order.Status)
}

// ariID is the certificate's identifier (RFC 9773 §4.1), made without the library that the adapter uses.
func ariID(t *testing.T, certificate *x509.Certificate) string {
	t.Helper()
	serial, err := asn1.Marshal(certificate.SerialNumber)
	require.NoError(t, err)
	encode := base64.RawURLEncoding.EncodeToString
	return encode(certificate.AuthorityKeyId) + "." + encode(serial[2:])
}
