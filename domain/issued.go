package domain

import "time"

// Issued describes a certificate that is stored. It holds nothing secret.
type Issued struct {
	// Version is the stored version's ID; key and chain are found by it.
	Version string `json:"version"`
	// Issuer is the configured issuer's name.
	Issuer string `json:"issuer"`
	// IssuerCN is the common name of the certificate that signed it.
	IssuerCN string `json:"issuerCN,omitempty"`
	// Names are the DNS names in it.
	Names []string `json:"names"`
	// Serial is its serial number in lower-case hexadecimal.
	Serial string `json:"serial"`
	// NotBefore is the beginning of its validity.
	NotBefore time.Time `json:"notBefore"`
	// NotAfter is the end of its validity.
	NotAfter time.Time `json:"notAfter"`
	// ARIID is the certificate's identifier for renewalInfo and replaces (RFC 9773 §4.1).
	ARIID string `json:"ariID,omitempty"`
	// AccountURL is the ACME account that obtained it: replaces is sent only under the same account.
	AccountURL string `json:"accountURL,omitempty"`
	// KeyType is that of the spec that it was issued for.
	KeyType KeyType `json:"keyType,omitempty"`
	// Profile is that of the spec that it was issued for.
	Profile string `json:"profile,omitempty"`
	// Revoked reports whether it was revoked while in service, by somebody who wanted no replacement.
	Revoked bool `json:"revoked,omitempty"`
}
