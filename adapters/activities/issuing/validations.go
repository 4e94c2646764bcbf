package issuing

import (
	"context"
	"fmt"
	"time"

	"everleaf/domain"
	"everleaf/ports"
)

// spreadHeldBack is over how long those who wait for one name are spread.
const spreadHeldBack = 10 * time.Minute

// mayValidate refuses to tell the CA of challenges while too many validations of one of their names have failed there,
// whichever certificates they were for.
func (a *Activities) mayValidate(ctx context.Context, issuer string, challenges []domain.Challenge) error {
	if len(challenges) == 0 {
		return nil
	}
	names := make([]string, 0, len(challenges))
	for _, challenge := range challenges {
		names = append(names, domain.ValidatedName(challenge.Name))
	}
	now := a.Clock.Now()
	failures, err := a.Validations.FailedValidations(ctx, issuer, names, now.Add(-domain.ValidationsWindow))
	if err != nil {
		return fmt.Errorf("count failed validations: %w", err)
	}
	if held := domain.HeldBack(now, issuer, failures); held != nil {
		// Certificates that wait for the same name do not come back at the same instant, before any of them has failed again.
		return held.After(held.RetryAfter + time.Duration(a.Dice.Fraction()*float64(spreadHeldBack)))
	}
	return nil
}

// countFailed notes a validation that failed. One that merely ran out, or was given up, was none.
func (a *Activities) countFailed(ctx context.Context, issuer string, authorization domain.Authorization) error {
	if authorization.Status != domain.AuthorizationInvalid {
		return nil
	}
	err := a.Validations.RecordFailedValidation(ctx, issuer, domain.ValidatedName(authorization.Name), authorization.URL, a.Clock.Now())
	if err != nil {
		return fmt.Errorf("count failed validation: %w", err)
	}
	return nil
}

// countOthers notes which others of an order failed beside the one that err is about: the CA counts each. It looks once, for
// what is not done yet is not waited for; err is handed on.
func (a *Activities) countOthers(ctx context.Context, ca ports.CA, issuer string, others []domain.Authorization, err error) error {
	ctx, cancel := context.WithTimeout(ctx, a.pace.cleanUp) // a slow CA must not turn the name's fault into the step's time-out
	defer cancel()
	for _, other := range others {
		authorization, readErr := ca.Authorization(ctx, other.URL)
		if readErr != nil {
			break // what failed is told, and not that nobody could look further
		}
		if countErr := a.countFailed(ctx, issuer, authorization); countErr != nil {
			return countErr
		}
	}
	return err
}
