package e2e

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// side says when in an exchange the worker is killed.
type side string

const (
	// sideBefore is before the server hears of the request.
	sideBefore side = "before"
	// sideAfter is when the server has done what was asked, and the worker has not been answered.
	sideAfter side = "after"
)

// exchange is one request of a worker and its answer, the nth of its kind; or one change of a file.
type exchange struct {
	what string
	nth  int
	// change reports whether it is a change of a file, which is only seen when it has happened.
	change bool
}

func (e exchange) String() string { return fmt.Sprintf("%s, no. %d", e.what, e.nth) }

// point is where a worker is killed. Nothing outside of the worker changes between two exchanges, so both sides of each
// are all points.
type point struct {
	exchange
	side side
}

func (p point) String() string { return fmt.Sprintf("%s %s", p.side, p.exchange) }

// pointsOf are those of the exchanges.
func pointsOf(seen []exchange) (points []point) {
	for _, e := range seen {
		if !e.change {
			points = append(points, point{e, sideBefore})
		}
		points = append(points, point{e, sideAfter})
	}
	return points
}

// trap stands between a worker and its servers. Once armed, it counts the worker's exchanges, and kills the worker at
// one.
type trap struct {
	mu sync.Mutex
	// idle is what a worker says that has nothing to do, which is not counted.
	idle map[string]bool
	// said is what passed before the trap was armed, last the time of what passed last.
	said  map[string]bool
	last  time.Time
	armed bool
	count map[string]int
	seen  []exchange
	at    *point
	kill  func()
	// sprung is closed when the worker is dead.
	sprung chan struct{}
}

func newTrap(idle map[string]bool) *trap {
	return &trap{
		idle: idle, said: map[string]bool{}, last: time.Now(), count: map[string]int{}, sprung: make(chan struct{}),
	}
}

// arm begins to count. At the point, kill is called, which returns when the worker is dead; nil is nowhere.
func (t *trap) arm(at *point, kill func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.armed, t.at, t.kill = true, at, kill
}

// disarm ends the counting, and answers with all that was counted.
func (t *trap) disarm() []exchange {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.armed = false
	return slices.Clone(t.seen)
}

// learn takes what has passed so far for what an idle worker says, once nothing has passed for as long as quiet.
func (t *trap) learn(quiet time.Duration) (idle map[string]bool, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if time.Since(t.last) < quiet {
		return nil, false
	}
	t.idle = maps.Clone(t.said)
	return t.idle, true
}

// carry lets one exchange pass: forward asks the server, pass hands its answer on. It reports whether the worker still
// lives; if not, the connection has to be dropped.
func (t *trap) carry(what string, forward, pass func()) (alive bool) {
	e := t.note(exchange{what: what})
	if t.springs(point{e, sideBefore}) {
		return false
	}
	forward()
	if t.springs(point{e, sideAfter}) {
		return false
	}
	pass()
	return true
}

// changed notes a change of a file.
func (t *trap) changed(what string) {
	t.springs(point{t.note(exchange{what: what, change: true}), sideAfter})
}

func (t *trap) note(e exchange) exchange {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = time.Now()
	switch {
	case t.idle[e.what]:
	case !t.armed:
		t.said[e.what] = true
	default:
		t.count[e.what]++
		e.nth = t.count[e.what]
		t.seen = append(t.seen, e)
	}
	return e
}

// springs kills the worker if this is the point, and reports whether it is.
func (t *trap) springs(p point) bool {
	t.mu.Lock()
	here := t.armed && t.at != nil && *t.at == p
	if here {
		t.at = nil
	}
	t.mu.Unlock()
	if here {
		t.kill()
		close(t.sprung)
	}
	return here
}

// hasSprung reports whether the worker was killed.
func (t *trap) hasSprung() bool {
	select {
	case <-t.sprung:
		return true
	default:
		return false
	}
}
