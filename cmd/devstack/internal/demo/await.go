package demo

import (
	"context"
	"fmt"
	"time"

	"everleaf/cmd/devstack/internal/tools"
)

// watch waits for a certificate to be renewed.
type watch struct {
	look func(context.Context) (Status, error)
	say  tools.Say
	// every is the time between tries, repeat the time between lines when nothing changes, within the bound.
	every, repeat, within time.Duration
}

// renewal waits until the serial is another than the given one. A try that fails is printed and repeated: a worker may
// be busy or on its way up. The error says what was seen last.
func (w watch) renewal(ctx context.Context, serial string) (Status, error) {
	begin := time.Now()
	var last, said string
	saidAt := begin.Add(-w.repeat)
	for {
		status, err := w.look(ctx)
		switch {
		case ctx.Err() != nil:
			return Status{}, context.Cause(ctx)
		case err != nil:
			last, said = "no status: "+err.Error(), ""
		case status.Serial() != "" && status.Serial() != serial:
			return status, nil
		default:
			last = describe(status)
			// What only counts down is printed now and then, anything else at once.
			if key := status.Phase + status.Step; key != said || time.Since(saidAt) >= w.repeat {
				said, saidAt = key, time.Now()
				w.say("  %s", last)
			}
		}
		if time.Since(begin) >= w.within {
			return Status{}, fmt.Errorf("no renewal within %s: the serial is still %s; last seen: %s", w.within,
				serial, last)
		}
		select {
		case <-ctx.Done():
			return Status{}, context.Cause(ctx)
		case <-time.After(w.every):
		}
	}
}

// describe is where the certificate is, in one line.
func describe(s Status) string {
	switch {
	case s.Failure != nil:
		return fmt.Sprintf("%s: attempt %d failed (%s: %s), next at %s", s.Phase, s.Failure.Attempts,
			s.Failure.Fault.Reason, s.Failure.Fault.Message, clock(s.Failure.RetryAt))
	case s.Step != "":
		return fmt.Sprintf("%s: %s", s.Phase, s.Step)
	case s.Renewal != nil && s.Phase == "Ready":
		return fmt.Sprintf("%s: renewal in %s (at %s)", s.Phase, max(0, time.Until(s.Renewal.At)).Round(time.Second),
			clock(s.Renewal.At))
	}
	return s.Phase
}

func clock(t time.Time) string { return t.Local().Format("15:04:05") }
