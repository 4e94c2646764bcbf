package activities

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/activity"
)

// progress is how far a long step is; its heartbeats carry it, so that a repeat can go on there.
type progress[T any] struct {
	at   atomic.Pointer[T]
	stop func()
}

// reached notes how far the step is.
func (p *progress[T]) reached(at T) { p.at.Store(&at) }

// beat tells Temporal that the step is alive and how far it is, and the step, by the context, that it is cancelled. stop
// ends that.
func beat[T any](ctx context.Context, every time.Duration, at T) (context.Context, *progress[T]) {
	p := &progress[T]{}
	p.reached(at)
	ctx, cancel := context.WithCancel(ctx)
	var beating sync.WaitGroup
	beating.Go(func() {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				activity.RecordHeartbeat(ctx, *p.at.Load())
			}
		}
	})
	p.stop = func() {
		cancel()
		beating.Wait()
	}
	return ctx, p
}
