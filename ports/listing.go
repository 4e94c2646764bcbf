package ports

import (
	"time"

	"everleaf/domain"
)

// CertificateFilter chooses certificates for a list: those that meet all its fields. The zero value chooses all that
// are kept.
type CertificateFilter struct {
	// State is a ListedCertificate's; empty for any.
	State domain.Phase
	// Issuer is that of the certificate in service; before the first, one that its spec names.
	Issuer string
	// Tenant is the spec's, or by default the registered domain of its first name.
	Tenant string
	// ExpiringBefore chooses certificates in service that are valid until this instant at most; zero for any.
	ExpiringBefore time.Time
	// Pattern matches the certificate's name, or a DNS name of it, as a whole: "*" is any text, "?" one character.
	Pattern string
	// Released reports whether certificates that nobody keeps any more are listed, too; State Released lists them
	// alone.
	Released bool
}

// CertificatePage is a part of a list.
type CertificatePage struct {
	Certificates []ListedCertificate
	// Next is the name after which the list goes on; empty at its end.
	Next string
}

// ListedCertificate is a certificate as a list shows it. Of a row that can't be read it has what can.
type ListedCertificate struct {
	CertificateRecord
	// State is the one word for it: its phase, but Revoked for one that is revoked in service, Retiring for one that
	// somebody has retired, and Released for one that nobody keeps any more.
	State domain.Phase `json:"state"`
	// RevokedAt is when the certificate in service was revoked.
	RevokedAt *time.Time `json:"revokedAt,omitempty"`
	// Unrevoked is why a certificate of it that is to be revoked is not; nil if no revocation has failed.
	Unrevoked *domain.Failure `json:"unrevoked,omitempty"`
	// Delivered counts its targets.
	Delivered DeliveryCount `json:"delivered"`
	// Malformed says what can't be read of the stored row; empty if all can.
	Malformed string `json:"malformed,omitempty"`
}

// DeliveryCount counts the targets of a certificate.
type DeliveryCount struct {
	// Targets is how many its spec names, Current how many of them have the certificate in service.
	Targets int `json:"targets"`
	Current int `json:"current"`
	// Failing is how many targets the last delivery or removal failed at; Failure is one of them.
	Failing int              `json:"failing,omitempty"`
	Failure *domain.Delivery `json:"failure,omitempty"`
}
