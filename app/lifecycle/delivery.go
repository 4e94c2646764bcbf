package lifecycle

import (
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"everleaf/domain"
	"everleaf/ports"
)

// deliveryStep is bounded to minutes: a target that hangs must not keep the certificate from its renewal. What is not
// done then is tried again on the target's own ladder.
var deliveryStep = workflow.ActivityOptions{
	StartToCloseTimeout:    90 * time.Second,
	ScheduleToCloseTimeout: 3 * time.Minute,
	HeartbeatTimeout:       longStep.HeartbeatTimeout,
	WaitForCancellation:    true,
	RetryPolicy:            longStep.RetryPolicy,
}

// deliver brings every target that is due up to date, side by side, and notes what failed: a target that fails is nobody
// else's affair. It returns an error only if cancelled.
func (c *certificate) deliver(ctx workflow.Context) error {
	var due []string
	for _, d := range c.state.Deliveries {
		if at, ok := d.Due(c.state.Issued); ok && !at.After(workflow.Now(ctx)) {
			due = append(due, d.Target)
		}
	}
	if len(due) == 0 {
		return nil
	}
	c.delivering = true
	defer func() {
		c.delivering = false
		c.describe(ctx)
	}()
	c.describe(ctx)
	wait := workflow.NewWaitGroup(ctx)
	for _, target := range due {
		wait.Add(1)
		workflow.Go(ctx, func(ctx workflow.Context) {
			defer wait.Done()
			c.deliverTo(ctx, target)
		})
	}
	wait.Wait(ctx)
	if c.state.Delivered() {
		for i := range c.state.Revoking {
			c.state.Revoking[i].After = time.Time{}
		}
	}
	return ctx.Err()
}

// deliverTo brings one target up to date. What callers change meanwhile counts: the next look finds it due again.
func (c *certificate) deliverTo(ctx workflow.Context, target string) {
	d := c.delivery(target)
	if d == nil {
		return // given up before this could begin
	}
	removing := d.Removing
	var version string
	var err error
	if removing {
		_, err = call(ctx, c.deliveryOptions(ctx, target, ports.RemoveDelivery.Summary), ports.RemoveDelivery,
			ports.RemoveDeliveryInput{Certificate: c.name, Target: target})
	} else {
		version = c.state.Issued.Version
		_, err = call(ctx, c.deliveryOptions(ctx, target, ports.DeliverCertificate.Summary), ports.DeliverCertificate,
			ports.DeliverCertificateInput{Certificate: c.name, Target: target, Issued: *c.state.Issued})
	}
	d = c.delivery(target)
	switch {
	case ctx.Err() != nil || d == nil || d.Removing != removing:
	case err == nil && removing:
		c.state.Deliveries = slices.DeleteFunc(c.state.Deliveries, func(d domain.Delivery) bool { return d.Target == target })
	case err == nil:
		d.Version, d.At, d.Failure = version, workflow.Now(ctx).UTC(), nil
	default:
		c.undelivered(ctx, target, version, err)
	}
}

// takeOver has the targets cleared which an earlier workflow of this certificate has left it at, and which nobody asks for
// now. They are in no state of before, so no gate guards it: a recorded step that knew nothing of them has none.
func (c *certificate) takeOver(left []domain.Delivery) {
	for _, d := range left {
		switch {
		case c.delivery(d.Target) != nil || slices.Contains(c.state.Spec.Deliveries, d.Target):
		case c.state.Retiring && !c.clearing:
			c.leave(d)
		default:
			c.state.Deliveries = append(c.state.Deliveries, domain.Delivery{Target: d.Target, Version: d.Version, At: d.At, Removing: true})
		}
	}
}

// leave notes a target that keeps the certificate although it is given up.
func (c *certificate) leave(d domain.Delivery) {
	left := func(l domain.Delivery) bool { return l.Target == d.Target }
	if d.Version != "" && !slices.ContainsFunc(c.state.Left, left) {
		c.state.Left = append(c.state.Left, d)
	}
}

// takeBack has the targets cleared at which the certificate was to be left when it was given up: somebody wants it cleared
// there after all, or wants it kept. A spec that names them is still to be matched with them (domain.Certificate.Deliver).
func (c *certificate) takeBack(ctx workflow.Context) {
	if len(c.state.Left) > 0 && takesBack(ctx) {
		c.state.Deliveries = append(c.state.Deliveries, c.state.Left...)
		c.state.Deliver()
	}
	c.state.Left = nil
}

// undelivered notes a failed delivery and when it is tried again.
func (c *certificate) undelivered(ctx workflow.Context, target, version string, err error) {
	previous, step := c.delivery(target).Failure, ports.DeliverCertificate.Name
	if version == "" {
		step = ports.RemoveDelivery.Name
	}
	failure := domain.NextFailure(workflow.Now(ctx), previous, faultOf(err), step, c.state.Issued)
	out, err := local(ctx, ports.RecordUndelivered, ports.RecordUndeliveredInput{
		Certificate: c.name, Target: target, Version: version, Failure: failure, Previous: previous, Issued: c.state.Issued,
	})
	if err != nil {
		workflow.GetLogger(ctx).Warn("failed delivery not recorded", "certificate", c.name, "target", target, "error", err)
	}
	if out.Failure != nil {
		failure = *out.Failure
	}
	if d := c.delivery(target); d != nil {
		d.Failure = &failure
	}
	workflow.GetLogger(ctx).Warn("delivery failed", "certificate", c.name, "target", target, "reason", failure.Fault.Reason,
		"message", failure.Fault.Message, "attempts", failure.Attempts, "retry", failure.RetryAt)
}

func (c *certificate) deliveryOptions(ctx workflow.Context, target, summary string) workflow.ActivityOptions {
	options := deliveryStep
	_, host := domain.TargetHost(target)
	options.TaskQueue = ports.DeliveryTaskQueue(workflow.GetInfo(ctx).TaskQueueName, host)
	options.Summary = summary + " " + target
	return options
}

// delivery is how the certificate stands at a target, nil if it is none of its own any more.
func (c *certificate) delivery(target string) *domain.Delivery {
	i := slices.IndexFunc(c.state.Deliveries, func(d domain.Delivery) bool { return d.Target == target })
	if i < 0 {
		return nil
	}
	return &c.state.Deliveries[i]
}

// awaitDelivery has the revocations of what was replaced just now wait for the targets, within bounds.
func (c *certificate) awaitDelivery(ctx workflow.Context) {
	for i := range c.state.Revoking {
		r := &c.state.Revoking[i]
		if len(c.state.Spec.Deliveries) > 0 && r.Issued.Version != c.state.Issued.Version && r.After.IsZero() && r.Failure == nil {
			r.After = workflow.Now(ctx).UTC().Add(r.Reason.Patience())
			if r.Issued.NotAfter.Before(r.After) {
				r.After = r.Issued.NotAfter
			}
		}
	}
}
