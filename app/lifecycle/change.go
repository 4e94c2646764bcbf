package lifecycle

import (
	"slices"

	"go.temporal.io/sdk/workflow"

	"everleaf/domain"
	"everleaf/ports"
)

// change takes a caller's spec and says in words what is new. A certificate is issued for it only if the one in service,
// or the one at work, does not fulfil it.
func (c *certificate) change(ctx workflow.Context, spec domain.Spec) []string {
	if c.state.Retiring {
		c.state.Retiring, c.clearing, c.woken = false, false, true // whoever asks for it wants it kept, and its renewal
		c.takeBack(ctx)
		if i := c.state.Issued; i != nil && (i.Revoked || c.revocation(i.Version) != nil) && outlives(ctx) {
			c.state.Reissue = true // its end let it be revoked with nothing to replace it
		}
	}
	changes := c.state.Spec.Changes(spec)
	if len(changes) == 0 {
		return nil
	}
	if !weighs(ctx) {
		if !c.state.Spec.Same(spec) {
			c.state.Spec = spec
			c.wake()
		}
		return changes
	}
	before := c.state.Spec
	c.state.Spec = spec
	reissue := c.needs(ctx, spec)
	switch {
	case reissue && c.issuing:
		c.state.Reissue = true
	case reissue:
		c.wake()
	case !c.issuing && c.state.Failure != nil && !c.fulfils(before):
		// It was about a certificate that nobody wants any more, unless it is to replace one that is to be revoked.
		c.state.Failure, c.state.Reissue = nil, c.replacing()
	}
	c.state.Deliver()
	c.woken = true
	c.describe(ctx)
	_, err := local(ctx, ports.RecordChange, ports.RecordChangeInput{
		Certificate: c.name, Spec: spec, Changes: changes, At: workflow.Now(ctx).UTC(), Reissue: reissue,
	})
	if err != nil {
		workflow.GetLogger(ctx).Warn("change not recorded", "certificate", c.name, "changes", changes, "error", err)
	}
	return changes
}

// replacing says that the certificate in service is to be replaced so that it can be revoked.
func (c *certificate) replacing() bool {
	r := c.revocation(c.state.Issued.Version)
	return r != nil && !r.WithoutReplacement
}

// needs says that a certificate has to be issued for the spec, beside one that is at work.
func (c *certificate) needs(ctx workflow.Context, spec domain.Spec) bool {
	if !c.issuing {
		return !c.fulfils(spec)
	}
	issuers := spec.WithDefaults().Issuers
	unlisted := func(issuer string) bool { return !slices.Contains(issuers, issuer) }
	if prefers(ctx) {
		return !spec.SameCertificate(c.attempted) || slices.ContainsFunc(c.attempted.Issuers, unlisted)
	}
	return !spec.SameCertificate(c.attempted) || !slices.Equal(issuers, c.attempted.Issuers)
}

// fulfils says that the certificate in service fulfils the spec.
func (c *certificate) fulfils(spec domain.Spec) bool {
	var issuedFor domain.Spec
	if c.state.IssuedFor != nil {
		issuedFor = *c.state.IssuedFor
	}
	return spec.FulfilledBy(c.state.Issued, issuedFor)
}
