package sweeping

import (
	"context"
	"fmt"
	"time"

	"everleaf/adapters/activities"
	"everleaf/ports"
)

// resealFor is how long a step seals secrets again before it hands the rest on: less is lost to a killed worker.
const resealFor = 2 * time.Minute

// ResealSecrets seals with the current key what an earlier one sealed, for two minutes at the most. What a try that was
// cut short has done stays done. A worker that knows no earlier key, or whose key is not the newest, has nothing to do.
func (a *Activities) ResealSecrets(ctx context.Context,
	in ports.ResealSecretsInput) (ports.ResealSecretsOutput, error) {
	out := ports.ResealSecretsOutput{Page: ports.PageState{After: in.After}}
	ctx, progress := activities.Beat(ctx, activities.Heartbeat, struct{}{})
	defer progress.Stop()
	var failed []ports.UnopenedSecret
	for until := a.Clock.Now().Add(resealFor); !out.Page.Done && a.Clock.Now().Before(until); {
		page, err := a.Resealer.Reseal(ctx, out.Page.After)
		if err != nil {
			return out, fmt.Errorf("reseal secrets: %w", err)
		}
		out.Page, out.Resealed, failed = page.Page, out.Resealed+page.Resealed, append(failed, page.Failed...)
	}
	out.Failed = len(failed)
	if err := a.Resealer.Finish(ctx, out.Resealed, failed); err != nil {
		return out, fmt.Errorf("record what was resealed: %w", err)
	}
	return out, nil
}
