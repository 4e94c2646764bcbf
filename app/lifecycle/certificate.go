package lifecycle

import (
	"fmt"
	"slices"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"everleaf/domain"
	"everleaf/ports"
)

// certificate is one run of the workflow.
type certificate struct {
	name string
	// chain names this certificate's chain of runs; with the cycle it names an issuance for idempotency.
	chain string
	state domain.Certificate

	// What follows lives within the run only: it is settled whenever the run ends.
	step    string
	issuing bool
	// attempted is the spec of the attempt at work.
	attempted  domain.Spec
	delivering bool
	woken      bool
	// forced says that an administrator wants the next attempt at once, and knows better than what was counted.
	forced bool
	// retired says that all is done for a certificate that was given up.
	retired bool
	// clearing says that whoever gave it up wants its targets cleared.
	clearing bool
	// failed counts the failed attempts of this run: how long its callers have been patient.
	failed int
}

// Certificate keeps one certificate alive. A caller starts it with ID "certificate/<name>" and an input in which
// only the spec is set; each run continues as new with the rest. It ends only when
// retired, cancelled or terminated.
func Certificate(ctx workflow.Context, input domain.Certificate) error {
	c, err := setup(ctx, input)
	if err != nil {
		return err
	}
	err = c.run(ctx)
	if ctx.Err() != nil {
		c.release(ctx)
	}
	return err
}

// release is a cancelled run's last act: whoever counts and lists certificates leaves this one out, and what it leaves to be
// revoked is not forgotten.
func (c *certificate) release(ctx workflow.Context) {
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	if !releases(ctx) {
		return
	}
	if _, err := local(ctx, ports.RecordReleased, ports.RecordReleasedInput{Certificate: c.name, Revoking: c.state.Revoking}); err != nil {
		// The workflow ends all the same: it was asked to.
		workflow.GetLogger(ctx).Warn("release not recorded", "certificate", c.name, "error", err)
	}
}

func setup(ctx workflow.Context, input domain.Certificate) (*certificate, error) {
	info := workflow.GetInfo(ctx)
	name, ok := ports.CertificateName(info.WorkflowExecution.ID)
	if !ok {
		return nil, temporal.NewNonRetryableApplicationError(
			fmt.Sprintf("workflow ID %q: a %s workflow's ID must be %s<name>", info.WorkflowExecution.ID,
				ports.CertificateWorkflow, ports.WorkflowIDPrefix), string(domain.FaultSpec), nil)
	}
	c := &certificate{name: name, chain: info.FirstRunID, state: input}
	if len(c.state.Spec.Deliveries) > 0 && len(c.state.Deliveries) == 0 && delivers(ctx) {
		c.state.Deliver()
	}
	c.describe(ctx)
	return c, c.handle(ctx)
}

// run sleeps until the certificate is due, obtains it, delivers it, and continues as new: one cycle, one run.
func (c *certificate) run(ctx workflow.Context) error {
	for {
		reason, err := c.sleep(ctx)
		switch {
		case err != nil:
			return err
		case reason == "": // the run grew old in its sleep
			return c.next(ctx)
		case reason == domain.WakeRetired:
			if kept, err := c.retire(ctx); err != nil || !kept {
				return err
			}
			continue
		case reason != domain.WakeRevocation && reason != domain.WakeDelivery:
			if err := c.attempt(ctx, reason); err != nil {
				return err
			}
		}
		if err := c.deliver(ctx); err != nil {
			return err
		}
		if err := c.revokeReplaced(ctx); err != nil {
			return err
		}
		if c.state.Failure != nil || c.state.Retiring {
			continue
		}
		// Callers who wait get their answer before the run ends. One of them may ask for more while we wait.
		err = workflow.Await(ctx, func() bool { return c.asked(ctx) || workflow.AllHandlersFinished(ctx) })
		if err != nil {
			return err
		}
		if !c.asked(ctx) {
			return c.next(ctx)
		}
	}
}

// asked says that a caller waits for what only this run's loop can do: the loop must not wait for him.
func (c *certificate) asked(ctx workflow.Context) bool {
	return c.state.Reissue || c.state.Retiring || slices.ContainsFunc(c.state.Revoking, func(r domain.Revocation) bool {
		at, ok := r.Due(c.state.Issued)
		return ok && !at.After(workflow.Now(ctx))
	})
}

// next ends this run and hands its state to the next.
func (c *certificate) next(ctx workflow.Context) error {
	if ctx.Err() != nil { // cancelled in a step that does not fail by it
		return ctx.Err()
	}
	c.hear(ctx)
	return workflow.NewContinueAsNewError(ctx, ports.CertificateWorkflow, c.state)
}

// status is what callers see.
func (c *certificate) status() domain.Status {
	s := domain.Status{
		Name: c.name, Phase: domain.PhaseReady, Step: c.step, Cycle: c.state.Cycle, Spec: c.state.Spec,
		Issued: c.state.Issued, Renewal: c.state.Renewal, Failure: c.state.Failure,
		Revoking: c.state.Revoking, Deliveries: c.state.Deliveries,
	}
	switch {
	case c.retired:
		s.Phase, s.Renewal, s.Failure, s.Deliveries = domain.PhaseReleased, nil, nil, c.state.Left
	case c.issuing:
		s.Phase = domain.PhaseIssuing
	case c.state.Failure != nil:
		s.Phase = domain.PhaseFailing
	case c.state.Issued == nil:
		s.Phase = domain.PhaseIssuing
	}
	return s
}
