package domain_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

// ca is a certificate with its key, made for a test.
type ca struct {
	cert *x509.Certificate
	key  crypto.Signer
}

func newKey(t *testing.T) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}

// sign makes a certificate under parent, or a self-signed one.
func sign(t *testing.T, template *x509.Certificate, parent *ca, key crypto.Signer) *ca {
	t.Helper()
	by := &ca{template, key}
	if parent != nil {
		by = parent
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by.cert, key.Public(), by.key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return &ca{cert, key}
}

func authority(name string, keyID []byte) *x509.Certificate {
	return &x509.Certificate{Subject: pkix.Name{CommonName: name}, SubjectKeyId: keyID, SerialNumber: big.NewInt(1),
		IsCA:                  true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, NotBefore: noon.Add(-day),
		NotAfter: noon.Add(1000 * day)}
}

func chainOf(certs ...*ca) []byte {
	var out []byte
	for _, c := range certs {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.cert.Raw})...)
	}
	return out
}

func TestVerifyChain(t *testing.T) {
	// RFC 9773 §4.1's own example: this key identifier and this serial number.
	keyID := []byte{0x69, 0x88, 0x5B, 0x6B, 0x87, 0x46, 0x40, 0x41, 0xE1, 0xB3, 0x7B, 0x84, 0x7B, 0xA0, 0xAE, 0x2C,
		0xDE, 0x01, 0xC8, 0xD4}
	root := sign(t, authority("Test Root", []byte{1}), nil, newKey(t))
	issuing := sign(t, authority("Test Issuing", keyID), root, newKey(t))
	namesake := sign(t, authority("Test Issuing", keyID), nil, newKey(t))
	noCA := sign(t, &x509.Certificate{Subject: pkix.Name{CommonName: "Test Issuing"}, SerialNumber: big.NewInt(3),
		NotBefore: noon.Add(-day),
		NotAfter:  noon.Add(day)}, root, issuing.key)

	key := newKey(t)
	names := []string{"b.example.com", "a.example.com"}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: names}, key)
	require.NoError(t, err)
	leaf := func(change func(*x509.Certificate)) *ca {
		template := &x509.Certificate{DNSNames: []string{"A.example.com", "b.example.com"},
			SerialNumber: big.NewInt(0x87654321),
			NotBefore:    noon, NotAfter: noon.Add(90 * day)}
		if change != nil {
			change(template)
		}
		return sign(t, template, issuing, key)
	}
	good := leaf(nil)
	otherKey := sign(t, &x509.Certificate{DNSNames: names, SerialNumber: big.NewInt(5), NotBefore: noon,
		NotAfter: noon.Add(day)}, issuing, newKey(t))
	with := func(change func(*x509.Certificate)) []byte { return chainOf(leaf(change), issuing) }
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: []byte("x")})
	whole := chainOf(good, issuing, root)

	for _, c := range []struct {
		name   string
		chain  []byte
		csr    []byte
		now    time.Duration
		reason domain.Reason
	}{
		{"leaf, issuing, root", whole, csr, 0, ""},
		{"leaf, issuing", chainOf(good, issuing), csr, 0, ""},
		{"leaf only", chainOf(good), csr, 0, ""},
		{"blank lines between", bytes.Replace(whole, []byte("-----\n-----"), []byte("-----\r\n\n-----"), 1), csr, 0,
			""},
		{"our clock is 5 minutes slow", whole, csr, -5 * time.Minute, ""},
		{"our clock is slower", whole, csr, -5*time.Minute - time.Second, "CertificateNotValidNow"},
		{"a second before its end", whole, csr, 90*day - time.Second, ""},
		{"at its end", whole, csr, 90 * day, "CertificateNotValidNow"},
		{"another key", chainOf(otherKey, issuing), csr, 0, "CertificateKeyMismatch"},
		{"issuing first", chainOf(issuing, good), csr, 0, "CertificateKeyMismatch"},
		{"a name is missing", with(func(c *x509.Certificate) { c.DNSNames = names[:1] }), csr, 0,
			"CertificateNamesMismatch"},
		{"a name is extra", with(func(c *x509.Certificate) { c.DNSNames = append(c.DNSNames, "c.example.com") }), csr,
			0, "CertificateNamesMismatch"},
		{"a wildcard instead", with(func(c *x509.Certificate) { c.DNSNames = []string{"*.example.com"} }), csr, 0,
			"CertificateNamesMismatch"},
		{"a name twice", with(func(c *x509.Certificate) { c.DNSNames = append(c.DNSNames, names[0]) }), csr, 0, ""},
		{"an address is extra", with(func(c *x509.Certificate) { c.IPAddresses = []net.IP{{192, 0, 2, 1}} }), csr, 0,
			"CertificateNamesMismatch"},
		{"a mail address is extra", with(func(c *x509.Certificate) { c.EmailAddresses = []string{"a@example.com"} }),
			csr, 0, "CertificateNamesMismatch"},
		{"a URI is extra", with(func(c *x509.Certificate) { c.URIs = []*url.URL{{Scheme: "spiffe", Host: "x"}} }), csr,
			0, "CertificateNamesMismatch"},
		{"issuing is missing", chainOf(good, root), csr, 0, "CertificateChainBroken"},
		{"in the wrong order", chainOf(good, root, issuing), csr, 0, "CertificateChainBroken"},
		{"a namesake with another key", chainOf(good, namesake), csr, 0, "CertificateChainBroken"},
		{"signed by what is no CA", chainOf(good, noCA), csr, 0, "CertificateChainBroken"},
		{"empty", nil, csr, 0, "CertificateMalformed"},
		{"not PEM", []byte("<html>"), csr, 0, "CertificateMalformed"},
		{"text after it", append(bytes.Clone(whole), "hello"...), csr, 0, "CertificateMalformed"},
		{"cut in the middle", whole[:len(whole)-100], csr, 0, "CertificateMalformed"},
		{"a broken block between", bytes.Replace(whole, []byte("-----BEGIN"),
			[]byte("-----BEGIN CERTIFICATE-----\n!\n-----BEGIN"), 2), csr, 0, "CertificateMalformed"},
		{"a key in it", append(bytes.Clone(whole), keyPEM...), csr, 0, "CertificateMalformed"},
		{"not a certificate", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")}), csr, 0,
			"CertificateMalformed"},
		{"our CSR is broken", whole, []byte("x"), 0, "CSRMalformed"},
	} {
		got, err := domain.VerifyChain(c.chain, c.csr, names, noon.Add(c.now))
		if c.reason == "" {
			require.NoError(t, err, c.name)
			require.Equal(t, domain.Issued{IssuerCN: "Test Issuing", Names: names, Serial: "87654321", NotBefore: noon,
				NotAfter: noon.Add(90 * day), ARIID: "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"}, got, c.name)
			continue
		}
		kind := domain.FaultCA
		if c.reason == "CSRMalformed" {
			kind = domain.FaultOperator
		}
		require.Error(t, err, c.name)
		require.Equal(t, c.reason, domain.AsFault(err).Reason, "%s: %v", c.name, err)
		require.Equal(t, kind, domain.AsFault(err).Kind, c.name)
		if c.reason == domain.ReasonCertificateNotValidNow {
			require.Equal(t, domain.Issued{NotBefore: noon, NotAfter: noon.Add(90 * day)}, got, c.name)
			continue
		}
		require.Zero(t, got, c.name)
	}
}

