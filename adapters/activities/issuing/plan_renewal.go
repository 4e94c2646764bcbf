package issuing

import (
	"context"
	"fmt"

	"go.temporal.io/sdk/activity"

	"everleaf/adapters/activities"
	"everleaf/domain"
)

// plan asks the CA for its window, once, and decides when to renew; the random fraction is drawn here, once, and stored
// with the decision. A CA that gives no advice is no failure: the default policy applies then, and the sweep asks
// again. chain is read where it is not at hand.
func (i *issuance) plan(ctx context.Context, issued domain.Issued, chain []byte) (domain.Record, error) {
	advice, err := i.advice(ctx, issued, chain)
	if err != nil && ctx.Err() != nil {
		return domain.Record{}, err
	}
	var fault *domain.Fault
	failures := 0
	if err != nil {
		fault, failures = domain.AsFault(err), 1
		activity.GetLogger(ctx).Warn("no renewal window from the CA", "certificate", i.in.Certificate, "error", err)
	}
	now := i.Clock.Now()
	plan := domain.PlanRenewal(now, issued, advice.Window, i.Rand.Float64()).WithCooldown(now, issued)
	record, err := i.Certificates.RecordRenewal(ctx, i.in.Certificate, issued.Version, plan,
		now.Add(domain.NextARICheck(advice, fault, failures)))
	if err != nil {
		return domain.Record{}, fmt.Errorf("record renewal: %w", err)
	}
	return record, nil
}

func (i *issuance) advice(ctx context.Context, issued domain.Issued, chain []byte) (domain.Advice, error) {
	ca, err := i.Issuers.Issuer(issued.Issuer)
	if err != nil {
		return domain.Advice{}, err
	}
	if chain == nil {
		if chain, err = i.Certificates.Chain(ctx, i.in.Certificate, issued.Version); err != nil {
			return domain.Advice{}, fmt.Errorf("read chain: %w", err)
		}
	}
	return activities.RenewalAdvice(ctx, ca, chain, issued.Version, i.pace.advice)
}
