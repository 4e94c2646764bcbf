package acmetest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// authority is a root with an intermediate under it, as PEM files.
type authority struct {
	root, intermediate, key string
	roots                   *x509.CertPool
}

func newAuthority(t testing.TB, dir string) authority {
	t.Helper()
	a := authority{filepath.Join(dir, "root.pem"), filepath.Join(dir, "intermediate.pem"),
		filepath.Join(dir, "intermediate-key.pem"), x509.NewCertPool()}
	rootKey, key := newKey(t), newKey(t)
	root := signed(t, authorityTemplate(1, "Root of a test", 1), nil, rootKey, rootKey)
	intermediate := signed(t, authorityTemplate(2, "Intermediate of a test", 0), root, key, rootKey)
	a.roots.AddCert(root)
	must(t, os.WriteFile(a.root, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Raw}), 0o600))
	must(t, os.WriteFile(a.intermediate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: intermediate.Raw}),
		0o600))
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	must(t, os.WriteFile(a.key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), 0o600))
	return a
}

func (a authority) trusting() *tls.Config {
	return &tls.Config{RootCAs: a.roots, MinVersion: tls.VersionTLS12}
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	return key
}

func authorityTemplate(serial int64, name string, below int) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(48 * time.Hour),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, IsCA: true, BasicConstraintsValid: true,
		MaxPathLen: below, MaxPathLenZero: below == 0,
	}
}

// signed is template for key, signed by parent's; a nil parent makes a root.
func signed(t testing.TB, template, parent *x509.Certificate, key, parentKey *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
	must(t, err)
	certificate, err := x509.ParseCertificate(der)
	must(t, err)
	return certificate
}
