package sealing_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/sealing"
	"everleaf/domain"
	"everleaf/ports"
)

func TestCreateMakesTheKeyThatTheCSRIsFor(t *testing.T) {
	url, _ := keyFile(t, 1)
	sealer := open(t, url)
	names := []string{strings.Repeat("long.", 20) + "example", "a.example", "xn--bcher-kva.example"}
	for _, c := range []struct {
		keyType domain.KeyType
		bits    int
	}{{domain.KeyECDSAP256, 256}, {domain.KeyECDSAP384, 384}, {domain.KeyRSA2048, 2048}, {domain.KeyRSA3072, 3072},
		{domain.KeyRSA4096, 4096}} {
		t.Run(string(c.keyType), func(t *testing.T) {
			stored, der, err := sealing.NewKeys(sealer).Create(t.Context(), "web", c.keyType, names)
			require.NoError(t, err)
			csr, err := x509.ParseCertificateRequest(der)
			require.NoError(t, err)
			require.NoError(t, csr.CheckSignature())
			require.Equal(t, names, csr.DNSNames)
			require.Empty(t, csr.Subject.String())

			private, err := sealer.Open(t.Context(), domain.CertificateKeyPlace("web", stored.ID), stored.Sealed)
			require.NoError(t, err)
			block, rest := pem.Decode(private)
			require.Empty(t, rest)
			require.Equal(t, "PRIVATE KEY", block.Type)
			key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
			require.NoError(t, err)
			switch key := key.(type) {
			case *ecdsa.PrivateKey:
				require.Equal(t, c.bits, key.Params().BitSize)
				require.True(t, key.PublicKey.Equal(csr.PublicKey))
			case *rsa.PrivateKey:
				require.Equal(t, c.bits, key.N.BitLen())
				require.True(t, key.PublicKey.Equal(csr.PublicKey))
			default:
				t.Fatalf("unexpected key %T", key)
			}
		})
	}
}

func TestCreateRefusesWhatItCannotMake(t *testing.T) {
	url, _ := keyFile(t, 1)
	keys := sealing.NewKeys(open(t, url))
	for _, keyType := range []domain.KeyType{"", "rsa-1024", "ECDSA-P256", "ed25519"} {
		_, _, err := keys.Create(t.Context(), "web", keyType, []string{"a.example"})
		requireFault(t, err, domain.FaultSpec, "UnknownKeyType")
		require.ErrorContains(t, err, `keyType: "`+string(keyType)+
			`" is not known: give one of ecdsa-p256, ecdsa-p384, rsa-2048, rsa-3072, rsa-4096`)
	}
	_, _, err := keys.Create(t.Context(), "web", domain.KeyECDSAP256, []string{"ü.example"})
	requireFault(t, err, domain.FaultOperator, "KeyNotMade")
}

// refusingSealer keeps what it was given, as a bad key service might log it.
type refusingSealer struct{ seen []byte }

func (r *refusingSealer) Seal(_ context.Context, _ domain.Place, plaintext []byte) ([]byte, error) {
	r.seen = append(r.seen, plaintext...)
	return nil, domain.NewFault(domain.FaultWait, "SealingUnavailable", errors.New("away"),
		"the key service does not answer")
}

func (*refusingSealer) Open(context.Context, domain.Place, []byte) ([]byte, error) { return nil, nil }

func TestAKeyThatCannotBeSealedLeavesNoTrace(t *testing.T) {
	sealer := &refusingSealer{}
	sealed, csr, err := sealing.NewKeys(sealer).Create(t.Context(), "web", domain.KeyECDSAP256, []string{"a.example"})
	requireFault(t, err, domain.FaultWait, "SealingUnavailable")
	require.Zero(t, sealed)
	require.Nil(t, csr)
	block, _ := pem.Decode(sealer.seen)
	require.NotNil(t, block)
	require.NotContains(t, err.Error(), "PRIVATE KEY")
}

// chainFor is a certificate for the CSR's key.
func chainFor(t *testing.T, csr []byte) []byte {
	t.Helper()
	request, err := x509.ParseCertificateRequest(csr)
	require.NoError(t, err)
	issuer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(0x0a1b)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, request.PublicKey, issuer)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// A key leaves for the chain that it is for, and for no other.
func TestKeysLeaveWithTheirChain(t *testing.T) {
	t.Parallel()
	url, _ := keyFile(t, 1)
	sealer := open(t, url)
	keys := sealing.NewKeys(sealer)
	for _, keyType := range []domain.KeyType{domain.KeyECDSAP256, domain.KeyRSA2048} {
		created, csr, err := keys.Create(t.Context(), "web", keyType, []string{"a.example"})
		require.NoError(t, err)
		pair := ports.SealedPair{Certificate: "web", ChainPEM: chainFor(t, csr), Key: created}
		private, err := keys.Open(t.Context(), pair)
		require.NoError(t, err)
		_, err = tls.X509KeyPair(pair.ChainPEM, private)
		require.NoError(t, err)
		der, err := keys.Reuse(t.Context(), pair, []string{"b.example"})
		require.NoError(t, err)
		again, err := x509.ParseCertificateRequest(der)
		require.NoError(t, err)
		require.Equal(t, []string{"b.example"}, again.DNSNames)
		_, err = tls.X509KeyPair(chainFor(t, der), private)
		require.NoError(t, err)

		other, otherCSR, err := keys.Create(t.Context(), "web", domain.KeyECDSAP256, []string{"a.example"})
		require.NoError(t, err)
		text, err := sealer.Seal(t.Context(), domain.CertificateKeyPlace("web", "0a"), []byte("plain secret"))
		require.NoError(t, err)
		const about = `the key of certificate "web", serial 0a1b: `
		for reason, c := range map[string]struct {
			change func(*ports.SealedPair)
			says   string
		}{
			"KeyMismatch":     {func(p *ports.SealedPair) { p.ChainPEM = chainFor(t, otherCSR) }, about},
			"SecretMisplaced": {func(p *ports.SealedPair) { p.Key.Sealed = other.Sealed }, about},
			"SecretDamaged":   {func(p *ports.SealedPair) { p.Key.Sealed = p.Key.Sealed[1:] }, about},
			"KeyForgotten": {func(p *ports.SealedPair) { p.Key.Sealed = nil }, about + "the key was forgotten, since its sealing " +
				"key was lost: `everleaf cert renew web` makes a new one"},
			"KeyUnreadable": {func(p *ports.SealedPair) { p.Key = ports.SealedKey{ID: "0a", Sealed: text} }, about},
			"ChainMalformed": {func(p *ports.SealedPair) { p.ChainPEM = []byte("nothing") },
				`the key of certificate "web": `},
		} {
			changed := pair
			c.change(&changed)
			private, err := keys.Open(t.Context(), changed)
			requireFault(t, err, domain.FaultOperator, reason)
			require.Nil(t, private)
			require.ErrorContains(t, err, c.says)
			require.NotContains(t, err.Error(), "plain secret")
			csr, err := keys.Reuse(t.Context(), changed, []string{"b.example"})
			requireFault(t, err, domain.FaultOperator, reason)
			require.Nil(t, csr)
		}
		pair.Certificate = "other"
		_, err = keys.Open(t.Context(), pair)
		requireFault(t, err, domain.FaultOperator, "SecretMisplaced")
	}
}
