package stack

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"everleaf/cmd/devstack/internal/proc"
)

const (
	// readyWithin bounds the wait for a server that was just started.
	readyWithin = 60 * time.Second
	// settled is how long a part has to run for its end not to count as another one in a row.
	settled = 10 * time.Second
	// starts is how often a part is started again that ends at once each time.
	starts = 5
)

// part is a server of the stack.
type part struct {
	spec  proc.Spec
	ready func(context.Context) error
	// crash is the signal that ends it at once.
	crash syscall.Signal
	// forgets says what is lost when it ends; empty if it keeps all.
	forgets string

	mu      sync.Mutex
	child   *proc.Child
	started time.Time
	// asked reports whether somebody asked for its end, and until is when it may be started again then.
	asked bool
	until time.Time
}

// service starts a server and waits until it is ready. Should it end before the stack is stopped, it is started again
// if the stack lasts; else the stack's context ends.
func (s *Stack) service(ctx context.Context, p *part) error {
	p.spec.Log = filepath.Join(s.Logs, strings.ToLower(p.spec.Name)+".log")
	if p.crash == 0 {
		p.crash = syscall.SIGKILL
	}
	child, err := s.start(p)
	if err != nil {
		return err
	}
	within, cancel := context.WithTimeoutCause(ctx, readyWithin, fmt.Errorf("it was not ready after %s", readyWithin))
	defer cancel()
	if err := awaitReady(within, p, child); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fmt.Errorf("start %s: %w; the last lines of %s:\n%s", p.spec.Name, err, p.spec.Log, Tail(p.spec.Log, 20))
	}
	s.parts[p.spec.Name] = p
	go s.supervise(ctx, p, child)
	return nil
}

func (s *Stack) start(p *part) (*proc.Child, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	child, err := s.Procs.Start(p.spec)
	if err != nil {
		return nil, err
	}
	p.child, p.started = child, time.Now()
	return child, nil
}

// awaitReady waits until the part is ready. The error says what it lacks when the child or the context ends.
func awaitReady(ctx context.Context, p *part, child *proc.Child) error {
	for {
		err := p.ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		case <-child.Done():
			return fmt.Errorf("it ended (%s)", how(child))
		case <-time.After(30 * time.Millisecond):
		}
	}
}

// supervise starts the part again each time that it ends.
func (s *Stack) supervise(ctx context.Context, p *part, child *proc.Child) {
	name := p.spec.Name
	for inARow := 0; ; {
		select {
		case <-child.Done():
		case <-s.Procs.Stopping():
		}
		if s.ends(ctx) {
			return
		}
		ended := how(child)
		pause, asked := p.rest()
		if asked || time.Since(p.started) > settled {
			inARow = 0
		}
		inARow++
		if !s.lasting || inARow > starts {
			s.fail(fmt.Errorf("%s ended by itself (%s); the last lines of %s:\n%s", name, ended, p.spec.Log,
				Tail(p.spec.Log, 20)))
			return
		}
		if !asked {
			pause = s.pause(inARow)
		}
		when := "now"
		if pause > 0 {
			when = "in " + tenths(pause)
		}
		s.Say("%s ended (%s): it is started again %s", name, ended, when)
		select {
		case <-ctx.Done():
			return
		case <-s.Procs.Stopping():
			return
		case <-time.After(pause):
		}
		var err error
		if child, err = s.start(p); err != nil {
			if !s.ends(ctx) {
				s.fail(err)
			}
			return
		}
		if awaitReady(ctx, p, child) == nil {
			s.Say("%s was started again and is ready%s", name, p.forgets)
		}
	}
}

// ends reports whether the stack is being stopped, so that an end of a part is none by itself.
func (s *Stack) ends(ctx context.Context) bool {
	select {
	case <-s.Procs.Stopping():
		return true
	default:
		return ctx.Err() != nil
	}
}

// pause is how long to wait before a part is started again that has ended so often in a row: not at all, 1, 2, 4 and
// 8 s.
func (s *Stack) pause(inARow int) time.Duration {
	if inARow < 2 {
		return 0
	}
	return s.pace << (inARow - 2)
}

// rest is how long the part is to be left ended, and whether somebody asked for its end.
func (p *part) rest() (pause time.Duration, asked bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	asked, p.asked = p.asked, false
	return max(0, time.Until(p.until)), asked
}

// how says how a child ended: "exit status 1", "signal: killed".
func how(c *proc.Child) string {
	if c.Err() == nil {
		return "exit status 0"
	}
	return c.Err().Error()
}

// end ends the part at once, and leaves it so for that long.
func (p *part) end(rest time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked, p.until = true, time.Now().Add(rest)
	p.child.Signal(p.crash)
}

// freeze has the part take connections and answer nothing for that long; then it goes on where it was.
func (p *part) freeze(within time.Duration, goesOn func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	child := p.child
	child.Signal(syscall.SIGSTOP)
	time.AfterFunc(within, func() {
		child.Signal(syscall.SIGCONT)
		goesOn()
	})
}
