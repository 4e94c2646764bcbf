package sweeping

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"
	"golang.org/x/sync/errgroup"

	"everleaf/domain"
	"everleaf/ports"
)

// sweepPace is how a sweep goes about its work.
type sweepPace struct {
	// page is how many certificates are read at once, together how many questions one CA gets at once.
	page, together int
	// advice bounds one question.
	advice time.Duration
	// patience is how long a page waits for a CA that is slow; whoever was not asked by then is due again at the next sweep.
	patience time.Duration
	// failures in a row are how many a CA may have before it is left alone until the next step.
	failures int
	// removals is how many orders' DNS records are removed at once.
	removals int
	// removal bounds those of one order: well over a zone's time-out, of which an order may need several.
	removal time.Duration
	// budget is how long a step goes on, so that few steps do a large fleet.
	budget time.Duration
}

var defaultSweepPace = sweepPace{
	page: 500, together: 16, advice: 10 * time.Second, patience: 30 * time.Second, failures: 10, removals: 8, removal: time.Minute, budget: 2 * time.Minute,
}

// SweepRenewals asks the CAs of what is due when to renew it, stores the answers and tells those whose instant moved. What
// was asked is not due any more, so a repetition goes on where a killed try was. A CA that is down or slow holds up nobody
// else's certificates: its own stay due.
func (a *Activities) SweepRenewals(ctx context.Context, in ports.SweepRenewalsInput) (ports.SweepRenewalsOutput, error) {
	ctx, stop := a.heartbeat(ctx)
	defer stop()
	s := &lookout{Activities: a, issuers: map[string]*looked{}}
	out := ports.SweepRenewalsOutput{Page: ports.PageState{After: in.After}}
	now := a.Clock.Now()
	for began := time.Now(); !out.Page.Done && time.Since(began) < a.sweep.budget; {
		due, err := a.Advice.Due(ctx, now, out.Page.After, s.silent(), a.sweep.page)
		if err != nil {
			return ports.SweepRenewalsOutput{}, fmt.Errorf("read what is due: %w", err)
		}
		if err := s.page(ctx, due); err != nil {
			return ports.SweepRenewalsOutput{}, err
		}
		if len(due) > 0 {
			out.Page.After = due[len(due)-1].Certificate
		}
		out.Page.Done = len(due) < a.sweep.page
	}
	for issuer, l := range s.issuers {
		out.Asked, out.Failed, out.Moved = out.Asked+l.asked, out.Failed+l.failed, out.Moved+l.moved
		if l.silent(a.sweep.failures) {
			activity.GetLogger(ctx).Warn("the CA gives no renewal windows; the plans that are made stay, and the next sweep asks again",
				"issuer", issuer, "asked", l.asked, "failed", l.failed, "error", l.last)
		}
	}
	if out.Page.Done {
		a.Observer.Swept(ctx)
	}
	return out, nil
}

// lookout is one step's walk: how each CA did so far.
type lookout struct {
	*Activities
	issuers map[string]*looked
}

// silent are the CAs that are not asked any more.
func (s *lookout) silent() (issuers []string) {
	for issuer, l := range s.issuers {
		if l.silent(s.sweep.failures) {
			issuers = append(issuers, issuer)
		}
	}
	return issuers
}

// page asks for a page's certificates, each CA's beside the others'.
func (s *lookout) page(ctx context.Context, due []ports.AdviceDue) error {
	byIssuer := map[string][]ports.AdviceDue{}
	for _, d := range due {
		byIssuer[d.Issued.Issuer] = append(byIssuer[d.Issued.Issuer], d)
	}
	all, ctx := errgroup.WithContext(ctx)
	for issuer, due := range byIssuer {
		if s.issuers[issuer] == nil {
			s.issuers[issuer] = &looked{}
		}
		l := s.issuers[issuer]
		all.Go(func() error {
			few, ctx := errgroup.WithContext(ctx)
			few.SetLimit(s.sweep.together)
			until := time.Now().Add(s.sweep.patience)
			for _, d := range due {
				if ctx.Err() != nil || l.silent(s.sweep.failures) || time.Now().After(until) {
					break
				}
				few.Go(func() error {
					if l.silent(s.sweep.failures) {
						return nil // while this one waited for its turn
					}
					return s.one(ctx, d, l)
				})
			}
			return few.Wait()
		})
	}
	return all.Wait()
}

// one asks for one certificate. It is told first and stored then: a kill in between tells it twice, which does no harm.
func (s *lookout) one(ctx context.Context, due ports.AdviceDue, l *looked) error {
	advice, err := s.look(ctx, due)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	now := s.Clock.Now()
	plan, moved, failures, failure := due.Plan, false, 0, ""
	var fault *domain.Fault
	if due.Plan.At.IsZero() { // its workflow had to do without us: this is its plan from now on
		due.Plan, moved = domain.PlanRenewal(now, due.Issued, nil, s.Dice.Fraction()), true
		plan = due.Plan
	}
	switch {
	case err != nil:
		fault, failures = domain.AsFault(err), due.Failures+1
		failure = fault.Error()
	case advice.Window == nil && !advice.Unsupported:
		failure = "the CA's answer holds no window that can be used"
	default:
		readvised, differs := due.Plan.Readvise(now, due.Issued, advice.Window)
		plan, moved = readvised, moved || differs
	}
	if moved {
		if err := s.tell(ctx, due, plan); err != nil {
			return err
		}
	}
	next := now.Add(domain.NextLook(advice, fault, failures))
	if err := s.Advice.RecordAdvice(ctx, due.Issued.Version, plan, next, failures, failure); err != nil {
		return fmt.Errorf("record advice: %w", err)
	}
	s.Observer.RenewalLooked(ctx, due.Issued.Issuer, l.add(fault, failure != "", moved))
	return nil
}

// look asks the CA once.
func (s *lookout) look(ctx context.Context, due ports.AdviceDue) (domain.Advice, error) {
	ca, err := s.Issuers.Issuer(due.Issued.Issuer)
	if err != nil {
		return domain.Advice{}, err
	}
	leaf, err := leafOf(due.ChainPEM, due.Issued.Version)
	if err != nil {
		return domain.Advice{}, err
	}
	return ask(ctx, ca, leaf, s.sweep.advice)
}

// tell wakes the certificate's workflow. One that has ended is woken by nobody; its plan is stored all the same.
func (s *lookout) tell(ctx context.Context, due ports.AdviceDue, plan domain.RenewalPlan) error {
	logger := activity.GetLogger(ctx)
	err := s.Notifier.Advised(ctx, due.Certificate, ports.AdvisedSignal{Version: due.Issued.Version, Plan: plan})
	var fault *domain.Fault
	if errors.As(err, &fault) && fault.Reason == "NotKept" {
		logger.Warn("renewal moved, but nobody keeps the certificate", "certificate", due.Certificate, "error", err)
		return nil
	}
	if fault != nil && !fault.Transient() {
		// One that cannot be told must not keep all others from being asked. Its plan is stored.
		logger.Error("renewal moved, but the workflow cannot be told", "certificate", due.Certificate, "error", err)
		return nil
	}
	if err != nil {
		return fmt.Errorf("tell of a moved renewal: %w", err)
	}
	if plan.Window == nil {
		plan.Window = &domain.Window{}
	}
	logger.Info("renewal moved", "certificate", due.Certificate, "from", due.Plan.At, "to", plan.At, "reason", plan.Reason,
		"windowStart", plan.Window.Start, "windowEnd", plan.Window.End, "explanationURL", plan.Window.ExplanationURL)
	return nil
}
