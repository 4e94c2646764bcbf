package lifecycle

import (
	"fmt"

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
	woken   bool
	// failed counts the failed attempts of this run: how long its callers have been patient.
	failed int
}

// Certificate keeps one certificate alive. A caller starts it with ID "certificate/<name>" and an input in which
// only the spec is set; each run continues as new with the rest. It ends only when cancelled or terminated.
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

// release is a cancelled run's last act: whoever counts and lists certificates leaves this one out.
func (c *certificate) release(ctx workflow.Context) {
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	if !releases(ctx) {
		return
	}
	if _, err := local(ctx, ports.RecordReleased, ports.RecordReleasedInput{Certificate: c.name}); err != nil {
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
	c.describe(ctx)
	return c, c.handle(ctx)
}

// run sleeps until the certificate is due, obtains it, and continues as new: one cycle, one run.
func (c *certificate) run(ctx workflow.Context) error {
	for {
		reason, err := c.sleep(ctx)
		switch {
		case err != nil:
			return err
		case reason == "": // the run grew old in its sleep
			return c.next(ctx)
		case reason != domain.WakeRevocation:
			if err := c.attempt(ctx, reason); err != nil {
				return err
			}
		}
		if err := c.revokeReplaced(ctx); err != nil {
			return err
		}
		if c.state.Failure != nil {
			continue
		}
		// Callers who wait get their answer before the run ends. One of them may ask for more while we wait.
		err = workflow.Await(ctx, func() bool { return c.state.Reissue || workflow.AllHandlersFinished(ctx) })
		if err != nil {
			return err
		}
		if !c.state.Reissue {
			return c.next(ctx)
		}
	}
}

// next ends this run and hands its state to the next.
func (c *certificate) next(ctx workflow.Context) error {
	if ctx.Err() != nil { // cancelled in a step that does not fail by it
		return ctx.Err()
	}
	return workflow.NewContinueAsNewError(ctx, ports.CertificateWorkflow, c.state)
}

// attempt obtains a certificate or turns what went wrong into state. It returns an error only if cancelled. reason is
// why now (domain.Certificate.Wake).
func (c *certificate) attempt(ctx workflow.Context, reason string) error {
	c.issuing = true
	defer func() {
		c.issuing, c.step = false, ""
		c.describe(ctx)
	}()
	c.state.Reissue = false // from here on, a request is for the certificate after this one
	spec, failedBefore := c.state.Spec.WithDefaults(), c.state.Failure != nil

	issue := &issuance{certificate: c, spec: spec, key: fmt.Sprintf("%s/%d", c.chain, c.state.Cycle+1)}
	if reason == domain.WakeRenewal || reason == domain.WakeRetry && c.state.Renewal != nil && !workflow.Now(ctx).Before(c.state.Renewal.At) {
		issue.planned = c.state.Renewal.At
	}
	err := issue.run(ctx)
	if err == nil {
		c.state.Failure = nil
		c.state.Cycle++
		// Somebody may have asked for its revocation when it was in service and this attempt was not done yet.
		if issue.outdated || c.revocation(c.state.Issued.Version) != nil {
			c.state.Reissue = true
		}
		if oneStep(ctx) {
			c.publish(ctx, failedBefore)
		}
		workflow.GetLogger(ctx).Info("certificate in service", "certificate", c.name, "cycle", c.state.Cycle,
			"names", c.state.Issued.Names, "serial", c.state.Issued.Serial, "notAfter", c.state.Issued.NotAfter,
			"renewal", c.state.Renewal.At, "reason", c.state.Renewal.Reason)
		return nil
	}
	cancelled := ctx.Err()
	// Challenges are removed also when the workflow is cancelled in the middle of them, or of this.
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	failure := domain.NextFailure(workflow.Now(ctx), c.state.Failure, faultOf(err), c.step, c.state.Issued)
	c.state.Failure = &failure
	c.failed++
	workflow.GetLogger(ctx).Warn("attempt failed", "certificate", c.name, "step", failure.Step, "kind", failure.Fault.Kind,
		"reason", failure.Fault.Reason, "message", failure.Fault.Message, "attempts", failure.Attempts, "retry", failure.RetryAt)
	_, recordErr := local(ctx, ports.RecordFailure, ports.RecordFailureInput{
		Certificate: c.name, Spec: spec, OrderID: issue.order.ID, Failure: failure,
	})
	if recordErr != nil {
		// The state here is the truth; the projection catches up with the next record.
		workflow.GetLogger(ctx).Warn("failure not recorded", "certificate", c.name, "error", recordErr)
	}
	if cancelled == nil && oneStep(ctx) {
		c.publish(ctx, failedBefore)
	}
	return cancelled // not err: a step that failed for a reason of its own meanwhile must not fail the workflow
}

// status is what callers see.
func (c *certificate) status() domain.Status {
	s := domain.Status{
		Name: c.name, Phase: domain.PhaseReady, Step: c.step, Cycle: c.state.Cycle, Spec: c.state.Spec,
		Issued: c.state.Issued, Renewal: c.state.Renewal, Failure: c.state.Failure,
		Revoking: c.state.Revoking,
	}
	switch {
	case c.issuing:
		s.Phase = domain.PhaseIssuing
	case c.state.Failure != nil:
		s.Phase = domain.PhaseFailing
	case c.state.Issued == nil:
		s.Phase = domain.PhaseIssuing
	}
	return s
}
