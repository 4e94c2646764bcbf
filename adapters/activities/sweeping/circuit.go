package sweeping

import (
	"sync"

	"everleaf/domain"
	"everleaf/ports"
)

// circuit counts how one CA has answered in a step. It opens after some failures in a row: then the CA is left alone
// for the rest of the step. It is safe for concurrent use.
type circuit struct {
	mu sync.Mutex
	// inARow counts the failures since the last answer that say something about the CA itself.
	inARow               int
	asked, failed, moved int
	last                 error
}

// open reports whether the CA has failed at least most times in a row.
func (c *circuit) open(most int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.inARow >= most
}

// add counts an answer, or why there was none, and returns the outcome.
func (c *circuit) add(fault *domain.Fault, failed, moved bool) ports.ARICheck {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	switch {
	case fault == nil:
		c.inARow = 0
	case fault.OfCA():
		c.inARow, c.last = c.inARow+1, fault
	}
	switch {
	case failed:
		c.failed++
		return ports.ARICheckFailed
	case moved:
		c.moved++
		return ports.ARICheckMoved
	default:
		return ports.ARICheckAnswered
	}
}
