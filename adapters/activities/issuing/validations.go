package issuing

import (
	"context"
	"fmt"
	"time"

	"everleaf/domain"
)

// spreadLimited is over how long those who wait for one name are spread.
const spreadLimited = 10 * time.Minute

// checkValidationLimit refuses to let the CA validate challenges while too many validations of one of their names have
// failed there, whichever certificates they were for.
func (i *issuance) checkValidationLimit(ctx context.Context, challenges []domain.Challenge) error {
	if len(challenges) == 0 {
		return nil
	}
	names := make([]string, 0, len(challenges))
	for _, challenge := range challenges {
		names = append(names, domain.ValidatedName(challenge.Name))
	}
	now := i.Clock.Now()
	failures, err := i.Validations.FailedValidations(ctx, i.issuer, names, now.Add(-domain.ValidationsWindow))
	if err != nil {
		return fmt.Errorf("count failed validations: %w", err)
	}
	if held := domain.ValidationLimit(now, i.issuer, failures); held != nil {
		// Certificates that wait for the same name do not come back at the same instant, before any of them has failed
		// again.
		return held.WithRetryAfter(held.RetryAfter + time.Duration(i.Rand.Float64()*float64(spreadLimited)))
	}
	return nil
}

// countFailed notes a validation that failed. One that merely ran out, or was given up, was none.
func (i *issuance) countFailed(ctx context.Context, authorization domain.Authorization) error {
	if authorization.Status != domain.AuthorizationInvalid {
		return nil
	}
	err := i.Validations.RecordFailedValidation(ctx, i.issuer, domain.ValidatedName(authorization.Name),
		authorization.URL,
		i.Clock.Now())
	if err != nil {
		return fmt.Errorf("count failed validation: %w", err)
	}
	return nil
}

// countOthers notes which others of an order failed beside the one that err is about: the CA counts each. It looks
// once, for what is not done yet is not waited for; err is handed on.
func (i *issuance) countOthers(ctx context.Context, others []domain.Authorization, err error) error {
	// a slow CA must not turn the name's fault into the step's time-out
	ctx, cancel := context.WithTimeout(ctx, i.pace.cleanUp)
	defer cancel()
	for _, other := range others {
		authorization, readErr := i.ca.Authorization(ctx, other.URL)
		if readErr != nil {
			break // what failed is reported, and not that the rest could not be read
		}
		if countErr := i.countFailed(ctx, authorization); countErr != nil {
			return countErr
		}
	}
	return err
}
