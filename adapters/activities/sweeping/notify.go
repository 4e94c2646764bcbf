package sweeping

import (
	"context"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"everleaf/adapters/activities"
	"everleaf/ports"
)

// notifyLeft notifies the workflows of plans that an earlier step has moved without coming to that.
func (a *Activities) notifyLeft(ctx context.Context) error {
	for after := ""; ; {
		moved, err := a.Advice.Moved(ctx, after, a.pace.page)
		if err != nil {
			return fmt.Errorf("read what has moved: %w", err)
		}
		if err := a.notify(ctx, moved); err != nil {
			return err
		}
		if len(moved) < a.pace.page {
			return nil
		}
		after = moved[len(moved)-1].Certificate
	}
}

// notify notifies the workflows of plans that moved and are stored, and records that it did.
func (a *Activities) notify(ctx context.Context, moved []ports.Moved) error {
	if len(moved) == 0 {
		return nil
	}
	var mu sync.Mutex
	var notified []ports.Moved
	group, notifying := errgroup.WithContext(ctx)
	group.SetLimit(a.pace.together)
	for _, m := range moved {
		group.Go(func() error {
			done, err := activities.Notify(notifying, a.Notifier, m.Certificate)
			mu.Lock()
			defer mu.Unlock()
			if done {
				notified = append(notified, m)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if err := a.Advice.RecordNotified(ctx, notified); err != nil {
		return fmt.Errorf("record who was notified: %w", err)
	}
	return nil
}
