package pull

import (
	"sync"
	"time"
)

const (
	// refusalLines are how many refused requests have a line of their own in the log, for each refusalSpan.
	refusalLines = 20
	refusalSpan  = 10 * time.Second
)

// refusals keep a flood of requests that are refused from filling the log.
type refusals struct {
	now func() time.Time

	mu      sync.Mutex
	began   time.Time
	lines   int
	omitted int
}

// line reports whether the next refused request has a line, and how many before it had none.
func (r *refusals) line() (omitted int, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := r.now(); now.Sub(r.began) >= refusalSpan {
		r.began, r.lines = now, 0
	}
	if r.lines >= refusalLines {
		r.omitted++
		return 0, false
	}
	r.lines++
	omitted, r.omitted = r.omitted, 0
	return omitted, true
}
