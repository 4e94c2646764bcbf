package delivering

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/activity"
	"golang.org/x/sync/errgroup"

	"everleaf/domain"
	"everleaf/ports"
)

const (
	// sweepPage is how many deliveries are read, and looked at, between two notes of how far it is.
	sweepPage = 100
	// sweepLooks is how many targets are looked at at once.
	sweepLooks = 10
	// sweepFor is about how long one step goes on before it hands the rest to the next.
	sweepFor = 3 * time.Minute
)

// SweepDeliveries looks whether the targets on a host still have what was delivered, and tells the certificates of those
// that have not: their workflows deliver again. A target that cannot be looked at has not drifted. A repeat goes on where
// the last heartbeat was.
func (a *Activities) SweepDeliveries(ctx context.Context, in ports.SweepDeliveriesInput) (out ports.SweepDeliveriesOutput, err error) {
	out.After = in.After
	if activity.HasHeartbeatDetails(ctx) {
		if err := activity.GetHeartbeatDetails(ctx, &out); err != nil {
			out = ports.SweepDeliveriesOutput{After: in.After}
		}
	}
	ctx, progress := beat(ctx, a.pace.heartbeat, out)
	defer progress.stop()
	deadline := a.Clock.Now().Add(sweepFor)
	for !out.Done && a.Clock.Now().Before(deadline) {
		page, err := a.Deliveries.Delivered(ctx, in.Host, out.After, sweepPage)
		if err != nil {
			return out, fmt.Errorf("read deliveries: %w", err)
		}
		drifted, err := a.look(ctx, page)
		if err != nil {
			return out, err
		}
		if err := a.tellDrift(ctx, drifted); err != nil {
			return out, err
		}
		out.Looked, out.Drifted, out.Done = out.Looked+len(page), out.Drifted+len(drifted), len(page) < sweepPage
		if len(page) > 0 {
			out.After = page[len(page)-1]
		}
		progress.reached(out)
	}
	return out, nil
}

// look finds the deliveries of a page that are not in place, in the page's order.
func (a *Activities) look(ctx context.Context, page []ports.DeliveredTo) ([]ports.DeliveredTo, error) {
	drifts := make([]string, len(page))
	group, looking := errgroup.WithContext(ctx)
	group.SetLimit(sweepLooks)
	for i, delivery := range page {
		group.Go(func() (err error) {
			drifts[i], err = a.drift(looking, delivery)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var drifted []ports.DeliveredTo
	for i, delivery := range page {
		if drifts[i] != "" {
			activity.GetLogger(ctx).Warn("delivery drifted", "certificate", delivery.Certificate, "target", delivery.Target, "drift", drifts[i])
			a.Observer.DeliveryDrifted(ctx, delivery.Target)
			drifted = append(drifted, delivery)
		}
	}
	return drifted, nil
}

// drift is what is amiss with one delivery. Only what would be in the way of every other look is an error.
func (a *Activities) drift(ctx context.Context, delivery ports.DeliveredTo) (string, error) {
	target, err := a.target(delivery.Target)
	if err != nil {
		return "", a.passed(ctx, delivery, err)
	}
	bundle, err := a.bundle(ctx, delivery.Certificate, delivery.Version)
	if fault := domain.AsFault(err); err != nil && fault.Transient() {
		return "", err // Postgres or the key service: nothing can be looked at
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

// passed notes that a delivery could not be looked at, unless the step itself was ended.
func (a *Activities) passed(ctx context.Context, delivery ports.DeliveredTo, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if domain.AsFault(err).Reason != "VersionReplaced" {
		activity.GetLogger(ctx).Warn("delivery not looked at", "certificate", delivery.Certificate, "target", delivery.Target, "error", err)
	}
	return nil
}

// tellDrift tells each certificate once. One that is kept no more needs nothing.
func (a *Activities) tellDrift(ctx context.Context, drifted []ports.DeliveredTo) error {
	for len(drifted) > 0 {
		first := drifted[0]
		signal := ports.DriftedSignal{Version: first.Version}
		drifted = slices.DeleteFunc(drifted, func(d ports.DeliveredTo) bool {
			same := d.Certificate == first.Certificate && d.Version == first.Version
			if same {
				signal.Targets = append(signal.Targets, d.Target)
			}
			return same
		})
		err := a.Notifier.Drifted(ctx, first.Certificate, signal)
		if fault := (*domain.Fault)(nil); errors.As(err, &fault) && (fault.Reason == "NotKept" || !fault.Transient()) {
			// One that cannot be told must not keep all others from being looked at.
			activity.GetLogger(ctx).Warn("a target drifted, but the workflow cannot be told", "certificate", first.Certificate, "error", err)
			continue
		}
		if err != nil {
			return fmt.Errorf("tell %s of its targets: %w", first.Certificate, err)
		}
	}
	return nil
}
