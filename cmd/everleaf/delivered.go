package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"everleaf/app"
)

type deliveriesFlag struct {
	WaitForDeliveries bool `help:"Wait until each target has the certificate in service too, and the targets that are to be cleared are clear."`
}

// notDelivered: the certificate is in service, and the wait ended before its targets had it.
type notDelivered struct{ what string }

func (n notDelivered) Error() string { return n.what }

// delivered looks at the status of a certificate that answered, until its targets are as requested. It returns the last
// status, and notDelivered if ctx ends first. One that somebody retires meanwhile is a fault.
func (k kit) delivered(ctx context.Context, keeper app.Keeper, answer app.Status) (app.Status, error) {
	name, changes, last := answer.Name, answer.Changes, ""
	for {
		if answer.Phase == app.PhaseRetiring || answer.Phase == app.PhaseReleased {
			return answer, fmt.Errorf("%s was retired while its deliveries were waited for", name)
		}
		key, behind := k.behind(answer)
		if behind != "" {
			for _, w := range k.work(ctx, keeper, answer) {
				if w.Step == "DeliverCertificate" || w.Step == "RemoveDelivery" {
					key, behind = key+k.newsOf([]app.Work{w}), behind+"; "+k.atWork(w)
				}
			}
		}
		if behind == "" {
			answer.Changes = changes
			return answer, nil
		}
		if key != last {
			last = key
			_, _ = fmt.Fprintln(k.err, k.readable(name+": in service; "+behind))
		}
		select {
		case <-ctx.Done():
			return answer, notDelivered{behind}
		case <-time.After(k.poll):
		}
		status, err := keeper.Status(ctx, name)
		switch {
		case err == nil:
			answer = status
		case ctx.Err() == nil && app.AsFault(err).Kind != "Wait":
			return answer, err
		}
	}
}

// behind names the first target that is not as requested, and why; empty if there is none. key changes when there is
// news: the line has times relative to now.
func (k kit) behind(status app.Status) (key, line string) {
	if status.Phase == "Checking" || status.Issued == nil {
		return "checking", "the workflow reads what is stored"
	}
	for _, d := range status.Deliveries {
		if d.Removing || d.Failure != nil || d.Version != status.Issued.Version {
			if key = d.Target; d.Failure != nil {
				key += d.Failure.At.String()
			}
			return key, "target " + d.Target + ": " + delivery(d, status, k)
		}
	}
	for _, target := range status.Spec.Deliveries { // one that no step has been started for yet is not among them
		if !slices.ContainsFunc(status.Deliveries, func(d app.Delivery) bool { return d.Target == target }) {
			return target, "target " + target + ": is to get it"
		}
	}
	return "", ""
}
