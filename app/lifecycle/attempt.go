package lifecycle

import (
	"fmt"
	"slices"

	"go.temporal.io/sdk/workflow"

	"everleaf/domain"
	"everleaf/ports"
)

// attempt obtains a certificate or turns what went wrong into state. It returns an error only if cancelled. reason is
// why now (domain.Certificate.Wake).
func (c *certificate) attempt(ctx workflow.Context, reason string) error {
	spec, failedBefore := c.state.Spec.WithDefaults(), c.state.Failure != nil
	c.issuing, c.attempted = true, spec
	defer func() {
		c.issuing, c.step = false, ""
		c.describe(ctx)
	}()
	c.state.Reissue = false // from here on, a request is for the certificate after this one

	first := issuance{certificate: c, spec: spec, key: fmt.Sprintf("%s/%d", c.chain, c.state.Cycle+1)}
	if reason == domain.WakeRenewal || reason == domain.WakeRetry && c.state.Renewal != nil && !workflow.Now(ctx).Before(c.state.Renewal.At) {
		first.planned = c.state.Renewal.At
	}
	var failures []domain.Failure
	for n, issuer := range spec.Issuers {
		issue := first
		issue.issuer = issuer
		err := issue.run(ctx)
		if err == nil {
			c.succeed(ctx, issue, failedBefore)
			return nil
		}
		cancelled := ctx.Err()
		fault := faultOf(err)
		failure := domain.NextFailure(workflow.Now(ctx), c.state.Failure, fault, c.step, c.state.Issued)
		if len(spec.Issuers) > 1 {
			failure.Issuer = issuer
		}
		failures = append(failures, failure)
		if cancelled != nil || n == len(spec.Issuers)-1 || !fault.FallsBack() {
			c.fail(ctx, issue, domain.Foremost(failures), failedBefore)
			return cancelled // not err: a step that failed for a reason of its own meanwhile must not fail the workflow
		}
		c.fallBack(ctx, issue, failure, spec.Issuers[n+1])
	}
	return nil
}

// succeed puts what was issued into service.
func (c *certificate) succeed(ctx workflow.Context, issue issuance, failedBefore bool) {
	c.state.Failure = nil
	c.state.Cycle++
	c.state.IssuedFor = &issue.spec
	c.state.Outgrown()
	c.awaitDelivery(ctx)
	// Somebody may have asked for its revocation when it was in service and this attempt was not done yet.
	c.disown(issue)
	c.noteWaiting(ctx)
	if issue.outdated || c.replacing() {
		c.state.Reissue = true
	}
	if oneStep(ctx) {
		c.publish(ctx, failedBefore)
	}
	workflow.GetLogger(ctx).Info("certificate in service", "certificate", c.name, "cycle", c.state.Cycle,
		"names", c.state.Issued.Names, "issuer", c.state.Issued.Issuer, "serial", c.state.Issued.Serial, "notAfter", c.state.Issued.NotAfter,
		"renewal", c.state.Renewal.At, "reason", c.state.Renewal.Reason, "adopted", issue.adopted)
}

// fail turns a failed attempt into state.
func (c *certificate) fail(ctx workflow.Context, issue issuance, failure domain.Failure, failedBefore bool) {
	cancelled := ctx.Err() != nil
	// Challenges are removed also when the workflow is cancelled in the middle of them, or of this.
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	previous := c.state.Failure
	c.state.Failure = &failure
	c.failed++
	out, err := local(ctx, ports.RecordFailure, ports.RecordFailureInput{
		Certificate: c.name, Spec: issue.spec, OrderID: issue.order.ID, Failure: failure, Previous: previous, Issued: c.state.Issued,
	})
	if err != nil {
		// The state here is the truth; the projection catches up with the next record.
		workflow.GetLogger(ctx).Warn("failure not recorded", "certificate", c.name, "error", err)
	}
	if out.Failure != nil {
		c.state.Failure = out.Failure
	}
	failure = *c.state.Failure
	workflow.GetLogger(ctx).Warn("attempt failed", "certificate", c.name, "step", failure.Step, "kind", failure.Fault.Kind,
		"reason", failure.Fault.Reason, "message", failure.Fault.Message, "attempts", failure.Attempts, "retry", failure.RetryAt)
	if !cancelled && oneStep(ctx) {
		c.publish(ctx, failedBefore)
	}
}

// fallBack notes that an issuer failed for a fault of its own and that the next one is asked.
func (c *certificate) fallBack(ctx workflow.Context, issue issuance, failure domain.Failure, next string) {
	workflow.GetLogger(ctx).Warn("issuer failed; the next one is asked", "certificate", c.name, "issuer", issue.issuer, "next", next,
		"step", failure.Step, "reason", failure.Fault.Reason, "message", failure.Fault.Message)
	_, err := local(ctx, ports.RecordFailure, ports.RecordFailureInput{
		Certificate: c.name, Spec: issue.spec, OrderID: issue.order.ID, Failure: failure, Issued: c.state.Issued, Next: next,
	})
	if err != nil {
		workflow.GetLogger(ctx).Warn("fallback not recorded", "certificate", c.name, "error", err)
	}
}

// disown has what was issued just now replaced and revoked, too, if it kept a key that was called compromised meanwhile.
func (c *certificate) disown(issue issuance) {
	i := slices.IndexFunc(c.state.Revoking, compromised)
	if i < 0 || issue.fresh || issue.adopted || issue.spec.KeyRotation != domain.RotateNever || c.revocation(c.state.Issued.Version) != nil {
		return
	}
	c.state.Revoking = append(c.state.Revoking, domain.Revocation{
		Issued: *c.state.Issued, Reason: c.state.Revoking[i].Reason, SignedBy: c.state.Revoking[i].SignedBy,
	})
}

func compromised(r domain.Revocation) bool { return r.Reason == domain.RevokedKeyCompromise }

// freshKey says that the key in service must not be used again, whatever the spec says.
func (c *certificate) freshKey() bool {
	if c.state.Issued != nil && c.state.Issued.Revoked {
		return true
	}
	refused := []string{domain.ReasonBadCSR, domain.ReasonBadPublicKey}
	if c.state.Failure != nil && slices.Contains(refused, c.state.Failure.Fault.Reason) {
		return true
	}
	return slices.ContainsFunc(c.state.Revoking, compromised)
}
