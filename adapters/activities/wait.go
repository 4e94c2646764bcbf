package activities

import (
	"context"
	"time"
)

// Wait sleeps in place for d or until ctx ends, and returns its cause then.
func Wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// PauseOr is what the other side asked for, else fallback; at most limit.
func PauseOr(asked, fallback, limit time.Duration) time.Duration {
	if asked <= 0 {
		asked = fallback
	}
	return min(asked, limit)
}
