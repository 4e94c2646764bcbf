package lifecycle

import (
	"go.temporal.io/sdk/workflow"
)

// sleep returns true when an attempt is due: one durable timer, which a caller's request cuts short. It returns
// false when the run's history has grown long (callers may ask a sleeping certificate thousands of times, and the
// server takes 2000 updates a run) and no caller waits.
func (c *certificate) sleep(ctx workflow.Context) (due bool, err error) {
	for {
		if ctx.Err() != nil { // its timers are ready at once: without this the loop would spin
			return false, ctx.Err()
		}
		now := workflow.Now(ctx)
		at, reason := c.state.Wake(now)
		if !at.After(now) {
			return true, nil
		}
		if grown(ctx) {
			return false, nil
		}
		c.woken = false
		timerCtx, cancel := workflow.WithCancel(ctx)
		timer := workflow.NewTimerWithOptions(timerCtx, at.Sub(now), workflow.TimerOptions{Summary: reason})
		// Not AwaitWithTimeout: it leaves its timer running when the condition wins.
		err := workflow.Await(ctx, func() bool { return c.woken || timer.IsReady() || grown(ctx) })
		cancel()
		if err != nil {
			return false, err
		}
	}
}

// grown says that the server wants a shorter history and that nobody waits for an answer of this run.
func grown(ctx workflow.Context) bool {
	return workflow.GetInfo(ctx).GetContinueAsNewSuggested() && workflow.AllHandlersFinished(ctx)
}
