package lifecycle

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"everleaf/app/internal/fault"
	"everleaf/domain/lifecycle"
	"everleaf/ports"
)

// run lives the run to its end.
func (r *run) run(ctx workflow.Context) error {
	workflow.Go(ctx, r.watchCancellation)
	// A coroutine of its own, so that an update which comes with the start is heard before the first action.
	ended, end := workflow.NewFuture(ctx)
	workflow.Go(ctx, func(ctx workflow.Context) { end.SetError(r.loop(ctx)) })
	return ended.Get(ctx, nil)
}

func (r *run) watchCancellation(ctx workflow.Context) {
	ctx.Done().Receive(ctx, nil)
	r.machine.Cancel()
	r.woken = true
}

// loop asks the machine for one action after the other. Steps run beside it and wake it with their outcome, callers
// with their requests.
func (r *run) loop(ctx workflow.Context) error {
	lasting, _ := workflow.NewDisconnectedContext(ctx) // a cancelled run goes on until that is recorded
	for {
		r.woken = false
		r.drainSignals(ctx)
		r.noticeReset(ctx)
		action := r.next(ctx)
		switch {
		case action.Do == lifecycle.Run && action.Step == lifecycle.StepRelease:
			r.begin(lasting, action)
		case action.Do == lifecycle.Run:
			r.begin(ctx, action)
		case r.answerCallers(ctx):
			// Who was answered does not hold up the run any more.
		case action.Do == lifecycle.Wait:
			r.wait(lasting, action)
		case !workflow.AllHandlersFinished(ctx):
			await(lasting, func() bool { return r.woken || workflow.AllHandlersFinished(ctx) })
		default:
			return r.end(ctx, action.Do)
		}
	}
}

// next is the machine's next action. An outdated run hands over instead of an action that nobody has run yet: what an
// earlier build ran is in the history, and is run again in a replay. The gate distinguishes the two. It answers the
// same for ever, so each decision has its own gate; the first that is not a replay's ends the run.
func (r *run) next(ctx workflow.Context) lifecycle.Action {
	situation := r.situation(ctx)
	action := r.machine.Next(situation)
	if !situation.Outdated || action.Do != lifecycle.ContinueAsNew {
		return action
	}
	r.handOvers++
	gate := fmt.Sprintf("%s/hand-over-%d", machineGate, r.handOvers)
	if workflow.GetVersion(ctx, gate, workflow.DefaultVersion, 1) != workflow.DefaultVersion {
		return action
	}
	situation.Outdated = false
	return r.machine.Next(situation)
}

func (r *run) end(ctx workflow.Context, do lifecycle.Do) error {
	switch do {
	case lifecycle.ContinueAsNew:
		return workflow.NewContinueAsNewError(ctx, ports.CertificateWorkflow, r.machine.State)
	case lifecycle.Fail:
		return fault.Error(*r.machine.Refusal)
	default:
		return ctx.Err() // of a run that was cancelled
	}
}

func (r *run) situation(ctx workflow.Context) lifecycle.Situation {
	return lifecycle.Situation{
		Now: now(ctx), Outdated: r.machine.Machine < lifecycle.Version,
		Suggested: workflow.GetInfo(ctx).GetContinueAsNewSuggested(),
	}
}

func (r *run) changed(ctx workflow.Context) workflow.ReceiveChannel {
	return workflow.GetSignalChannel(ctx, ports.RecordChangedSignal)
}

// drainSignals takes all signals. What they carry is not read, so nothing that is sent can harm.
func (r *run) drainSignals(ctx workflow.Context) {
	for r.changed(ctx).ReceiveAsync(nil) {
		r.machine.Notice()
	}
}

// wait sleeps until the action's instant, or until something comes in.
func (r *run) wait(ctx workflow.Context, action lifecycle.Action) {
	r.describe(ctx)
	r.setAlarm(ctx, action)
	suggested := r.situation(ctx).Suggested
	await(ctx, func() bool {
		// What nobody reads, a signal of another name, makes the history longer, too.
		lengthened := r.situation(ctx).Suggested != suggested
		return r.woken || r.changed(ctx).Len() > 0 || r.alarm != nil && r.alarm.rings.IsReady() || lengthened ||
			r.noticeReset(ctx)
	})
}

// alarm is a timer.
type alarm struct {
	at     time.Time
	rings  workflow.Future
	cancel workflow.CancelFunc
}

// setAlarm has the run wake at the action's instant. A timer that is set for it already goes on; another is cancelled.
func (r *run) setAlarm(ctx workflow.Context, action lifecycle.Action) {
	if r.alarm != nil {
		if r.alarm.at.Equal(action.At) && !r.alarm.rings.IsReady() {
			return
		}
		r.alarm.cancel()
		r.alarm = nil
	}
	if action.At.IsZero() {
		return
	}
	ctx, cancel := workflow.WithCancel(ctx)
	r.alarm = &alarm{at: action.At, cancel: cancel, rings: workflow.NewTimerWithOptions(ctx, action.At.Sub(now(ctx)),
		workflow.TimerOptions{Summary: action.Reason + " at " + stamp(action.At)})}
}

// await waits on a context that is never cancelled, which is all that it could fail by.
func await(ctx workflow.Context, condition func() bool) {
	if err := workflow.Await(ctx, condition); err != nil {
		panic(err)
	}
}
