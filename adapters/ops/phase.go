package ops

import "slices"

// phase is where the process is in its life, which it knows without a check.
type phase struct {
	ready, alive bool
	detail       string
}

// panels are the checks that count in a phase: all for /readyz, the vital ones alone for /livez, so that liveness never
// waits for a server. Both are empty while the process starts or ends.
type panels struct{ all, vital *panel }

// Starting says what the start waits for: not ready yet, but alive.
func (l *Listener) Starting(waitsFor string) {
	l.enter(phase{alive: true, detail: "starting: " + waitsFor}, nil)
}

// Running marks the start as over: from now on the checks decide. detail says what runs.
func (l *Listener) Running(detail string, checks ...Check) {
	l.enter(phase{ready: true, alive: true, detail: detail}, checks)
}

// Draining marks that the process takes no new work and finishes what it has: not ready, but alive.
func (l *Listener) Draining(detail string) {
	l.enter(phase{alive: true, detail: "draining: " + detail}, nil)
}

// Failed marks that the process cannot go on: neither ready nor alive, whatever is said afterwards.
func (l *Listener) Failed(err error) {
	l.enter(phase{detail: "ended: " + line(err.Error())}, nil)
}

func (l *Listener) enter(next phase, checks []Check) {
	vital := slices.DeleteFunc(slices.Clone(checks), func(c Check) bool { return !c.Vital })
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.phase.alive {
		l.phase = next
		l.panels = panels{all: newPanel(checks, l.bound, l.fresh), vital: newPanel(vital, l.bound, l.fresh)}
	}
}

func (l *Listener) state() (phase, panels) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.phase, l.panels
}
