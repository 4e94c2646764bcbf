package lifecycle

import (
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"everleaf/domain"
	"everleaf/ports"
)

// validateRevoke refuses a bad reason before it enters the history.
func validateRevoke(request ports.RevokeRequest) error {
	if _, err := request.Reason.Code(); err != nil {
		return problem(*domain.AsFault(err))
	}
	if err := request.SignedBy.Check(); err != nil {
		return problem(*domain.AsFault(err))
	}
	return nil
}

// revoke has the certificate in service replaced first, so that nobody is left without one, and then revoked; or revoked
// at once if the caller wants no replacement.
func (c *certificate) revoke(ctx workflow.Context, request ports.RevokeRequest) (domain.Status, error) {
	if c.state.Issued == nil {
		return domain.Status{}, problem(*domain.NewFault(domain.FaultSpec, "NothingToRevoke", nil,
			"certificate %q: none is in service yet", c.name))
	}
	version := c.state.Issued.Version
	if c.state.Retiring {
		request.WithoutReplacement = true // nothing replaces it any more
	}
	if pending := c.revocation(version); pending == nil {
		c.state.Revoking = append(c.state.Revoking, domain.Revocation{
			Issued: *c.state.Issued, Reason: request.Reason, SignedBy: request.SignedBy, WithoutReplacement: request.WithoutReplacement,
		})
		switch {
		case request.WithoutReplacement:
			c.woken = true
		case !c.issuing: // else the successor is on its way, or follows (attempt)
			c.wake()
		}
	} else {
		if request.Reason == domain.RevokedKeyCompromise { // it outranks what was said before
			pending.Reason = request.Reason
		}
		if request.WithoutReplacement {
			pending.WithoutReplacement, pending.After, c.woken = true, time.Time{}, true
		}
	}
	c.noteRevocations(ctx)
	if !request.WithoutReplacement {
		if status, err := c.settled(ctx); err != nil && (!c.state.Retiring || ctx.Err() != nil) {
			return status, err // not replaced: the revocation stays pending
		}
	}
	err := workflow.Await(ctx, func() bool {
		r := c.revocation(version)
		return r == nil || r.Failure != nil || c.undeliverable(ctx, *r)
	})
	if err != nil {
		return domain.Status{}, err
	}
	switch r := c.revocation(version); {
	case r == nil:
		return c.status(), nil
	case r.Failure != nil:
		return domain.Status{}, standing(*r.Failure)
	default:
		return domain.Status{}, problem(*domain.NewFault(domain.FaultWait, "ReplacementNotDelivered", nil,
			"certificate %q is replaced, and the old one is revoked as soon as all targets have the new one, at %s at the latest",
			c.name, stamp(r.After)))
	}
}

// undeliverable says that a revocation goes on waiting for targets that were tried.
func (c *certificate) undeliverable(ctx workflow.Context, r domain.Revocation) bool {
	return !c.issuing && !c.delivering && r.Issued.Version != c.state.Issued.Version && r.After.After(workflow.Now(ctx))
}

// revocation is the pending one of a version, nil if there is none.
func (c *certificate) revocation(version string) *domain.Revocation {
	i := slices.IndexFunc(c.state.Revoking, func(r domain.Revocation) bool { return r.Issued.Version == version })
	if i < 0 {
		return nil
	}
	return &c.state.Revoking[i]
}

// takeUp goes on with what an earlier workflow of this certificate has left to be revoked.
func (c *certificate) takeUp(left []domain.Revocation) {
	for _, r := range left {
		if c.revocation(r.Issued.Version) == nil {
			c.state.Revoking = append(c.state.Revoking, r)
		}
	}
}

// noteRevocations makes what is pending readable in Postgres, where it outlives also a workflow that is terminated.
func (c *certificate) noteRevocations(ctx workflow.Context) {
	if len(c.state.Revoking) == 0 || !notesRevocations(ctx) {
		return
	}
	_, err := local(ctx, ports.RecordRevoking, ports.RecordRevokingInput{Certificate: c.name, Revoking: slices.Clone(c.state.Revoking)})
	if err != nil {
		// The state here is the truth: the revocation goes on.
		workflow.GetLogger(ctx).Warn("pending revocation not recorded", "certificate", c.name, "error", err)
	}
}

// noteWaiting notes what is pending if it is not revoked right now: what it waits for is news.
func (c *certificate) noteWaiting(ctx workflow.Context) {
	waits := func(r domain.Revocation) bool {
		at, ok := r.Due(c.state.Issued)
		return !ok || at.After(workflow.Now(ctx))
	}
	if slices.ContainsFunc(c.state.Revoking, waits) {
		c.noteRevocations(ctx)
	}
}

// revokeReplaced revokes what is due, or notes why it could not.
func (c *certificate) revokeReplaced(ctx workflow.Context) error {
	failed := false
	for _, r := range slices.Clone(c.state.Revoking) {
		if at, ok := r.Due(c.state.Issued); !ok || at.After(workflow.Now(ctx)) {
			continue
		}
		if !r.Issued.NotAfter.After(workflow.Now(ctx)) {
			workflow.GetLogger(ctx).Info("certificate expired before it was revoked", "certificate", c.name, "serial", r.Issued.Serial)
			c.dropRevocation(r.Issued.Version)
			continue
		}
		_, err := remote(ctx, ports.RevokeCertificate, ports.RevokeCertificateInput{
			Certificate: c.name, Issued: r.Issued, Reason: r.Reason, SignedBy: r.SignedBy,
		})
		if ctx.Err() != nil && temporal.IsCanceledError(err) {
			return ctx.Err()
		}
		if err == nil {
			if c.state.Issued != nil && c.state.Issued.Version == r.Issued.Version {
				c.state.Issued.Revoked = true
			}
			c.dropRevocation(r.Issued.Version)
			workflow.GetLogger(ctx).Info("certificate revoked", "certificate", c.name, "serial", r.Issued.Serial, "reason", r.Reason)
			continue
		}
		failure := domain.NextFailure(workflow.Now(ctx), r.Failure, faultOf(err), ports.RevokeCertificate.Name, nil)
		c.revocation(r.Issued.Version).Failure = &failure
		failed = true
		workflow.GetLogger(ctx).Warn("revocation failed", "certificate", c.name, "serial", r.Issued.Serial,
			"reason", failure.Fault.Reason, "message", failure.Fault.Message, "retry", failure.RetryAt)
	}
	if failed {
		c.noteRevocations(ctx)
	}
	c.describe(ctx)
	return nil
}

func (c *certificate) dropRevocation(version string) {
	c.state.Revoking = slices.DeleteFunc(c.state.Revoking, func(r domain.Revocation) bool { return r.Issued.Version == version })
}
