package issuing

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/sdk/activity"

	"everleaf/adapters/activities"
	"everleaf/domain"
	"everleaf/ports"
)

// The parts of an issuance, as faults and people name them.
const (
	placeOrder     = "PlaceOrder"
	authorizeOrder = "AuthorizeOrder"
	finalizeOrder  = "FinalizeOrder"
	planRenewal    = "PlanRenewal"
)

// maxNewOrders bounds how many orders may follow one that expired within an attempt.
const maxNewOrders = 2

// issuance obtains one certificate. It is one try: what it goes on from is stored, at the CA, or in at.
type issuance struct {
	*Activities
	in     ports.ObtainCertificateInput
	spec   domain.Spec
	issuer string
	ca     ports.CA
	// stored is the order at work.
	stored ports.StoredOrder
	// replacedOrder is the order that has replaced the same version before; empty if there is none.
	replacedOrder string
	at            progress
	beat          *activities.Progress[progress]
}

// ObtainCertificate takes an issuance from the key to a stored certificate with its plan. Each part finds what an
// earlier try has done, so a repeat goes on where that one ended; and no try waits for long in place.
func (a *Activities) ObtainCertificate(ctx context.Context,
	in ports.ObtainCertificateInput) (out ports.ObtainCertificateOutput, err error) {
	spec, err := in.Spec.Validated()
	if err != nil {
		return out, failedIn(placeOrder, err)
	}
	i := &issuance{Activities: a, in: in, spec: spec, issuer: in.Issuer, at: activities.Resumed[progress](ctx)}
	if i.issuer == "" {
		i.issuer = spec.Issuers[0]
	}
	if i.at.For == "" {
		i.at.For = i.waitsFor()
	}
	beating, beat := activities.Beat(ctx, a.pace.heartbeat, i.at)
	defer beat.Stop()
	i.beat = beat
	record, err := i.obtain(beating)
	if err != nil {
		return out, i.endTry(ctx, err)
	}
	logInService(ctx, in.Certificate, record)
	return ports.ObtainCertificateOutput{Record: readBy(ctx, record)}, nil
}

func logInService(ctx context.Context, certificate string, record domain.Record) {
	issued, renewal := record.Issued, record.Renewal
	if issued == nil || renewal == nil { // released meanwhile
		return
	}
	activity.GetLogger(ctx).Info("certificate in service", "certificate", certificate, "names", issued.Names, "issuer",
		issued.Issuer,
		"serial", issued.Serial, "notAfter", issued.NotAfter, "renewal", renewal.At, "reason", renewal.Reason)
}

// endTry lets the next try go on where this one ended, and counts this one if it failed.
func (i *issuance) endTry(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		// The spec's next issuer may issue at once: no reason to wait for this one.
		err = i.silence(&i.at.silent, len(i.spec.Issuers) > 1, err)
	}
	failed := ctx.Err() == nil && !activities.IsParked(err)
	if failed && !domain.AsFault(err).Transient() {
		return err
	}
	if failed {
		i.at.Failures++
		err = activities.Tried(err, i.at.Failures)
	}
	i.beat.Reached(i.at)
	i.beat.Save(ctx)
	return err
}

// obtain places a new order where one expired while the try was parked: that is nobody's failure.
func (i *issuance) obtain(ctx context.Context) (domain.Record, error) {
	for {
		record, err := i.tryOrder(ctx)
		switch {
		case err == nil || ctx.Err() != nil:
			return record, err
		case errors.Is(err, errIssued):
			continue
		case !orderExpired(err):
			return record, err
		}
		fault := domain.AsFault(err)
		if err := i.Orders.AbandonOrder(ctx, i.in.Certificate, i.stored.ID, fault.Error()); err != nil {
			return record, failedIn(fault.Step, fmt.Errorf("abandon order: %w", err))
		}
		if i.at.Expired >= maxNewOrders {
			if errors.Is(err, errCertificateExpired) {
				return record, err
			}
			return record, failedIn(fault.Step, domain.NewFault(domain.FaultWait, domain.ReasonOrderExpired, nil, "%s",
				fault.Error()).Permanent())
		}
		activity.GetLogger(ctx).Info("order expired; placing a new one", "certificate", i.in.Certificate, "order",
			i.stored.URL, "why", fault.Error())
		i.at = progress{Failures: i.at.Failures, Expired: i.at.Expired + 1}
		i.beat.Reached(i.at)
	}
}

// errIssued says that another try has issued meanwhile.
var errIssued = errors.New("issued meanwhile")

// orderExpired reports whether an order, or an authorization of it, is gone at the CA or was abandoned by another try,
// or its certificate has expired already.
func orderExpired(err error) bool {
	if errors.Is(err, errCertificateExpired) {
		return true
	}
	switch domain.AsFault(err).Reason {
	case domain.ReasonAuthorizationExpired, domain.ReasonOrderAbandoned, domain.ReasonOrderExpired:
		return true
	default:
		return false
	}
}

// tryOrder takes one order as far as it goes.
func (i *issuance) tryOrder(ctx context.Context) (domain.Record, error) {
	record, inFlight, err := i.Orders.FindOrder(ctx, i.in.Certificate)
	if err != nil {
		return record, failedIn(placeOrder, fmt.Errorf("find order: %w", err))
	}
	switch issued := record.Issued; {
	case record.Retirement == domain.Released:
		return record, nil // nothing is obtained any more, whatever this try's workflow knows
	case issued != nil && issued.Version != i.in.Replaces && record.Renewal != nil:
		return record, nil
	case issued != nil && issued.Version != i.in.Replaces:
		record, err := i.plan(ctx, *issued, nil)
		return record, failedIn(planRenewal, err)
	}
	order, err := i.place(ctx, record, inFlight)
	if err != nil {
		return record, failedIn(placeOrder, err)
	}
	if err := i.authorize(ctx, &order); err != nil {
		return record, failedIn(authorizeOrder, err)
	}
	issued, chain, err := i.finalize(ctx, order)
	if err != nil {
		return record, failedIn(finalizeOrder, err)
	}
	record, err = i.plan(ctx, issued, chain)
	return record, failedIn(planRenewal, err)
}

// failedIn notes in a copy of the fault which part it was: certificates that wait for the CA together share its faults.
func failedIn(step string, err error) error {
	if fault, ok := errors.AsType[*domain.Fault](err); ok && fault.Step == "" {
		named := *fault
		named.Step = step
		return &named
	}
	return err
}
