package activities

import (
	"context"
	"encoding/pem"
	"fmt"
	"time"

	"everleaf/domain"
	"everleaf/ports"
)

// RenewalAdvice asks a CA once, for limit at most, when to renew the version of this chain.
func RenewalAdvice(ctx context.Context, ca ports.CA, chainPEM []byte, version string,
	limit time.Duration) (domain.Advice, error) {
	leaf, err := Leaf(chainPEM, version)
	if err != nil {
		return domain.Advice{}, err
	}
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	advice, err := ca.RenewalAdvice(bounded, leaf)
	if err != nil && bounded.Err() != nil && ctx.Err() == nil {
		return domain.Advice{}, domain.NewFault(domain.FaultCA, domain.ReasonTimeout, err,
			"the CA gave no renewal window within %s", limit)
	}
	if err != nil {
		return domain.Advice{}, fmt.Errorf("ask for renewal window: %w", err)
	}
	return advice, nil
}

// Leaf is the leaf of a version's chain, DER.
func Leaf(chainPEM []byte, version string) ([]byte, error) {
	leaf, _ := pem.Decode(chainPEM)
	if leaf == nil {
		return nil, domain.NewFault(domain.FaultOperator, domain.ReasonChainMalformed, nil,
			"version %s: the stored chain is not PEM", version)
	}
	return leaf.Bytes, nil
}
