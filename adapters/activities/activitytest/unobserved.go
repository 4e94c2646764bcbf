package activitytest

import (
	"context"
	"time"

	"everleaf/domain"
	"everleaf/ports"
)

// Unobserved is an observer for tests that are not about it.
type Unobserved = unobserved

type unobserved struct{}

var _ ports.Observer = Unobserved{}

func (unobserved) OrderPlaced(context.Context, string, bool)                           {}
func (unobserved) CertificateIssued(context.Context, string, time.Duration)            {}
func (unobserved) RenewalStarted(context.Context, string, time.Duration)               {}
func (unobserved) AttemptFailed(context.Context, string, domain.Fault)                 {}
func (unobserved) RenewalLooked(context.Context, string, ports.Look)                   {}
func (unobserved) Swept(context.Context)                                               {}
func (unobserved) CertificateRevoked(context.Context, string, domain.RevocationReason) {}
func (unobserved) CertificateDelivered(context.Context, string)                        {}
func (unobserved) DeliveryFailed(context.Context, string, domain.Fault)                {}
func (unobserved) DeliveryDrifted(context.Context, string)                             {}
