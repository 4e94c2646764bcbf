package ports

import (
	"context"
	"time"

	"everleaf/domain"
)

//go:generate go tool mockgen -source=certificates.go -destination=../mocks/certificates.go -package=mocks

// Certificates records what is asked for and what came of it. A version is looked up together with its certificate: one
// that is not the certificate's is an Operator fault "UnknownVersion". A certificate that is not stored has the zero
// record, and is no error. A record comes without ReadBy. Faults: Wait "DatabaseUnavailable".
type Certificates interface {
	// Record reads what is stored of a certificate, in one statement.
	Record(ctx context.Context, certificate string) (domain.Record, error)
	// RecordRequest stores a request that is not older than the last one, with an event. Idempotent by the request's
	// ID: a repeat is as old as the first call.
	RecordRequest(ctx context.Context, certificate string, request StoredRequest) (RecordedRequest, error)
	// RecordIssued stores the version, makes it the current one, marks the order issued, clears the failures of the
	// certificate and its deliveries and removes the order's HTTP tokens, in one transaction. What is to be revoked
	// waits for the new version's deliveries from then on; the new version is to be revoked as well if its key is
	// called compromised. Issued.Version is ignored on the way in. Idempotent by order: a second call returns what the
	// first stored. An order that was abandoned meanwhile is a Wait fault "OrderAbandoned", for good.
	RecordIssued(ctx context.Context, certificate, orderID string, issued domain.Issued,
		chainPEM []byte) (domain.Issued,
		error)
	// RecordRenewal stores the plan of a version and when its CA is to be asked again; the first writer wins. It
	// returns the record after it.
	RecordRenewal(ctx context.Context, certificate, version string, plan domain.RenewalPlan,
		next time.Time) (domain.Record, error)
	// RecordFailure stores the failure of an attempt on the certificate (made if new, under spec) and removes the HTTP
	// tokens of its orders in flight, in one transaction. Idempotent by the failure's instant: one that is older than
	// the failure that is stored, or than the version in service, is an event alone.
	RecordFailure(ctx context.Context, certificate string, spec domain.Spec, failure domain.Failure) error
	// RecordFallback notes that an issuer's failure led to the next one, and removes HTTP tokens as RecordFailure does.
	// Idempotent by the failure's instant.
	RecordFallback(ctx context.Context, certificate, next string, failure domain.Failure) error
	// Chain returns a version's chain in PEM, leaf first.
	Chain(ctx context.Context, certificate, version string) (chainPEM []byte, err error)
	// SealedPair returns a version's chain and key.
	SealedPair(ctx context.Context, certificate, version string) (SealedPair, error)
	// RecordRevoked notes that a version is revoked; the first writer wins. It returns the record after it. Idempotent.
	RecordRevoked(ctx context.Context, certificate, version string, reason domain.RevocationReason,
		at time.Time) (domain.Record, error)
	// RecordUnrevoked stores why a version is not revoked yet. One that is not to be revoked any more, or that has a
	// later failure, is left alone. Idempotent.
	RecordUnrevoked(ctx context.Context, certificate, version string, failure domain.Failure) error
	// RecordReleased notes that the certificate's workflow ended at an instant and removes the HTTP tokens of its
	// orders in flight; it returns the record after it. One that was asked for after the instant belongs to another
	// workflow, and nothing changes; nor does it where the workflow was not cancelled and no Retire is stored that is
	// later than all Ensures. Idempotent.
	RecordReleased(ctx context.Context, certificate string, at time.Time, cancelled bool) (domain.Record, error)
}

// StoredRequest is what RecordRequest stores of a request.
type StoredRequest struct {
	domain.Request
	// Changes say what a Start or Ensure changes, in words. It has an event if there are any, if the certificate is
	// new, or if it was released.
	Changes []string
	// Fulfilled reports whether the certificate in service serves the spec: then the spec is stored and the failure
	// cleared. Otherwise the spec is stored with its certificate.
	Fulfilled bool
	// Version is what a Revoke is about.
	Version string
}

