package domain_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

// What a CA sends as a chain is refused by a fault, or is the certificate that was asked for.
func FuzzVerifyChain(f *testing.F) {
	root, leaf, csr := validChain(f)
	f.Add(chainOf(leaf, root), csr, "a.example")
	f.Add([]byte("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"),
		[]byte{0x30, 0x03, 0x02, 0x01, 0x01}, "a.example")
	f.Add([]byte(""), []byte(""), "")
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\n\n-----END PRIVATE KEY-----\n"), []byte("\xff"), "*.a.example")
	f.Fuzz(func(t *testing.T, chain, csr []byte, name string) {
		issued, err := domain.VerifyChain(chain, csr, []string{name}, noon)
		if err != nil {
			require.NotEqual(t, domain.ReasonUnexpected, domain.AsFault(err).Reason)
			return
		}
		request, err := x509.ParseCertificateRequest(csr)
		require.NoError(t, err)
		require.NotNil(t, request)
		require.Equal(t, []string{name}, issued.Names)
	})
}

// validChain is one that is right for its request.
func validChain(f *testing.F) (root, leaf *ca, csr []byte) {
	f.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(f, err)
	made := func(template *x509.Certificate, parent *ca) *ca {
		by := &ca{template, key}
		if parent != nil {
			by = parent
		}
		der, err := x509.CreateCertificate(rand.Reader, template, by.cert, key.Public(), by.key)
		require.NoError(f, err)
		cert, err := x509.ParseCertificate(der)
		require.NoError(f, err)
		return &ca{cert, key}
	}
	root = made(authority("root", []byte{1}), nil)
	leaf = made(&x509.Certificate{SerialNumber: big.NewInt(7), DNSNames: []string{"a.example"}, NotBefore: noon.Add(-day),
		NotAfter: noon.Add(day)}, root)
	csr, err = x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: []string{"a.example"}}, key)
	require.NoError(f, err)
	_, err = domain.VerifyChain(chainOf(leaf, root), csr, []string{"a.example"}, noon)
	require.NoError(f, err)
	return root, leaf, csr
}
