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
	spec  domain.Spec
	key   string
	order domain.Order
	// outdated says that the certificate at hand is for an earlier spec: another issuance must follow.
	outdated bool
}

func (i *issuance) run(ctx workflow.Context) error {
	if err := i.place(ctx); err != nil {
		return err
	}
	if err := i.authorize(ctx); err != nil {
		return err
	}
	if err := i.finalize(ctx); err != nil {
		return err
	}
	i.plan(ctx)
	return nil
}

func (i *issuance) place(ctx workflow.Context) error {
	i.step = ports.PlaceOrder.Name
	placed, err := local(ctx, ports.PlaceOrder, ports.PlaceOrderInput{
		Certificate: i.name, Key: i.key, Spec: i.spec, Issuer: i.spec.Issuers[0], Predecessor: i.state.Issued,
	})
	i.order, i.outdated = placed.Order, placed.Outdated
	return err
}

// authorize shows control of the names, unless the CA asks for nothing (RFC 8555 §7.1.3).
func (i *issuance) authorize(ctx workflow.Context) error {
	if i.order.Status != domain.OrderPending {
		return nil
	}
	i.step = ports.AuthorizeOrder.Name
	_, err := remote(ctx, ports.AuthorizeOrder, ports.AuthorizeOrderInput{
		Certificate: i.name, Order: i.order, Challenge: i.spec.Challenge,
	})
	if err == nil {
		i.order.Status = domain.OrderReady
	}
	return err
}

func (i *issuance) finalize(ctx workflow.Context) error {
	i.step = ports.FinalizeOrder.Name
	started := workflow.Now(ctx)
	for {
		out, err := local(ctx, ports.FinalizeOrder, ports.FinalizeOrderInput{Certificate: i.name, Order: i.order})
		if err != nil {
			return err
		}
		if out.Issued != nil {
			i.state.Issued = out.Issued
			return nil
		}
		if workflow.Now(ctx).Sub(started) > processingPatience {
			return domain.NewFault(domain.FaultCA, domain.ReasonOrderStuck, nil,
				"order %s is still processing after %s", i.order.URL, processingPatience)
		}
		pause := out.RetryAfter
		if pause <= 0 {
			pause = processingPause
		}
		if err := workflow.Sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// plan never fails: a certificate that is stored is in service, and without the CA's advice the rules of the house
// hold.
func (i *issuance) plan(ctx workflow.Context) {
	i.step = ports.PlanRenewal.Name
	out, err := local(ctx, ports.PlanRenewal, ports.PlanRenewalInput{Certificate: i.name, Issued: *i.state.Issued})
	if err != nil {
		workflow.GetLogger(ctx).Warn("renewal planned without the CA", "certificate", i.name, "error", err)
		now := workflow.Now(ctx)
		out.Plan = domain.PlanRenewal(now, *i.state.Issued, nil, 0).WithCooldown(now, *i.state.Issued)
	}
	i.state.Renewal = &out.Plan
}
