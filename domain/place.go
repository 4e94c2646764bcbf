package domain

// SecretKind says what a sealed secret is. The strings are in what is sealed.
type SecretKind string

// The kinds of secrets that are sealed.
const (
	SecretCertificateKey SecretKind = "certificate key"
	SecretAccountKey     SecretKind = "account key"
	// SecretCheck is a known text, by which a wrong sealing key is found.
	SecretCheck SecretKind = "sealing check"
)

// Place is where a secret belongs. It is sealed for this place, and opens nowhere else.
type Place struct {
	Kind SecretKind
	// Owner is whose it is; empty where there is one of the kind.
	Owner string
}

// CertificateKeyPlace is the place of a certificate's key. Versions that share a key share its ID.
func CertificateKeyPlace(certificate, keyID string) Place {
	return Place{Kind: SecretCertificateKey, Owner: certificate + " " + keyID}
}

// AccountKeyPlace is the place of an ACME account's keys: of the present one, and of the one that it changes to.
func AccountKeyPlace(issuer, directory string) Place {
	return Place{Kind: SecretAccountKey, Owner: issuer + " " + directory}
}

// String names the place to people.
func (p Place) String() string {
	if p.Owner == "" {
		return string(p.Kind)
	}
	return string(p.Kind) + " of " + p.Owner
}
