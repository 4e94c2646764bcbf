package issuing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/activity"

	"everleaf/adapters/activities"
	"everleaf/domain"
	"everleaf/ports"
)

// authorize takes every authorization of a pending order to valid: present all, check from our side, accept, wait for
// the CA, clean up. Authorizations that are valid already are left alone (RFC 8555 §7.1.3). The order is ready
// afterwards.
func (i *issuance) authorize(ctx context.Context, order *domain.Order) (err error) {
	if order.Status != domain.OrderPending {
		if i.at.Stage == presented || i.at.Stage == accepted { // the CA was done while the try was parked
			i.cleanUp(ctx, i.solvers[i.spec.Challenge])
		}
		return nil
	}
	solver, ok := i.solvers[i.spec.Challenge]
	if !ok {
		return domain.NewFault(domain.FaultOperator, domain.ReasonUnknownSolver, nil,
			"challenge %q: this worker has no solver for it", i.spec.Challenge)
	}
	defer func() {
		// Not while the CA may still check: when this try is cut short (shutdown, lost heartbeat, cancellation),
		// parked or repeated in place, the next try or the record of the outcome removes the challenges, as after a
		// kill.
		if ctx.Err() == nil && !activities.IsParked(err) && (err == nil || !domain.AsFault(err).Transient()) {
			i.cleanUp(ctx, solver)
		}
	}()
	open, waiting, err := i.pending(ctx, order.Authorizations)
	if err != nil {
		return err
	}
	if len(waiting) > 0 {
		if err := i.validate(ctx, solver, open, waiting[0]); err != nil {
			return err
		}
	}
	if err := i.awaitValid(ctx, waiting); err != nil {
		return err
	}
	order.Status = domain.OrderReady
	return nil
}

// cleanUp removes the order's challenges. Nothing to hold up a certificate for: what stays is stored, and goes with the
// record of the outcome or with a sweep.
func (i *issuance) cleanUp(ctx context.Context, solver ports.Solver) {
	if solver == nil {
		return
	}
	cleanCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), i.pace.cleanUp)
	defer cancel()
	if err := solver.CleanUp(cleanCtx, i.stored.ID); err != nil {
		activity.GetLogger(ctx).Warn("challenges not removed yet", "certificate", i.in.Certificate, "order",
			i.stored.ID,
			"error", err)
	}
}

// pending returns the authorizations that are not valid yet, with the challenge chosen for each.
func (i *issuance) pending(ctx context.Context,
	urls []string) (open []domain.Challenge, waiting []domain.Authorization, err error) {
	for n, url := range urls {
		authorization, err := i.ca.Authorization(ctx, url)
		if err != nil {
			return nil, nil, fmt.Errorf("read authorization: %w", err)
		}
		switch authorization.Status {
		case domain.AuthorizationValid:
		case domain.AuthorizationPending:
			challenge, err := pick(authorization, i.spec.Challenge)
			if err != nil {
				return nil, nil, err
			}
			open, waiting = append(open, challenge), append(waiting, authorization)
		default:
			others := make([]domain.Authorization, 0, len(urls))
			for _, url := range urls[n+1:] {
				others = append(others, domain.Authorization{URL: url})
			}
			return nil, nil, i.countOthers(ctx, others, i.notValidFault(ctx, authorization))
		}
	}
	return open, waiting, nil
}

// pick chooses the challenge of the wanted type.
func pick(authorization domain.Authorization, want domain.ChallengeType) (domain.Challenge, error) {
	var offered []domain.ChallengeType
	for _, challenge := range authorization.Challenges {
		if challenge.Type == want {
			return challenge, nil
		}
		offered = append(offered, challenge.Type)
	}
	return domain.Challenge{}, domain.NewFault(domain.FaultName, domain.ReasonChallengeNotOffered, nil,
		"name %q: the CA does not offer %s (it offers %v): choose another challenge", authorization.Name, want, offered)
}

// validate has the CA validate the challenges, unless an earlier try has done so, and waits for its first answer.
func (i *issuance) validate(ctx context.Context, solver ports.Solver, open []domain.Challenge,
	first domain.Authorization) error {
	if i.at.Stage == accepted {
		return i.wait(ctx, first.RetryAfter, i.pace.poll, i.stuckFault(waitsForValidation))
	}
	if i.at.Stage != presented {
		if err := solver.Present(ctx, i.stored.ID, open); err != nil {
			return fmt.Errorf("present challenges: %w", err)
		}
		i.enter(presented)
	}
	if err := i.accept(ctx, solver, open); err != nil {
		return err
	}
	i.enter(accepted)
	return activities.Wait(ctx, i.pace.first)
}

