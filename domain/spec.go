package domain

import "slices"

// KeyType names the certificate key's algorithm and size, as cert-manager and the CAs' documents do.
type KeyType string

// KeyRotation is whether a renewal makes a new key.
type KeyRotation string

// ChallengeType is an ACME challenge type (RFC 8555 §8).
type ChallengeType string

const (
	KeyECDSAP256 KeyType = "ecdsa-p256"
	KeyECDSAP384 KeyType = "ecdsa-p384"
	KeyRSA2048   KeyType = "rsa-2048"
	KeyRSA3072   KeyType = "rsa-3072"
	KeyRSA4096   KeyType = "rsa-4096"

	ChallengeHTTP01 ChallengeType = "http-01"
	ChallengeDNS01  ChallengeType = "dns-01"

	// RotateAlways makes a new key for each certificate, RotateNever keeps it (cert-manager's rotationPolicy).
	RotateAlways KeyRotation = "Always"
	RotateNever  KeyRotation = "Never"

	// DefaultIssuer is the issuer of a spec that names none.
	DefaultIssuer = "default"
)

// Spec is what a caller wants: the input of a Certificate workflow. Fields are only ever added.
type Spec struct {
	// Names are DNS names, with dns-01 also wildcards ("*.example.com"); the first is the subject where a profile wants
	// one. Unicode and upper case are accepted and become lower-case A-labels (RFC 5891).
	Names []string `json:"names"`
	// KeyType is the key's algorithm; empty means ecdsa-p256.
	KeyType KeyType `json:"keyType,omitempty"`
	// Profile is the CA's certificate profile (draft-ietf-acme-profiles); empty lets the CA choose.
	Profile string `json:"profile,omitempty"`
	// Issuers names configured issuers in order of preference; empty means DefaultIssuer. The next one is asked where
	// the fault is a CA's own; each renewal begins with the first.
	Issuers []string `json:"issuers,omitempty"`
	// Challenge is how control of the names is shown, http-01 or dns-01; empty means http-01.
	Challenge ChallengeType `json:"challenge,omitempty"`
	// KeyRotation is whether a renewal makes a new key; empty means Always. A key that is to be revoked as compromised
	// is never kept.
	KeyRotation KeyRotation `json:"keyRotation,omitempty"`
	// Tenant names whom the certificate is for: tenants share CAs and workers fairly. Empty means the registered
	// domain of the first name.
	Tenant string `json:"tenant,omitempty"`
	// Deliveries name configured targets, each with "@host" if it is on its own host. Their order does not matter.
	Deliveries []string `json:"deliveries,omitempty"`
	// Fleet is the declarative file that keeps the certificate, by its name for itself; empty if none does. What such a
	// file does not list any more is retired by its fleet.
	Fleet string `json:"fleet,omitempty"`
}

// WithDefaults fills what the caller left out.
func (s Spec) WithDefaults() Spec {
	if s.KeyType == "" {
		s.KeyType = KeyECDSAP256
	}
	if len(s.Issuers) == 0 {
		s.Issuers = []string{DefaultIssuer}
	}
	if s.Challenge == "" {
		s.Challenge = ChallengeHTTP01
	}
	if s.KeyRotation == "" {
		s.KeyRotation = RotateAlways
	}
	return s
}

// SameCertificate reports whether a certificate for s and one for other would be alike, but for who issues it.
func (s Spec) SameCertificate(other Spec) bool {
	a, b := s.WithDefaults(), other.WithDefaults()
	return slices.Equal(sameNames(a.Names), sameNames(b.Names)) && a.KeyType == b.KeyType && a.Profile == b.Profile
}

// Same reports whether s and other ask for the same, but for key rotation, tenant, deliveries and fleet. The order of
// names and the case of ASCII letters do not matter.
func (s Spec) Same(other Spec) bool {
	a, b := s.WithDefaults(), other.WithDefaults()
	return a.SameCertificate(b) && slices.Equal(a.Issuers, b.Issuers) && a.Challenge == b.Challenge
}

// sameNames is for comparison only: sorted, ASCII letters in lower case.
func sameNames(in []string) []string {
	out := make([]string, len(in))
	for i, name := range in {
		lower := []byte(name)
		for j, c := range lower {
			if 'A' <= c && c <= 'Z' {
				lower[j] = c + 'a' - 'A'
			}
		}
		out[i] = string(lower)
	}
	return sorted(out)
}

func sorted(in []string) []string {
	out := slices.Clone(in)
	slices.Sort(out)
	return out
}
