package callertest

import (
	"context"
	"fmt"
	"slices"
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

// want puts the spec in force and obtains a certificate if it needs another one.
func (m *memory) want(c *certificate, spec caller.Spec) (caller.Status, error) {
	fresh := c.status.Phase == caller.PhaseIssuing
	changes, standing, issued := c.status.Spec.Changes(spec), c.status.Failure, c.status.Issued
	if standing != nil && len(changes) == 0 {
		return caller.Status{}, problem(*standing)
	}
	c.status.Spec = spec
	if len(changes) > 0 {
		c.status.Generation++
	}
	var status caller.Status
	var err error
	if standing != nil || !spec.FulfilledBy(issued) || fresh && issued.Revoked {
		status, err = m.obtain(c, false)
	} else {
		c.serve(issued)
		status = c.status
	}
	status.Changes = changes
	return status, err
}

// obtain makes another certificate, unless a problem is set, or one stands that holds back all but force. What waits
// for the replacement to be revoked is revoked.
func (m *memory) obtain(c *certificate, force bool) (caller.Status, error) {
	now := time.Now().UTC().Truncate(time.Second)
	if standing := c.status.Failure; standing != nil && standing.Holds && !force && standing.RetryAt.After(now) {
		return caller.Status{}, problem(*standing)
	}
	if fault, ok := m.problems[c.status.Name]; ok {
		c.fail(fault)
		return caller.Status{}, problem(*c.status.Failure)
	}
	m.made++
	spec := c.status.Spec
	c.status.Cycle++
	c.serve(&caller.Issued{
		Version: fmt.Sprintf("version-%d", m.made), Serial: fmt.Sprintf("%08x", m.made), Issuer: spec.Issuers[0],
		IssuerCN: "Fake CA", Names: slices.Clone(spec.Names), NotBefore: now, NotAfter: now.Add(validFor),
		KeyType: spec.KeyType, Profile: spec.Profile,
	})
	c.status.Revoking = nil
	return c.status, nil
}

// fail records the failure by the policy of the real one. Each issuer of the spec fails alike.
func (c *certificate) fail(fault caller.Fault) {
	failed := domain.Failed{Certificate: c.status.Name, Step: obtains, Fault: fault, At: time.Now(),
		Spec: c.status.Spec, Previous: c.status.Failure, Issued: c.status.Issued, Fraction: 0.5}
	decision := domain.Decide(failed)
	for decision.Next != "" {
		failed.Tried, failed.Issuer = append(failed.Tried, decision.Failure), decision.Next
		decision = domain.Decide(failed)
	}
	c.status.Phase, c.status.Failure = caller.PhaseFailing, &decision.Failure
}

// serve puts a certificate into service, and to the targets of the spec.
func (c *certificate) serve(issued *caller.Issued) {
	c.status.Phase, c.status.Issued, c.status.Failure, c.status.Deliveries = caller.PhaseReady, issued, nil, nil
	c.status.Renewal = &caller.RenewalPlan{At: issued.NotAfter.Add(-validFor / 3), Reason: domain.RenewalOneThirdLeft,
		Message: "when a third of its validity is left", Fraction: 0.5}
	for _, target := range c.status.Spec.Deliveries {
		c.status.Deliveries = append(c.status.Deliveries,
			caller.Delivery{Target: target, Version: issued.Version, At: issued.NotBefore, Contacted: true})
	}
}

// problem is the answer with a failure that stands.
func problem(failure caller.Failure) error {
	fault := failure.Fault
	fault.Message = fmt.Sprintf("%s (next try at %s)", fault.Message, failure.RetryAt.Format(time.RFC3339))
	return &fault
}

// copied is a status that its reader may change.
func copied(s caller.Status) caller.Status {
	s.Spec.Names, s.Spec.Issuers = slices.Clone(s.Spec.Names), slices.Clone(s.Spec.Issuers)
	s.Spec.Deliveries, s.Deliveries = slices.Clone(s.Spec.Deliveries), slices.Clone(s.Deliveries)
	s.Changes, s.Revoking = slices.Clone(s.Changes), slices.Clone(s.Revoking)
	if s.Issued != nil {
		issued := *s.Issued
		issued.Names = slices.Clone(issued.Names)
		s.Issued = &issued
	}
	if s.Renewal != nil {
		plan := *s.Renewal
		s.Renewal = &plan
	}
	if s.Failure != nil {
		failure := *s.Failure
		s.Failure = &failure
	}
	return s
}
