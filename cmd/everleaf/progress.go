package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"everleaf/app"
)

// nextTryTimeout bounds the look at the status after a problem: nice to have, not worth a wait.
const nextTryTimeout = 3 * time.Second

// progress looks at the certificate's status again and again, and prints a plain line on stderr for each change,
// until stop, which returns when no more lines come.
func (k kit) progress(ctx context.Context, keeper app.Keeper, name string) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		last, failing := "", ""
		for {
			key, line, failed := k.look(ctx, keeper, name)
			if failing != "" && ctx.Err() == nil { // it is not the end: the end has the same text
				_, _ = fmt.Fprintln(k.err, failing)
				failing = ""
			}
			if key != "" && key != last && ctx.Err() == nil {
				last = key
				if line = k.readable(line); failed {
					failing = line
				} else {
					_, _ = fmt.Fprintln(k.err, line)
				}
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(k.poll):
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

// look makes a line of what is going on, and a key that changes when there is news: the line itself has times
// relative to now. Nothing to say is an empty key. failed marks a problem.
func (k kit) look(ctx context.Context, keeper app.Keeper, name string) (key, line string, failed bool) {
	status, err := keeper.Status(ctx, name)
	if err != nil {
		// Before the workflow is there and in the middle of a restart there is nothing to say; but somebody who
		// waits for a worker that nobody started should learn it.
		var fault *app.Fault
		if errors.As(err, &fault) && (fault.Reason == app.ReasonNoWorker ||
			fault.Reason == app.ReasonWorkflowNotReady) {
			return string(fault.Reason), name + ": waiting: " + fault.Message, false
		}
		return "", "", false
	}
	switch {
	case status.Phase == "Failing" && status.Failure != nil:
		f := status.Failure
		return fmt.Sprint(f.At, f.Attempts), fmt.Sprintf("%s: failing at step %s, attempt %d: %s (%s/%s); next try %s",
			name, f.Step, f.Attempts, f.Fault.Message, f.Fault.Kind, f.Fault.Reason, k.moment(f.RetryAt)), true
	case status.Phase == "Issuing" && status.Step != "":
		key, line = k.stepOf(ctx, keeper, name, status)
		return key, name + ": issuing" + line, false
	case status.Phase == "Issuing":
		return "issuing", name + ": issuing", false
	case status.Phase == app.PhaseRetiring:
		key, line, failed = k.retiring(ctx, keeper, name, status)
		return key, name + ": retiring" + line, failed
	case status.Phase == "Ready" && len(status.Revoking) > 0:
		key, line, failed = k.revoking(ctx, keeper, name, status)
		return key, name + ": " + line, failed
	default:
		return "", "", false
	}
}

// stepOf is the step at work, if there is one, with what it has to say.
func (k kit) stepOf(ctx context.Context, keeper app.Keeper, name string, status app.Status) (key, line string) {
	if status.Step == "" {
		return "", ""
	}
	status.Name = name
	work := k.work(ctx, keeper, status)
	line = ", step " + status.Step
	for _, w := range work {
		if w.Step == status.Step {
			line += ": " + k.atWork(w)
		}
	}
	return fmt.Sprint("step ", status.Cycle, status.Step, k.newsOf(work)), line
}

// retiring says which targets are to be cleared, and what cannot be done.
func (k kit) retiring(ctx context.Context, keeper app.Keeper, name string,
	status app.Status) (key, line string, failed bool) {
	var targets []string
	for _, d := range status.Deliveries {
		switch f := d.Failure; {
		case !d.Removing:
		case f != nil && status.Step == "":
			return fmt.Sprint(d.Target, f.At), fmt.Sprintf(": %s: %s", d.Target, delivery(d, status, k)), true
		default:
			targets = append(targets, d.Target)
		}
	}
	if f := status.Failure; f != nil && status.Step == "" {
		return fmt.Sprint(f.At), fmt.Sprintf(": failed: %s; next try %s", problem(f), k.moment(f.RetryAt)), true
	}
	if len(targets) > 0 {
		line = ", to be cleared: " + strings.Join(targets, ", ")
	}
	if status.Step == "" && len(status.Revoking) > 0 {
		key, revokes, failed := k.revoking(ctx, keeper, name, status)
		return key, line + ", " + revokes, failed
	}
	key, step := k.stepOf(ctx, keeper, name, status)
	return "retiring " + key + line, line + step, false
}

// revoking says what the revocation that comes first waits for.
func (k kit) revoking(ctx context.Context, keeper app.Keeper, name string,
	status app.Status) (key, line string, failed bool) {
	r := status.Revoking[0]
	line = "revoking serial " + r.Issued.Serial
	if f := r.Failure; f != nil && status.Step == "" {
		return fmt.Sprint("revoking ", f.At), fmt.Sprintf("%s: failed, attempt %d: %s; next try %s", line, f.Attempts,
			problem(f), k.moment(f.RetryAt)), true
	}
	var behind []string
	for _, d := range status.Deliveries {
		if !d.Removing && (status.Issued == nil || d.Version != status.Issued.Version) {
			behind = append(behind, d.Target)
		}
	}
	if !r.After.IsZero() && len(behind) > 0 {
		line += fmt.Sprintf(", once its targets have its replacement (%s), or %s", strings.Join(behind, ", "),
			k.moment(r.After))
	}
	key, step := k.stepOf(ctx, keeper, name, status)
	return "revoking " + key + strings.Join(behind, ","), line + step, false
}

// withNextTry adds to a problem when it is tried again, where the workflow knows and the problem does not say.
func (k kit) withNextTry(ctx context.Context, keeper app.Keeper, name string, err error) error {
	if strings.Contains(err.Error(), "next try") {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, nextTryTimeout)
	defer cancel()
	status, asked := keeper.Status(ctx, name)
	if asked != nil || status.Failure == nil {
		return err
	}
	return fmt.Errorf("%w; next try %s", err, k.moment(status.Failure.RetryAt))
}

// withRenew adds to an attempt's problem that stands how to have it tried again, unless a CA asked to wait.
func withRenew(err error, name string) error {
	if err == nil || !strings.Contains(err.Error(), "next try") || app.AsFault(err).RetryAfter > 0 {
		return err
	}
	return fmt.Errorf("%w; once that is solved, everleaf cert renew %s tries at once", err, name)
}
