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

// breaker spares a walk over many orders the wait for a zone that is down: each of its orders would wait as long, and those of
// other zones behind them.
type breaker struct {
	mu   sync.Mutex
	open map[string]silence // by the zone's name
}

// silence is what a zone's removals are answered with, and until when.
type silence struct {
	fault domain.Fault
	until time.Time
}

// answer is the fault to answer with at once; nil lets the removal through.
func (b *breaker) answer(zone string, now time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if silence, ok := b.open[zone]; ok && now.Before(silence.until) {
		return &silence.fault
	}
	return nil
}

// heard takes note of what a removal came to. One that was cut short by the caller's deadline counts as unanswered, one that
// the caller cancelled says nothing.
func (b *breaker) heard(zone string, err error, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var fault *domain.Fault
	switch {
	case errors.As(err, &fault) && fault.Reason == reasonUnavailable:
	case errors.Is(err, context.DeadlineExceeded):
		fault = unavailableFault(nil, "remove records in zone %s: no answer in the time that there was: see that its server runs and that this host reaches it", zone)
	case errors.Is(err, context.Canceled):
		return
	default: // it answers
		delete(b.open, zone)
		return
	}
	if b.open == nil {
		b.open = map[string]silence{}
	}
	b.open[zone] = silence{fault: *fault, until: now.Add(breakFor)}
}
