package issuing

import (
	"context"
	"encoding/pem"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"

	"everleaf/domain"
	"everleaf/ports"
)

// plan asks the CA for its window, once, and decides when to renew; the random fraction is drawn here, once, and stored
// with the decision. A CA that gives no advice is no failure: the rules of the house hold then, and the sweep asks again.
// chain is read where it is not at hand.
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
	plan := domain.PlanRenewal(now, issued, advice.Window, i.Dice.Fraction()).WithCooldown(now, issued)
	record, err := i.Certificates.RecordRenewal(ctx, i.in.Certificate, issued.Version, plan, now.Add(domain.NextARICheck(advice, fault, failures)))
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
	leaf, err := leafOf(chain, issued.Version)
	if err != nil {
		return domain.Advice{}, err
	}
	return ask(ctx, ca, leaf, i.pace.advice)
}

// ask asks the CA once, for limit at most.
func ask(ctx context.Context, ca ports.CA, leaf []byte, limit time.Duration) (domain.Advice, error) {
	var none domain.Advice
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	advice, err := ca.RenewalAdvice(bounded, leaf)
	if err != nil && bounded.Err() != nil && ctx.Err() == nil {
		return none, domain.NewFault(domain.FaultCA, domain.ReasonTimeout, err, "the CA gave no renewal window within %s", limit)
	}
	if err != nil {
		return none, fmt.Errorf("ask for renewal window: %w", err)
	}
	return advice, nil
}

// leafOf is the leaf of a version's chain, DER.
func leafOf(chain []byte, version string) ([]byte, error) {
	leaf, _ := pem.Decode(chain)
	if leaf == nil {
		return nil, domain.NewFault(domain.FaultOperator, domain.ReasonChainMalformed, nil, "version %s: the stored chain is not PEM", version)
	}
	return leaf.Bytes, nil
}
