package acme_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/acme/acmetest"
	"everleaf/domain"
	"everleaf/ports"
)

func TestRevoke(t *testing.T) {
	w := newWorld(t, acmetest.Options{})
	_, certificate, _ := w.issue(t, ports.OrderRequest{Names: []string{name(t, 1)}})
	already, err := w.ca.Revoke(t.Context(), certificate.Raw, domain.RevokedKeyCompromise, nil)
	require.NoError(t, err)
	require.False(t, already)
	already, err = w.ca.Revoke(t.Context(), certificate.Raw, domain.RevokedKeyCompromise, nil)
	require.NoError(t, err, "idempotent")
	require.True(t, already)

	_, err = w.ca.Revoke(t.Context(), []byte("no certificate"), "", nil)
	require.EqualValues(t, "CertificateUnreadable", domain.AsFault(err).Reason)
	_, err = w.ca.Revoke(t.Context(), certificate.Raw, "boredom", nil)
	require.EqualValues(t, "UnknownReason", domain.AsFault(err).Reason)
}

// The holder of the certificate's key may revoke it (RFC 8555 §7.6): also when the account is lost, and without making
// one.
func TestRevokeByTheCertificatesKey(t *testing.T) {
	w := newWorld(t, acmetest.Options{})
	names := []string{name(t, 1)}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: names}, key)
	require.NoError(t, err)
	order, err := w.ca.PlaceOrder(t.Context(), ports.OrderRequest{Names: names})
	require.NoError(t, err)
	w.authorize(t, order)
	_, err = w.ca.Finalize(t.Context(), order, csr)
	require.NoError(t, err)
	chain, err := w.ca.Download(t.Context(), w.finished(t, order.URL).CertificateURL)
	require.NoError(t, err)
	certificate := leaf(t, chain)

	w.accounts = &accounts{stored: map[string]ports.Account{}}
	stranger := w.newCA(t, w.pebble.Directory, w.pebble.CABundle, 0)
	_, err = stranger.Revoke(t.Context(), certificate.Raw, domain.RevokedKeyCompromise, []byte("secret plaintext"))
	fault := requireFault(t, err, domain.FaultOperator, "CertificateKeyUnreadable")
	require.NotContains(t, fault.Error(), "secret plaintext")
	for _, want := range []bool{false, true} {
		already, err := stranger.Revoke(t.Context(), certificate.Raw, domain.RevokedKeyCompromise, keyPEM)
		require.NoError(t, err)
		require.Equal(t, want, already)
	}
	require.Empty(t, w.accounts.stored, "no account is made for it")
}
