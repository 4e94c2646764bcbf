package lifecycle

import (
	"go.temporal.io/sdk/workflow"
)

// sleep returns why to wake when something is due: one durable timer, which a caller's request cuts short. It returns
// no reason when the run's history has grown long (callers may ask a sleeping certificate thousands of times, and the
// server takes 2000 updates a run) and no caller waits.
func (c *certificate) sleep(ctx workflow.Context) (reason string, err error) {
	for {
		if ctx.Err() != nil { // its timers are ready at once: without this the loop would spin
			return "", ctx.Err()
		}
		c.hear(ctx)
		now := workflow.Now(ctx)
		at, reason := c.state.Wake(now)
		if !at.After(now) {
			return reason, nil
		}
		if grown(ctx) {
			return "", nil
		}
		c.woken = false
		timerCtx, cancel := workflow.WithCancel(ctx)
		timer := workflow.NewTimerWithOptions(timerCtx, at.Sub(now), workflow.TimerOptions{Summary: reason + " at " + stamp(at)})
		// Not AwaitWithTimeout: it leaves its timer running when the condition wins.
		err := workflow.Await(ctx, func() bool { return c.woken || timer.IsReady() || grown(ctx) || signalled(ctx) })
		cancel()
		if err != nil {
			return "", err
		}
	}
}

// grown says that the server wants a shorter history and that nobody waits for an answer of this run.
func grown(ctx workflow.Context) bool {
	return workflow.GetInfo(ctx).GetContinueAsNewSuggested() && workflow.AllHandlersFinished(ctx)
}
