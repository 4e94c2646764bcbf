package proc

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// Spec describes a child process.
type Spec struct {
	// Name is for messages.
	Name string
	Path string
	Args []string
	// Env is the whole environment; nil means this process's.
	Env []string
	// Dir is the working directory; empty means this process's.
	Dir string
	// Log is a file that both outputs are appended to. If it is empty, Stdout and Stderr are used (nil: discarded).
	Log            string
	Stdout, Stderr io.Writer
	// User is whom the child runs as; nil means this process's user.
	User *syscall.Credential
	// StopSignal asks the child to end (default SIGTERM); StopWithin bounds the wait for it (default 10 s).
	StopSignal syscall.Signal
	StopWithin time.Duration
}

// Child is a started process and its process group.
type Child struct {
	Spec
	cmd  *exec.Cmd
	done chan struct{}
	err  error
}

// Done is closed when the process has ended and nothing of its process group is left.
func (c *Child) Done() <-chan struct{} { return c.done }

// Err says how the process ended, nil for exit code 0. It is valid once Done is closed.
func (c *Child) Err() error { return c.err }

// ExitCode is the process's exit code as a shell gives it: 128 plus the signal if one ended it. Valid once Done is
// closed.
func (c *Child) ExitCode() int {
	if st, ok := c.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && st.Signaled() {
		return 128 + int(st.Signal())
	}
	return c.cmd.ProcessState.ExitCode()
}

// PID is the process's ID, which is also its process group's.
func (c *Child) PID() int { return c.cmd.Process.Pid }

func start(spec Spec) (*Child, error) {
	if spec.StopSignal == 0 {
		spec.StopSignal = syscall.SIGTERM
	}
	if spec.StopWithin == 0 {
		spec.StopWithin = 10 * time.Second
	}
	cmd := exec.Command(spec.Path, spec.Args...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = spec.Env, spec.Dir, spec.Stdout, spec.Stderr
	// A grandchild may hold the output pipes open after the child's end: do not wait for it for ever.
	cmd.WaitDelay = time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: spec.User}
	dieWithParent(cmd.SysProcAttr, spec.StopSignal)
	if spec.Log != "" {
		f, err := os.OpenFile(spec.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, fmt.Errorf("open log of %s: %w", spec.Name, err)
		}
		defer func() { _ = f.Close() }() // the child has its own
		cmd.Stdout, cmd.Stderr = f, f
	}
	if err := onSpawner(cmd.Start); err != nil {
		return nil, fmt.Errorf("start %s: %w", spec.Name, err)
	}
	return &Child{Spec: spec, cmd: cmd, done: make(chan struct{})}, nil
}

// wait reaps the process, then kills what is left of its group.
func (c *Child) wait() {
	err := c.cmd.Wait()
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil
	}
	killGroup(c.PID(), syscall.SIGKILL)
	awaitGone([]int{c.PID()}, 2*time.Second)
	c.err = err
	close(c.done)
}

// Signal sends sig to the process group, unless the process has ended.
func (c *Child) Signal(sig syscall.Signal) {
	select {
	case <-c.done:
	default:
		killGroup(c.PID(), sig)
	}
}

// stop asks the group to end, and kills it if it does not within the bound. One that is stopped has to go on for that.
func (c *Child) stop() {
	select {
	case <-c.done:
		return
	default:
	}
	killGroup(c.PID(), c.StopSignal)
	killGroup(c.PID(), syscall.SIGCONT)
	select {
	case <-c.done:
	case <-time.After(c.StopWithin):
		killGroup(c.PID(), syscall.SIGKILL)
		<-c.done
	}
}

var (
	spawnerOnce sync.Once
	spawns      = make(chan func())
)

// onSpawner runs start on an OS thread that lives as long as this process: the kernel sends a child's parent-death
// signal when the thread that started it ends, and the Go runtime may end any thread that is not held.
func onSpawner(start func() error) error {
	spawnerOnce.Do(func() {
		go func() {
			runtime.LockOSThread()
			for f := range spawns {
				f()
			}
		}()
	})
	answer := make(chan error)
	spawns <- func() { answer <- start() }
	return <-answer
}
