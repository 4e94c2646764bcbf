package sweeping

import (
	"context"
	"fmt"

	"go.temporal.io/sdk/activity"

	"everleaf/ports"
)

// BeginSweep counts what there is to do. Secrets that cannot be counted wait for the next sweep: they hold up nothing
// else.
func (a *Activities) BeginSweep(ctx context.Context, _ ports.BeginSweepInput) (ports.BeginSweepOutput, error) {
	out, err := a.Backlog.Backlog(ctx, a.Clock.Now())
	if err != nil {
		return ports.BeginSweepOutput{}, fmt.Errorf("count what is due: %w", err)
	}
	if out.Secrets, err = a.Resealer.Stale(ctx); err != nil {
		activity.GetLogger(ctx).Warn("old secrets not counted", "error", err)
	}
	if out.Renewals == 0 {
		a.Observer.Swept(ctx)
	}
	return out, nil
}
