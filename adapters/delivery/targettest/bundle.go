package targettest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
	"everleaf/ports"
)

// Bundle is a version of a certificate with a key of its own, as the request with this number has it delivered.
func Bundle(t testing.TB, certificate string, sequence int64) ports.Bundle {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	names := []string{certificate + ".example"}
	now := time.Now().Truncate(time.Second).UTC()
	leaf := &x509.Certificate{SerialNumber: big.NewInt(sequence), DNSNames: names, NotBefore: now,
		NotAfter: now.Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, leaf, leaf, key.Public(), key)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	return ports.Bundle{Certificate: certificate, Target: "place", Sequence: sequence,
		Issued: domain.Issued{Version: fmt.Sprint(certificate, "-v", sequence), Issuer: "default", Names: names,
			Serial: fmt.Sprintf("%x", sequence), NotBefore: leaf.NotBefore, NotAfter: leaf.NotAfter},
		ChainPEM: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		KeyPEM:   pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})}
}