// RecordedRequest is what RecordRequest found.
type RecordedRequest struct {
	// Record is the record after it.
	Record domain.Record
	// Version is what a Renew or Revoke is about: the first call stores it, and a repeat returns that one, whatever is
	// in service by then; empty if there was none.
	Version string
	// Generation is the stored spec's after a Start, Ensure or Retire; 0 without one.
	Generation int64
	// Superseded reports whether a Start, Ensure or Retire changed nothing, since a later one of them is stored, and
	// Conflict whether it did since its ExpectedGeneration is not the stored one. Stored is the spec in force then,
	// nil if there is none.
	Superseded, Conflict bool
	Stored               *domain.Spec
}

// CertificateRecord is a certificate as other services may read it.
type CertificateRecord struct {
	Name  string       `json:"name"`
	Phase domain.Phase `json:"phase"`
	// Spec is what the certificate in service was issued for, and what was asked for before the first.
	Spec domain.Spec `json:"spec"`
	// Asked is what was asked for last, nil if nothing was, and Generation how often that has changed, the first time
	// among them.
	Asked      *domain.Spec        `json:"asked,omitempty"`
	Generation int64               `json:"generation,omitempty"`
	Issued     *domain.Issued      `json:"issued,omitempty"`
	Renewal    *domain.RenewalPlan `json:"renewal,omitempty"`
	Failure    *domain.Failure     `json:"failure,omitempty"`
	// Retirement is how far it is retired; empty while it is kept in service.
	Retirement domain.Retirement `json:"retirement,omitempty"`
	// ReleasedAt is when its workflow was ended, nil while it is kept.
	ReleasedAt *time.Time `json:"releasedAt,omitempty"`
	// UpdatedAt is when the record last changed.
	UpdatedAt time.Time `json:"updatedAt"`
}

// FleetStats is the whole fleet in a few numbers; what was released does not count.
type FleetStats struct {
	// Groups count certificates by the state of a list and by the issuer of the certificate in service ("" before the first).
	Groups []FleetGroup
	// Expiring counts certificates in service, but those that somebody has retired, by the time that is left of them:
	// each of ExpiryBounds has the number of those with at most that much left. Expired ones have nothing left.
	Expiring []int
	// NextExpiry is the earliest end of validity among them; zero without any.
	NextExpiry time.Time
	// Undelivered counts the targets that do not have what they should, since a delivery there, or a removal, failed
	// last.
	Undelivered int
	// RetirementsFailing counts the certificates in a retirement that is held up: by a target that cannot be cleared,
	// or a revocation that failed last.
	RetirementsFailing int
}

// FleetGroup is one count.
type FleetGroup struct {
	State  domain.Phase
	Issuer string
	Count  int
}

// ExpiryBounds are the times left that FleetStats counts by.
var ExpiryBounds = []time.Duration{0, 24 * time.Hour, 3 * 24 * time.Hour, 7 * 24 * time.Hour, 14 * 24 * time.Hour,
	30 * 24 * time.Hour}

// KeyPair is the certificate in service, or the version that was asked for, with its sealed key.
type KeyPair struct {
	SealedPair
	Record CertificateRecord
	// Replaced reports whether another version is in service.
	Replaced bool
}

// Catalog reads certificates. Faults: Wait "DatabaseUnavailable", Spec "UnknownCertificate".
type Catalog interface {
	// List looks at up to limit certificates in order of name, after the name given ("" for the first page), and
	// returns those that match. Their statements read an index, and each is bounded by limit: a state other than Ready
	// is looked up, whatever else a filter asks for is compared with each certificate in turn.
	List(ctx context.Context, filter CertificateFilter, after string, limit int) (CertificatePage, error)
	// OfFleet returns the certificates that were asked for last with this fleet, in order of name; none that was
	// released.
	OfFleet(ctx context.Context, fleet string) ([]CertificateRecord, error)
	// FleetStats counts the certificates as they are at now, for metrics.
	FleetStats(ctx context.Context, now time.Time) (FleetStats, error)
	// Current returns the certificate in service and its sealed key. A certificate that was never issued is a Wait
	// fault "NotIssuedYet".
	Current(ctx context.Context, name string) (KeyPair, error)
}
