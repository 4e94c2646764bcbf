package listener

import (
	"sync"
	"time"
)

const (
	// mostLines are how many lines there are for each linesSpan.
	mostLines = 20
	linesSpan = 10 * time.Second
)

// Lines keep a flood of requests from filling the log, for those that have a line each. The zero value is ready.
type Lines struct {
	mu      sync.Mutex
	began   time.Time
	lines   int
	omitted int
}

// Next reports whether the next request has a line, and how many before it had none.
func (l *Lines) Next() (omitted int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now(); now.Sub(l.began) >= linesSpan {
		l.began, l.lines = now, 0
	}
	if l.lines >= mostLines {
		l.omitted++
		return 0, false
	}
	l.lines++
	omitted, l.omitted = l.omitted, 0
	return omitted, true
}
