package issuing

import (
	"context"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/activity"

	"everleaf/domain"
	"everleaf/ports"
)

// AuthorizeOrder takes every authorization of the order to valid: present all, look from our side, tell the CA, wait
// for it, clean up. Authorizations that are valid already are left alone (RFC 8555 §7.1.3). A repeated call goes on
// where the CA's own state says.
func (a *Activities) AuthorizeOrder(ctx context.Context, in ports.AuthorizeOrderInput) (ports.AuthorizeOrderOutput, error) {
	ctx, stop := a.heartbeat(ctx)
	defer stop()
	return a.authorize(ctx, in)
}

func (a *Activities) authorize(ctx context.Context, in ports.AuthorizeOrderInput) (out ports.AuthorizeOrderOutput, err error) {
	ca, err := a.Issuers.Issuer(in.Order.Issuer)
	if err != nil {
		return out, err
	}
	solver, ok := a.solvers[in.Challenge]
	if !ok {
		return out, domain.NewFault(domain.FaultOperator, "UnknownSolver", nil,
			"challenge %q: this worker has no solver for it", in.Challenge)
	}
	defer func() {
		// Not while the CA may still look: when this try is cut short (shutdown, lost heartbeat, cancellation) or is
		// repeated in place, the next try or the record of the outcome removes the challenges, as after a kill.
		if ctx.Err() != nil || err != nil && domain.AsFault(err).Transient() {
			return
		}
		cleanCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.pace.cleanUp)
		defer cancel()
		// Nothing to hold up a certificate for: what stays is stored, and goes with the record of the outcome or with a sweep.
		if cleanErr := solver.CleanUp(cleanCtx, in.Order.ID); cleanErr != nil {
			activity.GetLogger(ctx).Warn("challenges not removed yet", "certificate", in.Certificate, "order", in.Order.ID, "error", cleanErr)
		}
	}()

	var open []domain.Challenge
	var waiting []domain.Authorization
	for _, url := range in.Order.Authorizations {
		authorization, err := ca.Authorization(ctx, url)
		if err != nil {
			return out, fmt.Errorf("read authorization: %w", err)
		}
		switch authorization.Status {
		case domain.AuthorizationValid:
			out.AlreadyValid = append(out.AlreadyValid, authorization.Name)
		case domain.AuthorizationPending:
			challenge, err := pick(authorization, in.Challenge)
			if err != nil {
				return out, err
			}
			open, waiting = append(open, challenge), append(waiting, authorization)
		default:
			return out, a.notValid(ctx, in.Order.Issuer, authorization)
		}
	}
	if len(open) == 0 {
		return out, nil
	}
	if err := solver.Present(ctx, in.Order.ID, open); err != nil {
		return out, fmt.Errorf("present challenges: %w", err)
	}
	if err := a.accept(ctx, ca, solver, in.Order.Issuer, in.Forced, open); err != nil {
		return out, err
	}
	if err := wait(ctx, a.pace.first); err != nil {
		return out, err
	}
	for i, authorization := range waiting {
		if err := a.awaitValid(ctx, ca, in.Order.Issuer, authorization.URL); err != nil {
			return out, a.countOthers(ctx, ca, in.Order.Issuer, waiting[i+1:], err)
		}
		out.Authorized = append(out.Authorized, authorization.Name)
	}
	return out, nil
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
	return domain.Challenge{}, domain.NewFault(domain.FaultName, "ChallengeNotOffered", nil,
		"name %q: the CA does not offer %s (it offers %v): choose another challenge", authorization.Name, want, offered)
}

// accept tells the CA of each challenge, but only after all of them were seen from our side, and not while too many failed
// lately: a failed validation counts against the name (Let's Encrypt: 5 an hour).
func (a *Activities) accept(ctx context.Context, ca ports.CA, solver ports.Solver, issuer string, forced bool, challenges []domain.Challenge) error {
	untold := slices.DeleteFunc(slices.Clone(challenges), func(c domain.Challenge) bool { return c.Status != domain.AuthorizationPending })
	deadline := a.Clock.Now().Add(solver.Patience())
	for _, challenge := range untold {
		if err := a.awaitVisible(ctx, solver, challenge, deadline); err != nil {
			return err
		}
	}
	if !forced {
		if err := a.mayValidate(ctx, issuer, untold); err != nil {
			return err
		}
	}
	for _, challenge := range untold {
		if err := ca.AcceptChallenge(ctx, challenge); err != nil {
			return fmt.Errorf("accept challenge: %w", err)
		}
	}
	return nil
}

// awaitVisible looks until the challenge is seen. Not seen in time is the name's fault: whoever owns it must act. That a zone of
// ours cannot be seen is the operator's, and that we could not look stays what it is.
func (a *Activities) awaitVisible(ctx context.Context, solver ports.Solver, challenge domain.Challenge, deadline time.Time) error {
	for pause := a.pace.check; ; pause = min(2*pause, a.pace.checkMax) {
		err := solver.Check(ctx, challenge)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return err
		}
		fault := domain.AsFault(err)
		if fault.Kind != domain.FaultWait {
			return fmt.Errorf("check challenge: %w", err)
		}
		if a.Clock.Now().Add(pause).After(deadline) {
			switch fault.Reason {
			case domain.ReasonChallengeNotVisible:
				return domain.NewFault(domain.FaultName, fault.Reason, nil, "%s", fault.Error())
			case domain.ReasonZoneNotVisible:
				return domain.NewFault(domain.FaultOperator, fault.Reason, nil, "%s", fault.Error())
			}
			return fmt.Errorf("check challenge: %w", err)
		}
		if err := wait(ctx, pause); err != nil {
			return err
		}
	}
}

// awaitValid looks at the authorization until the CA is done with it, at the CA's pace (RFC 8555 §7.5.1).
func (a *Activities) awaitValid(ctx context.Context, ca ports.CA, issuer, url string) error {
	pause := a.pace.poll
	for {
		authorization, err := ca.Authorization(ctx, url)
		if err != nil {
			return fmt.Errorf("read authorization: %w", err)
		}
		switch authorization.Status {
		case domain.AuthorizationValid:
			return nil
		case domain.AuthorizationPending:
		default:
			return a.notValid(ctx, issuer, authorization)
		}
		if err := wait(ctx, pauseOr(authorization.RetryAfter, pause, a.pace.toldMax)); err != nil {
			return err
		}
		pause = min(2*pause, a.pace.pollMax)
	}
}

// notValid is why an authorization cannot become valid any more. A validation that failed is counted first.
func (a *Activities) notValid(ctx context.Context, issuer string, authorization domain.Authorization) error {
	if err := a.countFailed(ctx, issuer, authorization); err != nil {
		return err
	}
	if authorization.Fault != nil {
		return authorization.Fault
	}
	return domain.NewFault(domain.FaultName, "AuthorizationFailed", nil,
		"name %q: the authorization is %s", authorization.Name, authorization.Status)
}

// heartbeat tells Temporal that the step is alive, and the step that it is cancelled.
func (a *Activities) heartbeat(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		ticker := time.NewTicker(a.pace.heartbeat)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				activity.RecordHeartbeat(ctx)
			}
		}
	}()
	return ctx, cancel
}
