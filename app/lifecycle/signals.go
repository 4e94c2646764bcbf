package lifecycle

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"everleaf/ports"
)

// worthTelling is how far away a moved renewal must be for visibility to be told of it: a nearer one is told when it is
// done.
const worthTelling = time.Hour

// signalled says that the fleet's sweep has told something that was not heard yet.
func signalled(ctx workflow.Context) bool {
	return workflow.GetSignalChannel(ctx, ports.AdvisedSignalName).Len() > 0 ||
		workflow.GetSignalChannel(ctx, ports.DriftedSignalName).Len() > 0
}

// hear takes what the sweep has told. It has no coroutine of its own: a run that ends must have heard all, since what it
// did not take is lost.
func (c *certificate) hear(ctx workflow.Context) {
	for {
		var signal ports.AdvisedSignal
		if !workflow.GetSignalChannel(ctx, ports.AdvisedSignalName).ReceiveAsync(&signal) {
			break
		}
		c.advised(ctx, signal)
	}
	for {
		var signal ports.DriftedSignal
		if !workflow.GetSignalChannel(ctx, ports.DriftedSignalName).ReceiveAsync(&signal) {
			break
		}
		c.drifted(signal)
	}
}

// advised takes a new plan for the certificate in service. One for another version comes too late.
func (c *certificate) advised(ctx workflow.Context, signal ports.AdvisedSignal) {
	if c.state.Issued == nil || c.state.Issued.Version != signal.Version || c.state.Renewal == nil {
		return
	}
	moved := !c.state.Renewal.At.Equal(signal.Plan.At)
	plan := signal.Plan
	c.state.Renewal = &plan
	c.describe(ctx)
	if !moved {
		return
	}
	workflow.GetLogger(ctx).Info("renewal moved", "certificate", c.name, "renewal", plan.At, "reason", plan.Reason, "message", plan.Message)
	if c.state.Failure == nil && plan.At.Sub(workflow.Now(ctx)) > worthTelling {
		c.publish(ctx, false)
	}
}

// drifted has delivered again what a target lost.
func (c *certificate) drifted(signal ports.DriftedSignal) {
	for _, target := range signal.Targets {
		if d := c.delivery(target); d != nil && d.Version == signal.Version {
			d.Version = ""
		}
	}
}
