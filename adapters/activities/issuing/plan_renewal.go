package issuing

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"

	"everleaf/domain"
	"everleaf/ports"
)

// adviceAttempts is how often the CA is asked for its window before the rules of the house hold.
const adviceAttempts = 3

// PlanRenewal asks the CA for its window and decides when to renew; the random fraction is drawn here, once, and
// stored with the decision. A CA that gives no advice is no failure: the rules of the house hold then.
func (a *Activities) PlanRenewal(ctx context.Context, in ports.PlanRenewalInput) (ports.PlanRenewalOutput, error) {
	advice, err := a.advice(ctx, in.Issued)
	if err != nil {
		// RFC 9773 §4.3: a temporary error is tried again a few times.
		again := domain.AsFault(err).Transient() && activity.GetInfo(ctx).Attempt < adviceAttempts
		if again || ctx.Err() != nil {
			return ports.PlanRenewalOutput{}, err
		}
		activity.GetLogger(ctx).Warn("no renewal window from the CA", "certificate", in.Certificate, "error", err)
	}
	var fault *domain.Fault
	failures := 0
	if err != nil {
		fault, failures = domain.AsFault(err), 1
	}
	now := a.Clock.Now()
	next := now.Add(domain.NextLook(advice, fault, failures))
	plan := domain.PlanRenewal(now, in.Issued, advice.Window, a.Dice.Fraction()).Breathing(now, in.Issued)
	plan, err = a.Certificates.RecordRenewal(ctx, in.Issued.Version, plan, next)
	if err != nil {
		return ports.PlanRenewalOutput{}, fmt.Errorf("record renewal: %w", err)
	}
	return ports.PlanRenewalOutput{Plan: plan}, nil
}

func (a *Activities) advice(ctx context.Context, issued domain.Issued) (domain.Advice, error) {
	ca, err := a.Issuers.Issuer(issued.Issuer)
	if err != nil {
		return domain.Advice{}, err
	}
	leaf, err := a.leaf(ctx, issued.Version)
	if err != nil {
		return domain.Advice{}, err
	}
	return ask(ctx, ca, leaf, a.pace.advice)
}

// ask asks the CA once, for limit at most.
func ask(ctx context.Context, ca ports.CA, leaf []byte, limit time.Duration) (domain.Advice, error) {
	var none domain.Advice
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	advice, err := ca.RenewalAdvice(bounded, leaf)
	if err != nil && bounded.Err() != nil && ctx.Err() == nil {
		return none, domain.NewFault(domain.FaultCA, "Timeout", err, "the CA gave no renewal window within %s", limit)
	}
	if err != nil {
		return none, fmt.Errorf("ask for renewal window: %w", err)
	}
	return advice, nil
}