// The message says what is wrong, and where.
func TestVerifyChainSaysWhere(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	require.NoError(t, err)
	uri := &url.URL{Scheme: "spiffe", Host: "x"}
	leaf := sign(t, &x509.Certificate{DNSNames: []string{"a.example.com"}, SerialNumber: big.NewInt(7),
		NotBefore: noon, NotAfter: noon.Add(day),
		IPAddresses: []net.IP{{192, 0, 2, 1}}, EmailAddresses: []string{"a@example.com", "b@example.com"},
		URIs: []*url.URL{uri, uri, uri}}, nil, key)
	_, err = domain.VerifyChain(chainOf(leaf), csr, []string{"a.example.com"}, noon)
	require.ErrorContains(t, err, `the certificate is for "a.example.com" (and 6 other identifiers) instead of "a.example.com"`)

	none := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")})
	_, err = domain.VerifyChain(append(chainOf(leaf), none...), csr, []string{"a.example.com"}, noon)
	require.ErrorContains(t, err, "certificate 2 of the chain does not parse")
}

func TestSerialAndARIID(t *testing.T) {
	for _, c := range []struct {
		keyID          []byte
		serial         int64
		wantID, wantNo string
	}{
		{[]byte{0xff}, 0x7f, "_w.fw", "7f"},
		{[]byte{0xff}, 0x80, "_w.AIA", "80"},
		{[]byte{0xff}, 0x3ab, "_w.A6s", "03ab"}, // whole octets, as openssl prints it
		{nil, 0x80, "", "80"},
	} {
		key := newKey(t)
		// A self-signed leaf with a key identifier of its own choice: its parent is a template, not a certificate.
		parent := &ca{&x509.Certificate{Subject: pkix.Name{CommonName: "x"}, SubjectKeyId: c.keyID}, key}
		leaf := sign(t, &x509.Certificate{DNSNames: []string{"a.example.com"}, SerialNumber: big.NewInt(c.serial),
			NotBefore: noon,
			NotAfter:  noon.Add(day)}, parent, key)
		csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
		require.NoError(t, err)
		got, err := domain.VerifyChain(chainOf(leaf), csr, []string{"a.example.com"}, noon)
		require.NoError(t, err)
		require.Equal(t, c.wantID, got.ARIID)
		require.Equal(t, c.wantNo, got.Serial)
	}
}
