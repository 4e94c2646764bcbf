package delivering

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"

	"everleaf/adapters/activities"
	"everleaf/domain"
	"everleaf/domain/lifecycle"
	"everleaf/ports"
)

// recordFor bounds what follows a delivery after the step was ended.
const recordFor = 30 * time.Second

// DeliverCertificate delivers the version in service to one target and records it. A repeat finds at the target what an
// earlier try has put there. What cannot be delivered at all is found before the target counts as contacted.
func (a *Activities) DeliverCertificate(ctx context.Context,
	in ports.DeliverCertificateInput) (out ports.DeliverCertificateOutput, err error) {
	ctx, end := beat(ctx, in.Target)
	defer func() { end(err) }()
	target, err := a.target(ctx, in.Target)
	if err != nil {
		return out, err
	}
	bundle, err := a.bundle(ctx, in.Certificate, in.Version)
	if err != nil {
		return out, err
	}
	defer clear(bundle.KeyPEM)
	number := func() (int64, error) {
		return a.Deliveries.BeginDelivery(ctx, request(ctx, in.Certificate, in.Target), in.Version)
	}
	if bundle.Sequence, err = number(); err != nil {
		return out, fmt.Errorf("begin the delivery: %w", err)
	}
	bundle.Target = in.Target
	if out.Confirmation, err = target.Deliver(ctx, bundle); err != nil {
		return out, fmt.Errorf("deliver to %s: %w", in.Target, aheadFault(err, in.Target, number))
	}
	if err := a.recordDelivered(ctx, target, bundle, out.Confirmation); err != nil {
		return out, fmt.Errorf("record the delivery: %w", err)
	}
	a.Observer.CertificateDelivered(ctx, in.Target)
	return out, nil
}

// recordDelivered records what was done at the target, also where the step was ended meanwhile: it may be a try that
// was cut off and came back after the target was cleared. Then it takes away again what it has put there.
func (a *Activities) recordDelivered(ctx context.Context, target ports.Target, bundle ports.Bundle,
	confirmation string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordFor)
	defer cancel()
	cleared, err := a.Deliveries.RecordDelivered(ctx, bundle.Certificate, bundle.Target, bundle.Sequence, confirmation)
	if !cleared {
		return err
	}
	// With the number of its own delivery: what was asked for later stays.
	if undo := target.Remove(ctx, ports.Removal{Certificate: bundle.Certificate, Target: bundle.Target,
		Sequence: bundle.Sequence}); undo != nil {
		activity.GetLogger(ctx).Error("a late delivery has left a certificate at a target that was cleared",
			"certificate",
			bundle.Certificate,
			"target", bundle.Target, "error", undo)
	}
	return err
}

// beat has the heartbeats of a target's step name the target, for callers who see it at work or failed. The caller must
// call end with the step's error.
func beat(ctx context.Context, target string) (beating context.Context, end func(error)) {
	beating, progress := activities.Beat(ctx, activities.Heartbeat, domain.Look{For: "target " + target})
	return beating, func(err error) {
		if err == nil {
			progress.Stop()
			return
		}
		progress.Save(ctx) // also of a try that failed before the first heartbeat
	}
}

// target is the configured target of a delivery, whatever its host: the queue has brought it here.
func (a *Activities) target(ctx context.Context, delivery string) (ports.Target, error) {
	name, _ := lifecycle.TargetHost(delivery)
	target, err := a.Targets.Target(name)
	if err != nil {
		return nil, activities.Elsewhere(ctx, a.Processes, err, activities.HasTarget(delivery))
	}
	return target, nil
}

// request is what this step asks of a target; its ID is the same for each try of the step, and nobody else's.
func request(ctx context.Context, certificate, target string) ports.DeliveryRequest {
	info := activity.GetInfo(ctx)
	return ports.DeliveryRequest{Certificate: certificate, Target: target, ID: info.WorkflowExecution.RunID + "/" +
		info.ActivityID}
}

// aheadFault interprets a target's refusal of a request that is older than what the target has. If Postgres knows of
// nothing later, the target is ahead of it, and the next try will be refused as well: a person must look.
func aheadFault(err error, target string, number func() (int64, error)) error {
	if domain.AsFault(err).Reason != domain.ReasonVersionReplaced {
		return err
	}
	if _, overtaken := number(); overtaken != nil {
		return overtaken
	}
	return domain.NewFault(domain.FaultOperator, domain.ReasonTargetAhead, err,
		"target %s has had a delivery with a number that the database has not reached; "+
			"if the database was restored from a backup while its clock was wrong, clear the certificate's directory at the "+
			"target", target)
}

// bundle is the version in service with its opened key, which the caller clears. A version that another one has
// replaced is not delivered: a late try must not put it in the newer one's place.
func (a *Activities) bundle(ctx context.Context, certificate, version string) (ports.Bundle, error) {
	pair, err := a.Deliveries.Bundle(ctx, certificate, version)
	if err != nil {
		return ports.Bundle{}, fmt.Errorf("read the certificate: %w", err)
	}
	if pair.Replaced || pair.Record.ReleasedAt != nil {
		return ports.Bundle{}, domain.NewFault(domain.FaultWait, domain.ReasonVersionReplaced, nil,
			"version %s of %s is not in service any more", version, certificate).Permanent()
	}
	key, err := a.Keys.Open(ctx, pair.SealedPair)
	if err != nil {
		return ports.Bundle{}, err
	}
	return ports.Bundle{Certificate: certificate, Issued: *pair.Record.Issued, ChainPEM: pair.ChainPEM, KeyPEM: key},
		nil
}
