package ports

import (
	"context"
	"time"

	"everleaf/domain"
)

//go:generate go tool mockgen -source=certificates.go -destination=../mocks/certificates.go -package=mocks

// Certificates records what became of issuances. Faults: Wait "DatabaseUnavailable".
type Certificates interface {
	// RecordIssued stores the version, makes it the current one, marks the order issued, clears the failure and
	// removes the order's HTTP tokens, in one transaction. Issued.Version is ignored on the way in. Idempotent by
	// order: a second call returns what the first stored.
	RecordIssued(ctx context.Context, orderID string, issued domain.Issued, chainPEM []byte) (domain.Issued, error)
	// Chain returns a version's chain in PEM, leaf first.
	Chain(ctx context.Context, version string) (chainPEM []byte, err error)
	// RecordRenewal stores the plan of a version and when its CA is to be asked again. The first writer wins: the stored plan
	// is returned.
	RecordRenewal(ctx context.Context, version string, plan domain.RenewalPlan, next time.Time) (domain.RenewalPlan, error)
	// RecordChange notes what a caller changed at the instant at; spec is stored if it is not nil. Idempotent by the instant. An
	// unknown certificate is no error.
	RecordChange(ctx context.Context, certificate string, changes []string, at time.Time, spec *domain.Spec) error
	// RecordFallback notes that an issuer's failure led to the next one. Idempotent by the failure's instant.
	RecordFallback(ctx context.Context, certificate, orderID, next string, failure domain.Failure) error
	// InService returns the certificate in service with its plan and the spec that it was issued for, also if it was revoked
	// (Issued.Revoked); nil if none was ever issued.
	InService(ctx context.Context, certificate string) (*CertificateRecord, error)
	// RecordAdopted notes that the version in service is kept again, under this spec. Idempotent.
	RecordAdopted(ctx context.Context, certificate, version string, spec domain.Spec) error
	// RecordRevoked notes that a version is revoked. The first writer wins. Idempotent.
	RecordRevoked(ctx context.Context, version string, reason domain.RevocationReason, at time.Time) error
	// RecordRevoking notes that a version is to be revoked, or how that stands now; one that is revoked is left alone. An event
	// is written for the first note alone. Idempotent.
	RecordRevoking(ctx context.Context, revocation domain.Revocation) error
	// Left returns what earlier workflows of the certificate have left undone.
	Left(ctx context.Context, certificate string) (Left, error)
	// RecordReleased notes that the certificate is kept no more, until an order is opened for it again, and returns where it
	// stays delivered. Idempotent; an unknown certificate is no error.
	RecordReleased(ctx context.Context, certificate string) (delivered []domain.Delivery, err error)
	// RecordFailure stores the failure on the certificate (made if new) and removes the order's HTTP tokens, in
	// one transaction. Idempotent by the failure's instant. An empty orderID removes no tokens.
	RecordFailure(ctx context.Context, certificate string, spec domain.Spec, orderID string, failure domain.Failure) error
}

// Left is what workflows of a certificate have left undone when they ended.
type Left struct {
	// Revoking are the revocations that were asked for and not carried out yet, but for versions that have expired.
	Revoking []domain.Revocation
	// Deliveries are the targets that were not cleared.
	Deliveries []domain.Delivery
}

// CertificateRecord is a certificate as other services may read it.
type CertificateRecord struct {
	Name    string              `json:"name"`
	Phase   domain.Phase        `json:"phase"`
	Spec    domain.Spec         `json:"spec"`
	Issued  *domain.Issued      `json:"issued,omitempty"`
	Renewal *domain.RenewalPlan `json:"renewal,omitempty"`
	Failure *domain.Failure     `json:"failure,omitempty"`
	// ReleasedAt is when its workflow was ended, nil while it is kept.
	ReleasedAt *time.Time `json:"releasedAt,omitempty"`
	// UpdatedAt is when the record last changed.
	UpdatedAt time.Time `json:"updatedAt"`
}

// Census is the whole fleet in a few numbers; what was released does not count.
type Census struct {
	// Groups count certificates by phase and by the issuer of the certificate in service ("" before the first).
	Groups []CensusGroup
	// Expiring counts certificates in service by the time that is left of them: each of ExpiryBounds has the number of those
	// with at most that much left. Expired ones have nothing left.
	Expiring []int
	// NextExpiry is the earliest end of validity in service; zero without any.
	NextExpiry time.Time
	// Undelivered counts the targets that do not have what they should, since a delivery there, or a removal, failed last.
	Undelivered int
}

// CensusGroup is one count.
type CensusGroup struct {
	Phase  domain.Phase
	Issuer string
	Count  int
}

// ExpiryBounds are the times left that Census counts by.
var ExpiryBounds = []time.Duration{0, 24 * time.Hour, 3 * 24 * time.Hour, 7 * 24 * time.Hour, 14 * 24 * time.Hour, 30 * 24 * time.Hour}

// KeyPair is the certificate in service, or the version that was asked for, with its sealed key.
type KeyPair struct {
	Record    CertificateRecord
	ChainPEM  []byte
	SealedKey []byte
	// Replaced says that another version is in service.
	Replaced bool
}

// Catalog reads certificates. Faults: Wait "DatabaseUnavailable", Spec "UnknownCertificate".
type Catalog interface {
	// List returns up to limit records in order of name, after the name given ("" for the first page).
	List(ctx context.Context, after string, limit int) ([]CertificateRecord, error)
	// Census counts the certificates as they are at now, for metrics.
	Census(ctx context.Context, now time.Time) (Census, error)
	// Current returns the certificate in service and its sealed key. A certificate that was never issued is a Wait
	// fault "NotIssuedYet".
	Current(ctx context.Context, name string) (KeyPair, error)
}
