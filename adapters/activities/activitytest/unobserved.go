package activitytest

import (
	"context"
	"time"

	"everleaf/domain"
	"everleaf/ports"
)

// Unobserved is an observer for tests that are not about it.
type Unobserved struct{}

var _ ports.Observer = Unobserved{}

func (Unobserved) OrderPlaced(context.Context, string, bool)                           {}
func (Unobserved) CertificateIssued(context.Context, string, time.Duration)            {}
func (Unobserved) RenewalStarted(context.Context, string, time.Duration)               {}
func (Unobserved) AttemptFailed(context.Context, string, domain.Fault)                 {}
func (Unobserved) RenewalLooked(context.Context, string, ports.Look)                   {}
func (Unobserved) Swept(context.Context)                                               {}
func (Unobserved) CertificateRevoked(context.Context, string, domain.RevocationReason) {}
func (Unobserved) CertificateDelivered(context.Context, string)                        {}
func (Unobserved) DeliveryFailed(context.Context, string, domain.Fault)                {}
func (Unobserved) DeliveryDrifted(context.Context, string)                             {}
