package domain_test

import (
	"crypto/x509"
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

// What a CA sends as a chain is refused by a fault, or is the certificate that was asked for.
func FuzzVerifyChain(f *testing.F) {
	f.Add([]byte("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"), []byte{0x30, 0x03, 0x02, 0x01, 0x01}, "a.example")
	f.Add([]byte(""), []byte(""), "")
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\n\n-----END PRIVATE KEY-----\n"), []byte("\xff"), "*.a.example")
	f.Fuzz(func(t *testing.T, chain, csr []byte, name string) {
		issued, err := domain.VerifyChain(chain, csr, []string{name}, noon)
		if err != nil {
			require.NotEmpty(t, domain.AsFault(err).Reason)
			return
		}
		request, err := x509.ParseCertificateRequest(csr)
		require.NoError(t, err)
		require.NotNil(t, request)
		require.Equal(t, []string{name}, issued.Names)
	})
}
