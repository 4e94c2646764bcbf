package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"everleaf/app"
)

// queueLooks is how often a queue is looked at before nobody polls it: a worker that has just been started takes a
// second or two.
const queueLooks = 5

// checkQueue refuses a request that nobody would carry out, unless it is wanted anyway, and says so where the
// certificate is on another task queue than the setting. What else goes wrong is for the request itself to say.
func (k kit) checkQueue(ctx context.Context, keeper app.Keeper, name, setting string, anyway bool) error {
	checker, ok := keeper.(app.QueueChecker)
	if !ok {
		return nil
	}
	queue, err := checker.CheckQueue(ctx, name)
	for looks := 1; looks < queueLooks && !anyway && noWorker(err) && ctx.Err() == nil; looks++ {
		time.Sleep(k.poll)
		queue, err = checker.CheckQueue(ctx, name)
	}
	switch {
	case noWorker(err) && !anyway:
		return fmt.Errorf("%w; with --start-anyway the request is sent anyway, and carried out when a worker starts",
			err)
	case queue != "" && queue != setting:
		_, _ = fmt.Fprintln(k.err, plain(fmt.Sprintf("%s: its workflow is on task queue %s, not on %s (--task-queue, EVERLEAF_TASK_QUEUE)",
			name, queue, setting)))
	}
	return nil
}

func noWorker(err error) bool {
	var fault *app.Fault
	return errors.As(err, &fault) && fault.Reason == app.ReasonNoWorker
}
