package callertest

import (
	"fmt"
	"slices"
	"time"

	"everleaf/adapters/caller"
	"everleaf/domain"
)

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
