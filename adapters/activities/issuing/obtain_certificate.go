package issuing

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/sdk/activity"

	"everleaf/domain"
	"everleaf/ports"
)

// ObtainCertificate takes a placed order to a stored certificate with a renewal plan. Each part finds what an earlier
// try has done, so a repeat goes on where that one ended.
func (a *Activities) ObtainCertificate(ctx context.Context, in ports.ObtainCertificateInput) (out ports.ObtainCertificateOutput, err error) {
	ctx, stop := a.heartbeat(ctx)
	defer stop()
	if in.Order.Status == domain.OrderPending {
		if _, err := a.authorize(ctx, ports.AuthorizeOrderInput(in)); err != nil {
			return out, failedIn(ports.AuthorizeOrder.Name, a.expired(ctx, in.Order, err))
		}
		in.Order.Status = domain.OrderReady
	}
	finalized, err := a.FinalizeOrder(ctx, ports.FinalizeOrderInput{Certificate: in.Certificate, Order: in.Order})
	if err != nil {
		return out, failedIn(ports.FinalizeOrder.Name, a.expired(ctx, in.Order, err))
	}
	out.Issued, out.RetryAfter = finalized.Issued, finalized.RetryAfter
	if out.Issued == nil {
		return out, nil
	}
	planned, err := a.PlanRenewal(ctx, ports.PlanRenewalInput{Certificate: in.Certificate, Issued: *out.Issued})
	if err != nil {
		// What is stored is in service: the workflow plans without us.
		activity.GetLogger(ctx).Warn("renewal not planned yet", "certificate", in.Certificate, "error", err)
		return out, nil
	}
	out.Plan = &planned.Plan
	return out, nil
}

// expired gives up an order that ran out while it was parked, so that the next one is placed at once: that is no failure
// of anyone's. Any other error is handed on.
func (a *Activities) expired(ctx context.Context, order domain.Order, err error) error {
	fault := domain.AsFault(err)
	switch fault.Reason {
	case "AuthorizationExpired", "OrderAbandoned", domain.ReasonOrderExpired:
	default:
		return err
	}
	if err := a.Orders.AbandonOrder(ctx, order.ID, fault.Error()); err != nil {
		return fmt.Errorf("abandon order: %w", err)
	}
	return domain.NewFault(domain.FaultWait, domain.ReasonOrderExpired, nil, "%s", fault.Error()).ForGood()
}

// failedIn notes in a copy of the fault which step it was: certificates that wait for the CA together share its faults.
func failedIn(step string, err error) error {
	if fault := (*domain.Fault)(nil); errors.As(err, &fault) && fault.Step == "" {
		named := *fault
		named.Step = step
		return &named
	}
	return err
}
