package delivering

import (
	"context"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/activity"
	"golang.org/x/sync/errgroup"

	"everleaf/adapters/activities"
	"everleaf/domain"
	"everleaf/domain/lifecycle"
	"everleaf/ports"
)

const (
	// sweepPage is how many deliveries are read and checked between two heartbeats of the progress.
	sweepPage = 100
	// checksAtOnce is how many targets are checked at once.
	checksAtOnce = 10
	// sweepFor is about how long one step goes on before it hands the rest to the next.
	sweepFor = 3 * time.Minute
)

// SweepDeliveries checks whether the targets on a host still have what was delivered. What has drifted is stored, and
// then the certificates' workflows are notified: they deliver again. A target that cannot be checked has not drifted. A
// repeat goes on where the last heartbeat was; what a killed try has stored is notified by the next one, which finds it
// unconfirmed.
func (a *Activities) SweepDeliveries(ctx context.Context,
	in ports.SweepDeliveriesInput) (out ports.SweepDeliveriesOutput, err error) {
	out.After = in.After
	if activity.HasHeartbeatDetails(ctx) {
		if err := activity.GetHeartbeatDetails(ctx, &out); err != nil {
			out = ports.SweepDeliveriesOutput{After: in.After}
		}
	}
	ctx, progress := activities.Beat(ctx, activities.Heartbeat, out)
	defer progress.Stop()
	deadline := a.Clock.Now().Add(sweepFor)
	for !out.Done && a.Clock.Now().Before(deadline) {
		page, err := a.Deliveries.Delivered(ctx, in.Host, out.After, sweepPage)
		if err != nil {
			return out, fmt.Errorf("read deliveries: %w", err)
		}
		drifts, err := a.check(ctx, page.Deliveries)
		if err != nil {
			return out, err
		}
		before := driftedBefore(page.Deliveries)
		if err := a.recordDrift(ctx, drifts, before); err != nil {
			return out, err
		}
		out.Checked, out.Drifted = out.Checked+len(page.Deliveries)-len(before), out.Drifted+len(drifts)
		out.After, out.Done = page.After, page.Done
		progress.Reached(out)
	}
	return out, nil
}

// check finds the deliveries of a page that are not in place, in the page's order. Those that have drifted before are
// not checked.
func (a *Activities) check(ctx context.Context, page []ports.DeliveredTo) ([]ports.Drift, error) {
	found := make([]string, len(page))
	group, checking := errgroup.WithContext(ctx)
	group.SetLimit(checksAtOnce)
	for i, delivery := range page {
		if delivery.Version == "" {
			continue
		}
		group.Go(func() (err error) {
			found[i], err = a.drift(checking, delivery)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var drifts []ports.Drift
	for i, delivery := range page {
		if found[i] != "" {
			activity.GetLogger(ctx).Warn("delivery drifted", "certificate", delivery.Certificate, "target",
				delivery.Target,
				"drift", found[i])
			a.Observer.DeliveryDrifted(ctx, delivery.Target)
			drifts = append(drifts, ports.Drift{DeliveredTo: delivery, What: found[i]})
		}
	}
	return drifts, nil
}

// drift returns how one delivery differs. Only what would stop every other check as well is an error.
func (a *Activities) drift(ctx context.Context, delivery ports.DeliveredTo) (string, error) {
	name, _ := lifecycle.TargetHost(delivery.Target)
	target, err := a.Targets.Target(name)
	if err != nil {
		return "", a.passed(ctx, delivery, err)
	}
	bundle, err := a.bundle(ctx, delivery.Certificate, delivery.Version)
	if fault := domain.AsFault(err); err != nil && fault.Transient() {
		return "", err // Postgres or the key service: nothing can be checked
	}
	if err != nil {
		return "", a.passed(ctx, delivery, err)
	}
	defer clear(bundle.KeyPEM)
	drift, err := target.Drift(ctx, bundle)
	if err != nil {
		return "", a.passed(ctx, delivery, err)
	}
	return drift, nil
}

// passed logs that a delivery could not be checked. Its error is that of a step that was ended.
func (a *Activities) passed(ctx context.Context, delivery ports.DeliveredTo, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if domain.AsFault(err).Reason != domain.ReasonVersionReplaced {
		activity.GetLogger(ctx).Warn("delivery not checked", "certificate", delivery.Certificate, "target",
			delivery.Target,
			"error", err)
	}
	return nil
}

// driftedBefore returns the certificates of a page's deliveries that an earlier check has found drifted, once for each.
func driftedBefore(page []ports.DeliveredTo) (certificates []string) {
	for _, delivery := range page {
		if delivery.Version == "" {
			certificates = append(certificates, delivery.Certificate)
		}
	}
	return certificates
}

// recordDrift stores a page's drifts and notifies each certificate once, together with those that have drifted before.
func (a *Activities) recordDrift(ctx context.Context, drifts []ports.Drift, certificates []string) error {
	if len(drifts) > 0 {
		if err := a.Deliveries.RecordDrifted(ctx, drifts); err != nil {
			return fmt.Errorf("record drifted deliveries: %w", err)
		}
	}
	for _, drift := range drifts {
		certificates = append(certificates, drift.Certificate)
	}
	slices.Sort(certificates)
	for _, certificate := range slices.Compact(certificates) {
		if _, err := activities.Notify(ctx, a.Notifier, certificate); err != nil {
			return err
		}
	}
	return nil
}
