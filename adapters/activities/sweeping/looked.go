package sweeping

import (
	"sync"

	"everleaf/domain"
	"everleaf/ports"
)

// looked is how one CA did in a step. It is safe for concurrent use.
type looked struct {
	mu sync.Mutex
	// inARow are the failures since the last answer that say something about the CA itself.
	inARow               int
	asked, failed, moved int
	last                 error
}

// silent says that the CA has failed so often in a row that it is to be left alone.
func (l *looked) silent(most int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.inARow >= most
}

// add counts an answer, or why there was none, and says what it was.
func (l *looked) add(fault *domain.Fault, failed, moved bool) ports.Look {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked++
	switch {
	case fault == nil:
		l.inARow = 0
	case fault.OfCA():
		l.inARow, l.last = l.inARow+1, fault
	}
	switch {
	case failed:
		l.failed++
		return ports.LookFailed
	case moved:
		l.moved++
		return ports.LookMoved
	default:
		return ports.LookAnswered
	}
}
