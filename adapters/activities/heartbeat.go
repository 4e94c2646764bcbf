package activities

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/activity"
)

// Heartbeat is the interval of heartbeats, well under the steps' heartbeat time-out.
const Heartbeat = 4 * time.Second

// Progress is how far a step is; its heartbeats carry it, so that a repeat can go on there.
type Progress[T any] struct {
	at   atomic.Pointer[T]
	stop func()
}

// Resumed is how far an earlier try of the step was; the zero value for a first try, and where nothing readable is
// left.
func Resumed[T any](ctx context.Context) T {
	var at, none T
	if !activity.HasHeartbeatDetails(ctx) || activity.GetHeartbeatDetails(ctx, &at) != nil {
		return none
	}
	return at
}

// Reached notes how far the step is; the next heartbeat carries it.
func (p *Progress[T]) Reached(at T) { p.at.Store(&at) }

// Stop ends the heartbeats and waits for the one at work.
func (p *Progress[T]) Stop() { p.stop() }

// Save stops and has the next try go on from here. It is for a try that fails, with the context that Beat was given.
func (p *Progress[T]) Save(ctx context.Context) {
	p.stop()
	activity.RecordHeartbeat(ctx, *p.at.Load())
}

// Beat reports to Temporal at each interval that the step is alive and how far it is. The context that it returns ends
// when the step is cancelled. The caller MUST call Stop or Save.
func Beat[T any](ctx context.Context, every time.Duration, at T) (context.Context, *Progress[T]) {
	p := &Progress[T]{}
	p.Reached(at)
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
