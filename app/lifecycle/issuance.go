package lifecycle

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"everleaf/domain"
	"everleaf/ports"
)

const (
	// processingPause is the pause between looks at an order in processing when the CA names none.
	processingPause = 5 * time.Second
	// processingPatience is how long an order may be processing before the attempt counts as failed.
	processingPatience = time.Hour
)

// issuance obtains one certificate: the steps in order.
type issuance struct {
	*certificate
	spec   domain.Spec
	issuer string
	key    string
	order  domain.Order
	// planned is the instant for which this renewal was planned, zero if somebody asked for it.
	planned time.Time
	// outdated says that the certificate at hand is for an earlier spec: another issuance must follow.
	outdated bool
	// fresh says that the order's key had to be a new one, or could only be one.
	fresh bool
	// adopted says that a certificate in service was found in place of an order.
	adopted bool
}

// startOvers bounds how often an order that ran out is followed by another one within an attempt.
const startOvers = 2

// run takes an order from its placement to a certificate. One that ran out while it was parked is no failure.
func (i *issuance) run(ctx workflow.Context) error {
	for again := 0; ; again++ {
		err := i.once(ctx)
		if err == nil || again == startOvers || ctx.Err() != nil || faultOf(err).Reason != domain.ReasonOrderExpired {
			return err
		}
		workflow.GetLogger(ctx).Info("order ran out; starting over", "certificate", i.name, "order", i.order.URL)
	}
}

func (i *issuance) once(ctx workflow.Context) error {
	oneStep := oneStep(ctx)
	if err := i.place(ctx); err != nil || i.adopted {
		return err
	}
	if oneStep {
		return i.obtain(ctx)
	}
	if err := i.authorize(ctx); err != nil {
		return err
	}
	if err := i.finalize(ctx, workflow.Now(ctx)); err != nil {
		return err
	}
	i.plan(ctx)
	return nil
}

func (i *issuance) place(ctx workflow.Context) error {
	i.at(ctx, ports.PlaceOrder.Name)
	i.fresh = i.freshKey()
	placed, err := local(ctx, ports.PlaceOrder, ports.PlaceOrderInput{
		Certificate: i.name, Key: i.key, Spec: i.spec, Issuer: i.issuer, Predecessor: i.state.Issued,
		Planned: i.planned, FreshKey: i.fresh, Adopt: i.state.Issued == nil && i.state.Cycle == 0,
	})
	i.fresh = i.fresh || i.state.Issued == nil && !placed.Resumed
	i.takeUp(placed.Revoking)
	i.takeOver(placed.Delivered)
	if err == nil && placed.Adopted != nil {
		i.state.Issued, i.state.Renewal, i.adopted = placed.Adopted, placed.Plan, true
		if placed.Plan == nil {
			i.plan(ctx)
		}
	}
	i.order, i.outdated = placed.Order, placed.Outdated
	return err
}

// obtain takes the order to a certificate in one activity. Only an order that stays in processing for long comes back,
// to be waited for on a timer that no worker has to hold.
func (i *issuance) obtain(ctx workflow.Context) error {
	i.at(ctx, ports.ObtainCertificate.Name)
	forced := i.forced
	i.forced = false
	out, err := remote(ctx, ports.ObtainCertificate, ports.ObtainCertificateInput{
		Certificate: i.name, Order: i.order, Challenge: i.spec.Challenge, Forced: forced,
	})
	if err != nil {
		return err
	}
	if out.Issued == nil {
		i.at(ctx, ports.FinalizeOrder.Name)
		since := workflow.Now(ctx)
		if err := workflow.Sleep(ctx, pause(out.RetryAfter)); err != nil {
			return err
		}
		i.order.Status = domain.OrderProcessing
		if err := i.finalize(ctx, since); err != nil {
			return err
		}
		i.plan(ctx)
		return nil
	}
	i.state.Issued, i.state.Renewal = out.Issued, out.Plan
	if out.Plan == nil {
		i.plan(ctx)
	}
	return nil
}

// pause is what the CA asked for, or ours.
func pause(asked time.Duration) time.Duration {
	if asked <= 0 {
		return processingPause
	}
	return asked
}

// at notes where the attempt is, for those who ask.
func (i *issuance) at(ctx workflow.Context, step string) {
	i.step = step
	i.describe(ctx)
}

// authorize shows control of the names, unless the CA asks for nothing (RFC 8555 §7.1.3).
func (i *issuance) authorize(ctx workflow.Context) error {
	if i.order.Status != domain.OrderPending {
		return nil
	}
	i.at(ctx, ports.AuthorizeOrder.Name)
	_, err := remoteOn(ctx, "", ports.AuthorizeOrder, ports.AuthorizeOrderInput{
		Certificate: i.name, Order: i.order, Challenge: i.spec.Challenge,
	})
	if err == nil {
		i.order.Status = domain.OrderReady
	}
	return err
}

// finalize asks until the order, which is processing since then, is done.
func (i *issuance) finalize(ctx workflow.Context, since time.Time) error {
	i.at(ctx, ports.FinalizeOrder.Name)
	for {
		out, err := local(ctx, ports.FinalizeOrder, ports.FinalizeOrderInput{Certificate: i.name, Order: i.order})
		if err != nil {
			return err
		}
		if out.Issued != nil {
			i.state.Issued = out.Issued
			return nil
		}
		if workflow.Now(ctx).Sub(since) > processingPatience {
			return domain.NewFault(domain.FaultCA, "OrderStuck", nil,
				"order %s is still processing after %s", i.order.URL, processingPatience)
		}
		if err := workflow.Sleep(ctx, pause(out.RetryAfter)); err != nil {
			return err
		}
	}
}

// plan never fails: a certificate that is stored is in service, and without the CA's advice the rules of the house
// hold.
func (i *issuance) plan(ctx workflow.Context) {
	i.at(ctx, ports.PlanRenewal.Name)
	out, err := local(ctx, ports.PlanRenewal, ports.PlanRenewalInput{Certificate: i.name, Issued: *i.state.Issued})
	if err != nil {
		workflow.GetLogger(ctx).Warn("renewal planned without the CA", "certificate", i.name, "error", err)
		now := workflow.Now(ctx)
		out.Plan = domain.PlanRenewal(now, *i.state.Issued, nil, 0).Breathing(now, *i.state.Issued)
	}
	i.state.Renewal = &out.Plan
}
