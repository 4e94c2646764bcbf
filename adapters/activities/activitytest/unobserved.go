package activitytest

import (
	"context"
	"time"

	"everleaf/domain"
	"everleaf/ports"
)

// Unobserved is an observer for the tests that are not about it.
type Unobserved struct{}

var _ ports.Observer = Unobserved{}

// OrderPlaced implements ports.Observer.
func (Unobserved) OrderPlaced(context.Context, string, bool) {}

// CertificateIssued implements ports.Observer.
func (Unobserved) CertificateIssued(context.Context, string, time.Duration) {}

// RenewalStarted implements ports.Observer.
func (Unobserved) RenewalStarted(context.Context, string, time.Duration) {}

// AttemptFailed implements ports.Observer.
func (Unobserved) AttemptFailed(context.Context, string, domain.Fault) {}

// ARIChecked implements ports.Observer.
func (Unobserved) ARIChecked(context.Context, string, ports.ARICheck) {}

// Swept implements ports.Observer.
func (Unobserved) Swept(context.Context) {}

// CertificateRevoked implements ports.Observer.
func (Unobserved) CertificateRevoked(context.Context, string, domain.RevocationReason) {}

// CertificateDelivered implements ports.Observer.
func (Unobserved) CertificateDelivered(context.Context, string) {}

// DeliveryFailed implements ports.Observer.
func (Unobserved) DeliveryFailed(context.Context, string, domain.Fault) {}

// DeliveryDrifted implements ports.Observer.
func (Unobserved) DeliveryDrifted(context.Context, string) {}
