package issuing

import (
	"context"
	"time"

	"everleaf/domain"
	"everleaf/ports"
)

// unobserved is an observer for the tests that are not about it.
type unobserved struct{}

var _ ports.Observer = unobserved{}

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
