package lifecycle

import (
	"slices"

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
	return nil
}

// revoke has the certificate in service replaced first, so that nobody is left without one, and then revoked.
func (c *certificate) revoke(ctx workflow.Context, request ports.RevokeRequest) (domain.Status, error) {
	if c.state.Issued == nil {
		return domain.Status{}, problem(*domain.NewFault(domain.FaultSpec, "NothingToRevoke", nil,
			"certificate %q: none is in service yet", c.name))
	}
	version := c.state.Issued.Version
	switch pending := c.revocation(version); {
	case pending == nil:
		c.state.Revoking = append(c.state.Revoking, domain.Revocation{Issued: *c.state.Issued, Reason: request.Reason})
		if !c.issuing { // else the successor is on its way, or follows (attempt)
			c.wake()
		}
	case request.Reason == domain.RevokedKeyCompromise: // it outranks what was said before
		pending.Reason = request.Reason
	}
	if status, err := c.settled(ctx); err != nil {
		return status, err // not replaced: the revocation stays pending
	}
	err := workflow.Await(ctx, func() bool {
		r := c.revocation(version)
		return r == nil || r.Failure != nil
	})
	if err != nil {
		return domain.Status{}, err
	}
	if r := c.revocation(version); r != nil {
		return domain.Status{}, standing(*r.Failure)
	}
	return c.status(), nil
}

// revocation is the pending one of a version, nil if there is none.
func (c *certificate) revocation(version string) *domain.Revocation {
	i := slices.IndexFunc(c.state.Revoking, func(r domain.Revocation) bool { return r.Issued.Version == version })
	if i < 0 {
		return nil
	}
	return &c.state.Revoking[i]
}

// revokeReplaced revokes what is due, or notes why it could not.
func (c *certificate) revokeReplaced(ctx workflow.Context) error {
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
			Certificate: c.name, Issued: r.Issued, Reason: r.Reason,
		})
		if ctx.Err() != nil && temporal.IsCanceledError(err) {
			return ctx.Err()
		}
		if err == nil {
			c.dropRevocation(r.Issued.Version)
			workflow.GetLogger(ctx).Info("certificate revoked", "certificate", c.name, "serial", r.Issued.Serial, "reason", r.Reason)
			continue
		}
		failure := domain.NextFailure(workflow.Now(ctx), r.Failure, faultOf(err), ports.RevokeCertificate.Name, nil)
		c.revocation(r.Issued.Version).Failure = &failure
		workflow.GetLogger(ctx).Warn("revocation failed", "certificate", c.name, "serial", r.Issued.Serial,
			"reason", failure.Fault.Reason, "message", failure.Fault.Message, "retry", failure.RetryAt)
	}
	c.describe(ctx)
	return nil
}

func (c *certificate) dropRevocation(version string) {
	c.state.Revoking = slices.DeleteFunc(c.state.Revoking, func(r domain.Revocation) bool { return r.Issued.Version == version })
}
