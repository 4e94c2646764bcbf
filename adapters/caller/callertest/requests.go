package callertest

import (
	"context"
	"time"

	"everleaf/adapters/caller"
	"everleaf/domain"
	"everleaf/domain/lifecycle"
)

const (
	validFor = 90 * 24 * time.Hour
	// obtains is the step that fails.
	obtains = "ObtainCertificate"
)

// Ensure implements caller.Certificates.
func (f *Fake) Ensure(ctx context.Context, name string, spec caller.Spec) (caller.Status, error) {
	return f.EnsureWith(ctx, name, caller.EnsureRequest{Spec: spec})
}

// EnsureWith implements caller.Certificates.
func (f *Fake) EnsureWith(ctx context.Context, name string, request caller.EnsureRequest) (caller.Status, error) {
	if err := domain.ValidateCertificateName(name); err != nil {
		return caller.Status{}, err
	}
	spec, err := request.Spec.Validated()
	if err != nil {
		return caller.Status{}, err
	}
	if request.DryRun {
		return f.ask(ctx, name, nil, func(c *certificate) (caller.Status, error) {
			status := c.status
			status.DryRun, status.WouldIssue = true, !spec.FulfilledBy(c.status.Issued)
			status.Changes = c.status.Spec.Changes(spec)
			return status, nil
		})
	}
	request.Spec = spec
	return f.ask(ctx, name, &request, func(c *certificate) (caller.Status, error) { return f.want(c, spec) })
}

// Renew implements caller.Certificates.
func (f *Fake) Renew(ctx context.Context, name string, request caller.RenewRequest) (caller.Status, error) {
	if err := request.Check(); err != nil {
		return caller.Status{}, err
	}
	return f.ask(ctx, name, nil, func(c *certificate) (caller.Status, error) { return f.obtain(c, request.Force) })
}

// Revoke implements caller.Certificates.
func (f *Fake) Revoke(ctx context.Context, name string, request caller.RevokeRequest) (caller.Status, error) {
	if err := request.Check(); err != nil {
		return caller.Status{}, err
	}
	return f.ask(ctx, name, nil, func(c *certificate) (caller.Status, error) {
		switch {
		case c.status.Issued == nil:
			return caller.Status{}, domain.NewFault(domain.FaultSpec, domain.ReasonNothingToRevoke, nil,
				"certificate %q: none is in service yet", name)
		case request.WithoutReplacement:
			revoked := *c.status.Issued
			revoked.Revoked = true
			c.status.Issued, c.status.Revoking = &revoked, nil
			status := c.status
			status.Revoked = revoked.Serial
			return status, nil
		default:
			serial := c.status.Issued.Serial
			c.status.Revoking = []domain.Revocation{{Issued: *c.status.Issued, Reason: request.Reason,
				SignedBy: request.SignedBy}} // until it is replaced
			status, err := f.obtain(c, false)
			status.Revoked = serial
			return status, err
		}
	})
}

// Retire implements caller.Certificates.
func (f *Fake) Retire(ctx context.Context, name string, request caller.RetireRequest) (caller.Status, error) {
	if err := request.Check(); err != nil {
		return caller.Status{}, err
	}
	status, err := f.ask(ctx, name, nil, func(c *certificate) (caller.Status, error) {
		c.open, c.status.Phase, c.status.Renewal, c.status.Failure = false, caller.PhaseReleased, nil, nil
		c.status.Revoking = nil // it is done before the end
		if request.RemoveDeliveries {
			c.status.Deliveries = nil
		}
		return c.status, nil
	})
	if err == nil || ctx.Err() != nil {
		return status, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.certificates[name]
	if c == nil || c.open {
		return status, err
	}
	before := copied(c.status)
	before.Already = true
	if fault := lifecycle.StillDelivered(name, before.Deliveries); request.RemoveDeliveries && fault != nil {
		return before, fault
	}
	return before, nil
}

// ask carries a request out, once for each run and ID. Only an ensure, if it is one, begins a run.
func (f *Fake) ask(ctx context.Context, name string, ensure *caller.EnsureRequest,
	do func(*certificate) (caller.Status, error)) (caller.Status, error) {
	if err := domain.ValidateCertificateName(name); err != nil {
		return caller.Status{}, err
	}
	if ctx.Err() != nil {
		return caller.Status{}, ctx.Err()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.certificates[name]
	if c != nil {
		if before, ok := c.answers[f.key(c)]; ok {
			return copied(before.status), before.err
		}
	}
	switch {
	case ensure != nil && !expected(c, ensure.ExpectedGeneration):
		return caller.Status{}, domain.NewFault(domain.FaultSpec, domain.ReasonGenerationConflict, nil,
			"certificate %q: another generation of its spec was expected, so nothing was changed", name)
	case ensure != nil && (c == nil || !c.open):
		c = f.begin(name, ensure.Spec)
	case ensure == nil && c != nil && f.request.Run != "" && (f.request.Run != c.run || !c.open):
		return caller.Status{}, domain.NewFault(domain.FaultWait, domain.ReasonRunEnded, nil,
			"the run of certificate %q's workflow ended before the request was carried out; ask the next one", name)
	case c == nil || !c.open:
		return caller.Status{}, missing(name, c)
	}
	status, err := do(c)
	if err != nil {
		status = caller.Status{}
	}
	if f.request.ID != "" {
		c.answers[f.key(c)] = answer{copied(status), err}
	}
	return copied(status), err
}

// expected reports whether the stored spec, if there is one, has that generation; nil is any.
func expected(c *certificate, generation *int64) bool {
	switch {
	case generation == nil:
		return true
	case c == nil:
		return *generation == 0
	default:
		return *generation == c.status.Generation
	}
}

// key is the request's own, in the run that it is for.
func (f *Fake) key(c *certificate) caller.Request {
	if f.request.Run == "" {
		return caller.Request{ID: f.request.ID, Run: c.run}
	}
	return f.request
}
