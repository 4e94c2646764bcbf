package ports

import (
	"context"
	"time"

	"everleaf/domain"
)

//go:generate go tool mockgen -source=observer.go -destination=../mocks/observer.go -package=mocks

// Observer counts what the steps did, for metrics. A step that is repeated may count twice: the counts are for people
// and not exact. Methods MUST NOT block and MUST NOT fail.
type Observer interface {
	// OrderPlaced: an order was placed at the CA; resumed, if an earlier try had placed it.
	OrderPlaced(ctx context.Context, issuer string, resumed bool)
	// CertificateIssued: a certificate is stored, took after its order was opened.
	CertificateIssued(ctx context.Context, issuer string, took time.Duration)
	// RenewalStarted: a planned renewal began, lag after the planned instant.
	RenewalStarted(ctx context.Context, issuer string, lag time.Duration)
	// AttemptFailed: an attempt failed, and the failure was recorded.
	AttemptFailed(ctx context.Context, issuer string, fault domain.Fault)
	// ARIChecked: a sweep asked when to renew a certificate.
	ARIChecked(ctx context.Context, issuer string, check ARICheck)
	// Swept: all certificates that were due to be asked about have been, or their CA is left alone for now.
	Swept(ctx context.Context)
	// CertificateRevoked: a certificate was revoked.
	CertificateRevoked(ctx context.Context, issuer string, reason domain.RevocationReason)
	// CertificateDelivered: a target has confirmed a version.
	CertificateDelivered(ctx context.Context, target string)
	// DeliveryFailed: a delivery failed, and the failure was recorded.
	DeliveryFailed(ctx context.Context, target string, fault domain.Fault)
	// DeliveryDrifted: a target has no longer what was delivered; it is delivered again.
	DeliveryDrifted(ctx context.Context, target string)
}

// ARICheck is what came of asking a CA when to renew (RFC 9773).
type ARICheck string

const (
	// ARICheckAnswered: the plan stays as it is.
	ARICheckAnswered ARICheck = "answered"
	// ARICheckMoved: the plan's instant moved, and the certificate's workflow is notified.
	ARICheckMoved ARICheck = "moved"
	// ARICheckFailed: the CA gave no window that can be used.
	ARICheckFailed ARICheck = "failed"
)
