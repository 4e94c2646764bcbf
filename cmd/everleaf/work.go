package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"everleaf/app"
)

// workTimeout bounds the question what is at work: nice to have, not worth a wait.
const workTimeout = 3 * time.Second

// work is what a certificate's workflow is doing; nothing if the keeper can't see it.
func (k kit) work(ctx context.Context, keeper app.Keeper, status app.Status) []app.Work {
	onlooker, ok := keeper.(app.Onlooker)
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, workTimeout)
	defer cancel()
	work, err := onlooker.Work(ctx, status.Name)
	if err != nil {
		return nil
	}
	return work
}

// atWork says what a step waits for, what it has seen last, and how long it goes on.
func (k kit) atWork(w app.Work) string {
	var parts []string
	if w.For != "" {
		parts = append(parts, "waits for "+w.For)
	}
	since := w.Since
	if !w.Look.Since.IsZero() {
		since = w.Look.Since
	}
	switch {
	case w.Worker == "" && !w.Started:
		parts = append(parts, fmt.Sprintf("no worker has taken it from the queue %s since %s", w.Queue,
			k.moment(since)))
	default:
		parts = append(parts, "since "+k.moment(since))
	}
	again := "looks again "
	switch {
	case w.Seen != "":
		parts = append(parts, "last answer: "+w.Seen)
	case w.Failure != "" && w.Attempt > 1:
		parts, again = append(parts, fmt.Sprintf("try %d failed: %s", w.Attempt-1, w.Failure)), "next try "
	case w.Failure != "":
		parts, again = append(parts, "last try: "+w.Failure), "next try "
	}
	if w.NextTry.After(k.now()) {
		parts = append(parts, again+distance(w.NextTry.Sub(k.now())))
	}
	if left := w.Until.Sub(k.now()); left > 0 {
		parts = append(parts, "gives up "+distance(left))
	}
	return strings.Join(parts, "; ")
}

// newsOf is a key that changes when a step has something new to say, with each try that fails, and every so often, so
// that the time left shows.
func (k kit) newsOf(all []app.Work) string {
	var key strings.Builder
	for _, w := range all {
		_, _ = fmt.Fprint(&key, "\x00", w.Step, w.For, w.Seen, w.Failure) // to memory
		if w.Failure != "" && w.Seen == "" {
			_, _ = fmt.Fprint(&key, w.Attempt)
		}
		if left := w.Until.Sub(k.now()); left > 0 {
			_, _ = fmt.Fprint(&key, int(left/(20*time.Second)))
		}
	}
	return key.String()
}
