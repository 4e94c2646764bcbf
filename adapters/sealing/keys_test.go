package sealing_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/sealing"
	"everleaf/domain"
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
			sealed, der, err := sealing.NewKeys(sealer).Create(t.Context(), c.keyType, names)
			require.NoError(t, err)
			csr, err := x509.ParseCertificateRequest(der)
			require.NoError(t, err)
			require.NoError(t, csr.CheckSignature())
			require.Equal(t, names, csr.DNSNames)
			require.Empty(t, csr.Subject.String())

			private, err := sealer.Open(t.Context(), sealed)
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
		_, _, err := keys.Create(t.Context(), keyType, []string{"a.example"})
		requireFault(t, err, domain.FaultSpec, "UnknownKeyType")
		require.ErrorContains(t, err, `keyType: "`+string(keyType)+
			`" is not known: give one of ecdsa-p256, ecdsa-p384, rsa-2048, rsa-3072, rsa-4096`)
	}
	_, _, err := keys.Create(t.Context(), domain.KeyECDSAP256, []string{"ü.example"})
	requireFault(t, err, domain.FaultOperator, "KeyNotMade")
}

// refusingSealer keeps what it was given, as a bad key service might log it.
type refusingSealer struct{ seen []byte }

func (r *refusingSealer) Seal(_ context.Context, plaintext []byte) ([]byte, error) {
	r.seen = append(r.seen, plaintext...)
	return nil, domain.NewFault(domain.FaultWait, "SealingUnavailable", errors.New("away"),
		"the key service does not answer")
}

func (*refusingSealer) Open(context.Context, []byte) ([]byte, error) { return nil, nil }

func TestAKeyThatCannotBeSealedLeavesNoTrace(t *testing.T) {
	sealer := &refusingSealer{}
	sealed, csr, err := sealing.NewKeys(sealer).Create(t.Context(), domain.KeyECDSAP256, []string{"a.example"})
	requireFault(t, err, domain.FaultWait, "SealingUnavailable")
	require.Nil(t, sealed)
	require.Nil(t, csr)
	block, _ := pem.Decode(sealer.seen)
	require.NotNil(t, block)
	require.NotContains(t, err.Error(), "PRIVATE KEY")
}
