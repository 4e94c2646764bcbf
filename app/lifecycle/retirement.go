package lifecycle

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"everleaf/domain"
	"everleaf/ports"
)

// giveUp has the workflow end once nothing is left to do for the certificate. Targets that cannot be cleared are tried
// again; the caller is told.
func (c *certificate) giveUp(ctx workflow.Context, request ports.RetireRequest) (domain.Status, error) {
	c.state.Retiring, c.woken = true, true
	c.state.Spec.Deliveries = nil
	c.clearing = request.RemoveDeliveries
	if request.RemoveDeliveries {
		c.takeBack(ctx)
		c.state.Deliver()
	} else {
		for _, d := range c.state.Deliveries {
			c.leave(d)
		}
		c.state.Deliveries = nil
	}
	for i := range c.state.Revoking { // nothing replaces them any more
		c.state.Revoking[i].WithoutReplacement, c.state.Revoking[i].After = true, time.Time{}
	}
	err := workflow.Await(ctx, func() bool {
		return c.retired || !c.state.Retiring || !c.issuing && !c.delivering && c.stuck() != nil
	})
	switch {
	case err != nil:
		return domain.Status{}, err
	case c.retired && request.RemoveDeliveries && len(c.state.Left) > 0:
		return domain.Status{}, problem(*domain.StillDelivered(c.name, c.state.Left))
	case c.retired:
		return c.status(), nil
	case !c.state.Retiring:
		return domain.Status{}, problem(*domain.NewFault(domain.FaultSpec, "NotRetired", nil,
			"certificate %q: somebody asked for it again meanwhile (Ensure), so it is kept", c.name))
	default:
		return domain.Status{}, standing(*c.stuck())
	}
}

// stuck is what keeps a certificate that was given up from its end, nil if nothing does.
func (c *certificate) stuck() *domain.Failure {
	for _, d := range c.state.Deliveries {
		if d.Failure != nil {
			return d.Failure
		}
	}
	for _, r := range c.state.Revoking {
		if r.Failure != nil {
			return r.Failure
		}
	}
	return nil
}

// givenUp is what callers hear who wait for a certificate that will not be obtained any more.
func (c *certificate) givenUp() error {
	return problem(*domain.NewFault(domain.FaultSpec, "GivenUp", nil,
		"certificate %q was given up: nothing is issued for it any more; ask for it again (Ensure) to keep it", c.name))
}

// retire is the last act of a certificate that was given up and for which nothing is left to do. kept says that somebody
// asked for something in the last moment, maybe to keep it again, and waits for what only the run's loop can do.
func (c *certificate) retire(ctx workflow.Context) (kept bool, err error) {
	released, err := local(ctx, ports.RecordReleased, ports.RecordReleasedInput{Certificate: c.name})
	if err != nil {
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		// The workflow ends all the same: it was asked to.
		workflow.GetLogger(ctx).Warn("release not recorded", "certificate", c.name, "error", err)
	}
	if len(c.state.Revoking) > 0 && outlives(ctx) {
		return true, nil // asked for meanwhile, by somebody who waits for it
	}
	if c.retired = c.state.Retiring; c.retired {
		for _, d := range released.Delivered { // also what an earlier workflow has left, which this one may never have heard of
			c.leave(d)
		}
	}
	if err := workflow.Await(ctx, func() bool { return !c.state.Retiring || workflow.AllHandlersFinished(ctx) }); err != nil {
		return false, err
	}
	if c.state.Retiring {
		return false, nil
	}
	c.retired = false
	_, err = local(ctx, ports.RecordChange, ports.RecordChangeInput{
		Certificate: c.name, Spec: c.state.Spec, Changes: []string{"kept again"}, At: workflow.Now(ctx).UTC(),
		Reissue: c.state.Reissue || c.state.Failure != nil || c.state.Issued == nil,
	})
	if err != nil {
		workflow.GetLogger(ctx).Warn("change not recorded", "certificate", c.name, "error", err)
	}
	return true, ctx.Err()
}