// accept lets the CA validate each challenge, but only after all of them are visible from our side, and not while too
// many failed lately: a failed validation counts against the name (Let's Encrypt: 5 an hour).
func (i *issuance) accept(ctx context.Context, solver ports.Solver, challenges []domain.Challenge) error {
	pending := slices.DeleteFunc(slices.Clone(challenges),
		func(c domain.Challenge) bool { return c.Status != domain.AuthorizationPending })
	for _, challenge := range pending {
		if err := i.awaitVisible(ctx, solver, challenge); err != nil {
			return err
		}
	}
	if !i.in.Force {
		if err := i.checkValidationLimit(ctx, pending); err != nil {
			return err
		}
	}
	for _, challenge := range pending {
		if err := i.ca.AcceptChallenge(ctx, challenge); err != nil {
			return fmt.Errorf("accept challenge: %w", err)
		}
	}
	return nil
}

// awaitVisible checks until the challenge is visible. If it is not visible in time, that is the name's fault: its owner
// must act. A zone of ours that is not visible is the operator's, and a check that was not possible keeps its own
// fault.
func (i *issuance) awaitVisible(ctx context.Context, solver ports.Solver, challenge domain.Challenge) error {
	for {
		err := solver.Check(ctx, challenge)
		if err == nil || ctx.Err() != nil {
			return err
		}
		fault := domain.AsFault(err)
		if fault.Kind != domain.FaultWait {
			return fmt.Errorf("check challenge: %w", err)
		}
		limit := i.visibleWithin(solver, err)
		if !i.Clock.Now().Before(i.at.Since.Add(limit)) {
			return fmt.Errorf("check challenge: %w", notVisibleFault(fault))
		}
		i.saw(fault, limit)
		if err := i.wait(ctx, 0, i.pace.check, notVisibleFault(fault)); err != nil {
			return err
		}
	}
}

// visibleWithin is how long a stage waits that has just seen err: not for long where connections were refused all the
// time.
func (i *issuance) visibleWithin(solver ports.Solver, err error) time.Duration {
	now, limit := i.Clock.Now(), solver.WaitLimit()
	if _, closed := errors.AsType[ports.PortClosed](err); !closed {
		i.at.Closed = time.Time{}
		return limit
	}
	if i.at.Closed.IsZero() {
		i.at.Closed = now
	}
	return min(limit, i.at.Closed.Sub(i.at.Since)+i.pace.closed)
}

// notVisibleFault says whose fault it is that a challenge is not visible in time.
func notVisibleFault(fault *domain.Fault) *domain.Fault {
	switch fault.Reason {
	case domain.ReasonChallengeNotVisible:
		return domain.NewFault(domain.FaultName, fault.Reason, nil, "%s", fault.Error())
	case domain.ReasonZoneNotVisible, domain.ReasonInvalidSetting:
		return domain.NewFault(domain.FaultOperator, fault.Reason, nil, "%s", fault.Error())
	default:
		return fault
	}
}

const waitsForValidation = "the CA validates the challenges"

// awaitValid polls the authorizations until the CA is done with them, at the CA's pace (RFC 8555 §7.5.1).
func (i *issuance) awaitValid(ctx context.Context, waiting []domain.Authorization) error {
	for len(waiting) > 0 {
		authorization, err := i.ca.Authorization(ctx, waiting[0].URL)
		if err != nil {
			return fmt.Errorf("read authorization: %w", err)
		}
		switch authorization.Status {
		case domain.AuthorizationValid:
			waiting = waiting[1:]
		case domain.AuthorizationPending:
			if err := i.wait(ctx, authorization.RetryAfter, i.pace.poll, i.stuckFault(waitsForValidation)); err != nil {
				return err
			}
		default:
			return i.countOthers(ctx, waiting[1:], i.notValidFault(ctx, authorization))
		}
	}
	return nil
}

// notValidFault says why an authorization cannot become valid any more. A validation that failed is counted first.
func (i *issuance) notValidFault(ctx context.Context, authorization domain.Authorization) error {
	if err := i.countFailed(ctx, authorization); err != nil {
		return err
	}
	if authorization.Fault != nil {
		return authorization.Fault
	}
	return domain.NewFault(domain.FaultName, domain.ReasonAuthorizationFailed, nil,
		"name %q: the authorization is %s", authorization.Name, authorization.Status)
}
