package ports

import (
	"context"
	"encoding/json"
	"time"

	"everleaf/domain"
)

//go:generate go tool mockgen -source=timeline.go -destination=../mocks/timeline.go -package=mocks

// Audit writes down who took a private key out. Faults: Wait "DatabaseUnavailable".
type Audit interface {
	// RecordExport MUST be called, and MUST have succeeded, before the key is opened. It is called again, with Failed,
	// if the key does not open.
	RecordExport(ctx context.Context, export KeyExport) error
}

// KeyExport is one export of a private key.
type KeyExport struct {
	Certificate string `json:"-"`
	Version     string `json:"version"`
	Serial      string `json:"serial"`
	// By is who asks, as user@host.
	By string `json:"by"`
	// Through is the way that the key takes.
	Through string `json:"through"`
	// Reason is why, in the caller's words.
	Reason string `json:"reason,omitempty"`
	// Failed is why the key was not opened after all; nil when it is about to be opened.
	Failed *domain.Fault `json:"fault,omitempty"`
}

// Event is one line of the audit. Detail depends on Type; types and fields are only added.
type Event struct {
	ID     int64           `json:"id"`
	At     time.Time       `json:"at"`
	Type   string          `json:"type"`
	Detail json.RawMessage `json:"detail"`
}

// Timeline is what Postgres knows of one certificate.
type Timeline struct {
	CertificateRecord
	// Wanted is what the last order was placed for, where that is not what is in service.
	Wanted *domain.Spec `json:"wanted,omitempty"`
	// Order is the order at work, nil without one.
	Order *OrderAtWork `json:"order,omitempty"`
	// RevokedAt is when the certificate in service was revoked.
	RevokedAt *time.Time `json:"revokedAt,omitempty"`
	// Revoking are the revocations that were asked for and not carried out yet.
	Revoking []domain.Revocation `json:"revoking,omitempty"`
	// NextCheck is when its CA is asked again when to renew it; CheckFailure is why the last question had no answer.
	NextCheck    *time.Time `json:"nextCheck,omitempty"`
	CheckFailure string     `json:"checkFailure,omitempty"`
	// Deliveries are the targets that it may be at, and those that it has not got to.
	Deliveries []domain.Delivery `json:"deliveries,omitempty"`
	// Events are the newest, newest first.
	Events []Event `json:"events"`
	// Earlier reports whether there are older ones.
	Earlier bool `json:"earlier,omitempty"`
}

// OrderAtWork is an order that was made and is not finished.
type OrderAtWork struct {
	Issuer string `json:"issuer"`
	// URL is the CA's; empty before the CA has it.
	URL string `json:"url,omitempty"`
	// Since is when it was made.
	Since time.Time `json:"since"`
}

// Timelines reads them. Faults: Spec "UnknownCertificate", Wait "DatabaseUnavailable".
type Timelines interface {
	// Timeline has at most that many events.
	Timeline(ctx context.Context, certificate string, events int) (Timeline, error)
}
