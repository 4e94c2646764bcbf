package sweeping

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"golang.org/x/sync/errgroup"

	"everleaf/adapters/activities"
	"everleaf/domain"
	"everleaf/ports"
)

// SweepRenewals asks the CAs of what is due when to renew it and stores the answers; then the workflows are notified of
// the instants that moved. What was asked is not due any more, so a repeat goes on where a killed try was, and begins
// with the notices that one still owes. A CA that is down or slow holds up no other one's certificates: its own stay
// due.
func (a *Activities) SweepRenewals(ctx context.Context,
	in ports.SweepRenewalsInput) (ports.SweepRenewalsOutput, error) {
	ctx, progress := activities.Beat(ctx, activities.Heartbeat, struct{}{})
	defer progress.Stop()
	s := &renewalSweep{Activities: a, circuits: map[string]*circuit{}}
	out := ports.SweepRenewalsOutput{Page: ports.PageState{After: in.After}}
	if in.After == "" || activity.GetInfo(ctx).Attempt > 1 {
		if err := a.notifyLeft(ctx); err != nil {
			return ports.SweepRenewalsOutput{}, err
		}
	}
	now := a.Clock.Now()
	for began := time.Now(); !out.Page.Done && time.Since(began) < a.pace.budget; {
		page, err := a.Advice.Due(ctx, now, out.Page.After, s.skipped(), a.pace.page)
		if err != nil {
			return ports.SweepRenewalsOutput{}, fmt.Errorf("read what is due: %w", err)
		}
		if err := s.page(ctx, page.Due); err != nil {
			return ports.SweepRenewalsOutput{}, err
		}
		out.Page = page.Page
	}
	for issuer, c := range s.circuits {
		out.Asked, out.Failed, out.Moved = out.Asked+c.asked, out.Failed+c.failed, out.Moved+c.moved
		if c.open(a.pace.failures) {
			activity.GetLogger(ctx).Warn("the CA gives no renewal windows; the plans that are made stay, and the next sweep "+
				"asks again",
				"issuer", issuer, "asked", c.asked, "failed", c.failed, "error", c.last)
		}
	}
	if out.Page.Done {
		a.Observer.Swept(ctx)
	}
	return out, nil
}

// renewalSweep is the state of one step.
type renewalSweep struct {
	*Activities
	// circuits are those of the CAs asked so far, by issuer.
	circuits map[string]*circuit

	mu sync.Mutex
	// moved are the plans of this page that were moved.
	moved []ports.Moved
}

// skipped returns the issuers that are not asked any more in this step.
func (s *renewalSweep) skipped() (issuers []string) {
	for issuer, c := range s.circuits {
		if c.open(s.pace.failures) {
			issuers = append(issuers, issuer)
		}
	}
	return issuers
}

// page asks for a page's certificates and notifies the workflows of those whose plans moved.
func (s *renewalSweep) page(ctx context.Context, due []ports.AdviceDue) error {
	s.moved = nil
	if err := s.ask(ctx, due); err != nil {
		return err
	}
	return s.notify(ctx, s.moved)
}

// ask asks for a page's certificates, each CA's beside the others'.
func (s *renewalSweep) ask(ctx context.Context, due []ports.AdviceDue) error {
	byIssuer := map[string][]ports.AdviceDue{}
	for _, d := range due {
		byIssuer[d.Issued.Issuer] = append(byIssuer[d.Issued.Issuer], d)
	}
	all, ctx := errgroup.WithContext(ctx)
	for issuer, due := range byIssuer {
		if s.circuits[issuer] == nil {
			s.circuits[issuer] = &circuit{}
		}
		c := s.circuits[issuer]
		all.Go(func() error {
			few, ctx := errgroup.WithContext(ctx)
			few.SetLimit(s.pace.together)
			until := time.Now().Add(s.pace.pageLimit)
			for _, d := range due {
				if ctx.Err() != nil || c.open(s.pace.failures) || time.Now().After(until) {
					break
				}
				few.Go(func() error {
					if c.open(s.pace.failures) {
						return nil // while this one waited for its turn
					}
					return s.check(ctx, d, c)
				})
			}
			return few.Wait()
		})
	}
	return all.Wait()
}

// check asks for one certificate and stores the answer.
func (s *renewalSweep) check(ctx context.Context, due ports.AdviceDue, c *circuit) error {
	advice, err := s.advice(ctx, due)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	now := s.Clock.Now()
	advised := ports.Advised{Certificate: due.Certificate, Version: due.Issued.Version, Plan: due.Plan}
	var fault *domain.Fault
	if due.Plan.At.IsZero() { // its workflow had to do without us: this is its plan from now on
		advised.Plan, advised.Moved = domain.PlanRenewal(now, due.Issued, nil, s.Rand.Float64()), true
	}
	switch {
	case err != nil:
		fault, advised.Failures = domain.AsFault(err), due.Failures+1
		advised.Failure = fault.Error()
	case advice.Window == nil && !advice.Unsupported:
		advised.Failure = "the CA's answer holds no window that can be used"
	default:
		replanned, differs := advised.Plan.Replan(now, due.Issued, advice.Window)
		advised.Plan, advised.Moved = replanned, advised.Moved || differs
	}
	advised.Next = now.Add(domain.NextARICheck(advice, fault, advised.Failures))
	if err := s.Advice.RecordAdvice(ctx, advised); err != nil {
		return fmt.Errorf("record advice: %w", err)
	}
	if advised.Moved {
		s.noteMoved(ctx, due.Plan.At, advised)
	}
	s.Observer.ARIChecked(ctx, due.Issued.Issuer, c.add(fault, advised.Failure != "", advised.Moved))
	return nil
}

// advice asks the CA once.
func (s *renewalSweep) advice(ctx context.Context, due ports.AdviceDue) (domain.Advice, error) {
	ca, err := s.Issuers.Issuer(due.Issued.Issuer)
	if err != nil {
		return domain.Advice{}, err
	}
	return activities.RenewalAdvice(ctx, ca, due.ChainPEM, due.Issued.Version, s.pace.advice)
}

// noteMoved remembers a plan that moved, for the notices.
func (s *renewalSweep) noteMoved(ctx context.Context, from time.Time, advised ports.Advised) {
	plan, window := advised.Plan, domain.Window{}
	if plan.Window != nil {
		window = *plan.Window
	}
	activity.GetLogger(ctx).Info("renewal moved", "certificate", advised.Certificate, "from", from, "to", plan.At,
		"reason", plan.Reason,
		"windowStart", window.Start, "windowEnd", window.End, "explanationURL", window.ExplanationURL)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.moved = append(s.moved, ports.Moved{Certificate: advised.Certificate, Version: advised.Version, At: plan.At})
}
