package main

import (
	"context"
	"fmt"
	"time"

	"everleaf/app"
)

type deliveriesFlag struct {
	WaitForDeliveries bool `help:"Wait until each target has the certificate in service too, and what is to be cleared is."`
}

// notDelivered: the certificate is in service, and the wait ended before its targets had it.
type notDelivered struct{ what string }

func (n notDelivered) Error() string { return n.what }

// delivered looks at the status of a certificate that answered, until its targets are as requested. It returns the last
// status, and notDelivered if ctx ends first.
func (k kit) delivered(ctx context.Context, keeper app.Keeper, answer app.Status) (app.Status, error) {
	name, changes, last := answer.Name, answer.Changes, ""
	for {
		key, behind := k.behind(answer)
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
	for _, d := range status.Deliveries {
		if d.Removing || d.Failure != nil || status.Issued == nil || d.Version != status.Issued.Version {
			if key = d.Target; d.Failure != nil {
				key += d.Failure.At.String()
			}
			return key, "target " + d.Target + ": " + delivery(d, status, k)
		}
	}
	return "", ""
}
