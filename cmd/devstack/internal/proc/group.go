package proc

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"time"
)

// Group is the set of children of this process. It is safe for concurrent use.
type Group struct {
	mu       sync.Mutex
	children []*Child
	dirs     []string
	stopping chan struct{} // closed by Stop

	guard     *exec.Cmd
	guardPipe io.WriteCloser
	// mark is in the environment of every child: the guard finds by it a process that was started just before a SIGKILL
	// and of whom it has not heard.
	mark string
}

// NewGroup starts the guard, which is the command guard (this program's own, that calls Guard).
func NewGroup(guard ...string) (*Group, error) {
	g := &Group{
		stopping: make(chan struct{}),
		guard:    exec.Command(guard[0], guard[1:]...),
		mark:     fmt.Sprintf("DEVSTACK_GROUP=%d.%d", os.Getpid(), time.Now().UnixNano()),
	}
	g.guard.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	g.guard.Dir = "/"
	pipe, err := g.guard.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("make the guard's pipe: %w", err)
	}
	g.guardPipe = pipe
	if err := g.guard.Start(); err != nil {
		return nil, fmt.Errorf("start the guard: %w", err)
	}
	g.send("mark %s", g.mark)
	return g, nil
}

// Stopping is closed once Stop is called: a child that ends from then on does not end by itself.
func (g *Group) Stopping() <-chan struct{} { return g.stopping }

// Start starts a child that Stop will end. It fails once Stop was called.
func (g *Group) Start(spec Spec) (*Child, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopped() {
		return nil, fmt.Errorf("start %s: the stack is being stopped", spec.Name)
	}
	if spec.Env == nil {
		spec.Env = os.Environ()
	}
	spec.Env = append(slices.Clip(spec.Env), g.mark)
	c, err := start(spec)
	if err != nil {
		return nil, err
	}
	g.send("group %d %d", c.PID(), c.StopSignal)
	g.children = append(g.children, c)
	go func() {
		c.wait()
		g.mu.Lock()
		defer g.mu.Unlock()
		g.send("gone %d", c.PID())
	}()
	return c, nil
}

// RemoveAtEnd has Stop, or the guard, remove dir and all in it once the children are gone.
func (g *Group) RemoveAtEnd(dir string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.dirs = append(g.dirs, dir)
	g.send("dir %s", dir)
}

// Stop ends the children, the last started first, removes the directories and waits for the guard to end. It is
// idempotent, and bounded by the sum of the children's StopWithin.
func (g *Group) Stop() {
	g.mu.Lock()
	if g.stopped() {
		g.mu.Unlock()
		return
	}
	close(g.stopping)
	children, dirs := g.children, g.dirs
	g.mu.Unlock()

	for i := len(children) - 1; i >= 0; i-- {
		children[i].stop()
	}
	for _, dir := range dirs {
		_ = os.RemoveAll(dir)
	}
	_ = g.guardPipe.Close()
	_ = g.guard.Wait()
}

func (g *Group) stopped() bool {
	select {
	case <-g.stopping:
		return true
	default:
		return false
	}
}

// send sends the guard a line. Should the guard be gone, the parent-death signal still protects the direct children.
func (g *Group) send(format string, args ...any) {
	_, _ = fmt.Fprintf(g.guardPipe, format+"\n", args...)
}
