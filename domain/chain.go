package domain

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"slices"
	"strings"
	"time"
)

// clockSkew is how far ahead of ours a CA's clock may be.
const clockSkew = 5 * time.Minute

// VerifyChain checks what a CA sent for an order: chainPEM (RFC 8555 §9.1, leaf first) against the order's CSR (DER)
// and names (lower-case A-labels). It says what the chain is; it does not ask whether the root is trusted, since
// that is the relying party's question and an internal CA's root is in no list.
//
// Faults are the CA's: "CertificateMalformed", "CertificateKeyMismatch", "CertificateNamesMismatch",
// "CertificateNotValidNow" (our clock is allowed to be 5 minutes slow; the validity is returned with it),
// "CertificateChainBroken". A CSR that does not parse is the operator's fault "CSRMalformed": it comes from our own
// store.
//
// Version, Issuer and AccountURL of the result are the caller's to fill.
func VerifyChain(chainPEM, csr []byte, names []string, now time.Time) (Issued, error) {
	chain, err := parseChain(chainPEM)
	if err != nil {
		return Issued{}, err
	}
	request, err := x509.ParseCertificateRequest(csr)
	if err != nil {
		return Issued{}, NewFault(FaultOperator, ReasonCSRMalformed, err,
			"the stored CSR does not parse; renew the certificate to make a new one")
	}
	leaf := chain[0]
	if key, ok := leaf.PublicKey.(interface{ Equal(x crypto.PublicKey) bool }); !ok || !key.Equal(request.PublicKey) {
		return Issued{}, caFault(ReasonCertificateKeyMismatch, nil,
			"the certificate is for another key than the one in the CSR")
	}
	if err := checkNames(leaf, names); err != nil {
		return Issued{}, err
	}
	if leaf.NotBefore.After(now.Add(clockSkew)) || !leaf.NotAfter.After(now) {
		return Issued{NotBefore: leaf.NotBefore.UTC(), NotAfter: leaf.NotAfter.UTC()},
			caFault(ReasonCertificateNotValidNow,
				nil,
				"the certificate is valid from %s to %s and now is %s; if the CA is right, set this host's clock",
				stamp(leaf.NotBefore), stamp(leaf.NotAfter), stamp(now))
	}
	for i, cert := range chain[:len(chain)-1] {
		if err := signedBy(cert, chain[i+1]); err != nil {
			return Issued{}, err
		}
	}
	return Issued{
		IssuerCN:  leaf.Issuer.CommonName,
		Names:     slices.Clone(names),
		Serial:    hex.EncodeToString(serialOctets(leaf.SerialNumber)),
		NotBefore: leaf.NotBefore.UTC(),
		NotAfter:  leaf.NotAfter.UTC(),
		ARIID:     ariID(leaf),
	}, nil
}

// parseChain accepts certificates only: a CA that put anything else there, such as a key, must not have it stored.
func parseChain(chainPEM []byte) ([]*x509.Certificate, error) {
	var chain []*x509.Certificate
	for rest := bytes.TrimSpace(chainPEM); len(rest) > 0; rest = bytes.TrimSpace(rest) {
		var block *pem.Block
		if !bytes.HasPrefix(rest, []byte("-----BEGIN ")) {
			return nil, caFault(ReasonCertificateMalformed, nil,
				"the chain holds something besides PEM after %d certificates", len(chain))
		}
		if block, rest = pem.Decode(rest); block == nil {
			return nil, caFault(ReasonCertificateMalformed, nil, "the chain's PEM is broken after %d certificates",
				len(chain))
		}
		if block.Type != "CERTIFICATE" {
			return nil, caFault(ReasonCertificateMalformed, nil, "the chain holds a PEM block of type %s",
				quote(block.Type))
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, caFault(ReasonCertificateMalformed, err, "certificate %d of the chain does not parse",
				len(chain)+1)
		}
		chain = append(chain, cert)
	}
	if len(chain) == 0 {
		return nil, caFault(ReasonCertificateMalformed, nil, "the chain is empty")
	}
	if begins := bytes.Count(chainPEM, []byte("-----BEGIN ")); begins != len(chain) { // pem.Decode skips what is broken
		return nil, caFault(ReasonCertificateMalformed, nil,
			"%d PEM blocks begin in the chain, but only %d are whole", begins, len(chain))
	}
	return chain, nil
}

func checkNames(leaf *x509.Certificate, names []string) error {
	got := make([]string, 0, len(leaf.DNSNames))
	for _, name := range leaf.DNSNames {
		got = append(got, strings.ToLower(name))
	}
	others := len(leaf.IPAddresses) + len(leaf.EmailAddresses) + len(leaf.URIs)
	if others == 0 && slices.Equal(sorted(slices.Compact(sorted(got))), sorted(names)) {
		return nil
	}
	return caFault(ReasonCertificateNamesMismatch, nil,
		"the certificate is for %s (and %d other identifiers) instead of %s",
		quote(list(got)), others, quote(list(names)))
}

// signedBy checks that issuer is a CA which signed cert and that the names join.
func signedBy(cert, issuer *x509.Certificate) error {
	if !bytes.Equal(cert.RawIssuer, issuer.RawSubject) {
		return caFault(ReasonCertificateChainBroken, nil, "%s was issued by %s, but %s comes next in the chain",
			quote(cert.Subject.String()), quote(cert.Issuer.String()), quote(issuer.Subject.String()))
	}
	if err := cert.CheckSignatureFrom(issuer); err != nil {
		return caFault(ReasonCertificateChainBroken, err, "%s is not signed by %s, which comes next in the chain",
			quote(cert.Subject.String()), quote(issuer.Subject.String()))
	}
	return nil
}

// ariID is the identifier of RFC 9773 §4.1: the authority key identifier and the serial number's DER content, both
// in base64url without padding. A certificate without the former has none.
func ariID(leaf *x509.Certificate) string {
	if len(leaf.AuthorityKeyId) == 0 {
		return ""
	}
	serial := serialOctets(leaf.SerialNumber)
	if serial[0]&0x80 != 0 { // DER integers are signed
		serial = append([]byte{0}, serial...)
	}
	return base64.RawURLEncoding.EncodeToString(leaf.AuthorityKeyId) + "." +
		base64.RawURLEncoding.EncodeToString(serial)
}

func serialOctets(serial *big.Int) []byte {
	if serial.Sign() == 0 {
		return []byte{0}
	}
	return serial.Bytes()
}

func caFault(reason Reason, cause error, format string, args ...any) error {
	return NewFault(FaultCA, reason, cause, format, args...)
}
