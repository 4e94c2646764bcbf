package dns01

import (
	"context"
	"errors"
	"sync"
	"time"

	"everleaf/domain"
)

// breakFor is how long a zone that did not answer is asked for no further removal.
const breakFor = time.Minute

// breaker spares a walk over many orders the wait for a zone that is down: each of its orders would wait as long, and
// those of other zones behind them.
type breaker struct {
	mu   sync.Mutex
	open map[string]outage // by the zone's name
}

// outage is what a zone's removals are answered with, and until when.
type outage struct {
	fault domain.Fault
	until time.Time
}

// check returns the fault to answer with at once; nil lets the removal through.
func (b *breaker) check(zone string, now time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if outage, ok := b.open[zone]; ok && now.Before(outage.until) {
		return &outage.fault
	}
	return nil
}

// record counts the result of a removal. One that was cut short by the caller's deadline counts as unanswered, one that
// the caller cancelled says nothing.
func (b *breaker) record(zone string, err error, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var fault *domain.Fault
	switch {
	case errors.As(err, &fault) && fault.Reason == reasonUnavailable:
	case errors.Is(err, context.DeadlineExceeded):
		fault = unavailableFault(nil, "remove records in zone %s: no answer in the time that there was: see that its "+
			"server runs and that this host reaches it", zone)
	case errors.Is(err, context.Canceled):
		return
	default: // it answers
		delete(b.open, zone)
		return
	}
	if b.open == nil {
		b.open = map[string]outage{}
	}
	b.open[zone] = outage{fault: *fault, until: now.Add(breakFor)}
}
