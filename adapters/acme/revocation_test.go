package acme_test

import (
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
	require.Equal(t, "CertificateUnreadable", domain.AsFault(err).Reason)
	_, err = w.ca.Revoke(t.Context(), certificate.Raw, "boredom", nil)
	require.Equal(t, "UnknownReason", domain.AsFault(err).Reason)
}
