package stack

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"everleaf/cmd/devstack/internal/proc"
	"everleaf/cmd/devstack/internal/tools"
)

// Stack is a set of servers, started one by one by its methods.
type Stack struct {
	// Dir holds the logs, the data, the keys and the certificates.
	Dir   string
	Box   *tools.Box
	Procs *proc.Group
	Say   tools.Say
	// Keep reports whether the data survives this process.
	Keep bool

	fail  context.CancelCauseFunc
	ports ports
	// lock is held for a directory that is kept.
	lock *os.File

	PostgresURL     string
	TemporalAddress string
	TemporalCLI     string
	WebUI           string
	acme            acme
}

// New makes the stack's directory. The context that it answers ends, with the reason as its cause, when a server does.
// usual reports whether each server takes its usual port if that is free.
func New(ctx context.Context, box *tools.Box, keep, usual bool) (context.Context, *Stack, error) {
	s := &Stack{Box: box, Procs: box.Procs, Say: box.Say, Keep: keep, ports: ports{usual: usual}}
	var err error
	if keep {
		if s.Dir, err = keptDir(); err == nil {
			s.lock, err = own(s.Dir)
		}
	} else {
		s.Dir, err = os.MkdirTemp(tempRoot(), "everleaf-stack-")
	}
	if err != nil {
		return ctx, nil, fmt.Errorf("make the stack's directory: %w", err)
	}
	if !keep {
		s.Procs.RemoveAtEnd(s.Dir)
	}
	// Postgres runs as another user when this is root, and must get through to its part. What is secret here is 0600.
	if err := os.Chmod(s.Dir, 0o711); err != nil {
		return ctx, nil, fmt.Errorf("open the stack's directory: %w", err)
	}
	ctx, s.fail = context.WithCancelCause(ctx)
	return ctx, s, nil
}

// service starts a server and waits until ready answers nil. Should the server end before the stack is stopped, the
// stack's context ends.
func (s *Stack) service(ctx context.Context, spec proc.Spec, ready func(context.Context) error) error {
	const within = 60 * time.Second
	begin := time.Now()
	spec.Log = s.path(strings.ToLower(spec.Name) + ".log")
	c, err := s.Procs.Start(spec)
	if err != nil {
		return err
	}
	go func() {
		<-c.Done()
		s.fail(fmt.Errorf("%s ended by itself (%w); the last lines of %s:\n%s", spec.Name, orEOF(c.Err()), spec.Log,
			Tail(spec.Log, 20)))
	}()
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		if time.Since(begin) > within {
			return fmt.Errorf("%s is not ready after %s (%w); the last lines of %s:\n%s", spec.Name, within, err, spec.Log,
				Tail(spec.Log, 20))
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(30 * time.Millisecond):
		}
	}
}

func (s *Stack) path(elem ...string) string {
	return filepath.Join(append([]string{s.Dir}, elem...)...)
}

func orEOF(err error) error {
	if err == nil {
		return fmt.Errorf("exit status 0")
	}
	return err
}

// Tail is the end of a log, indented, for a message.
func Tail(path string, lines int) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return "  | " + err.Error()
	}
	all := strings.Split(strings.TrimRight(string(b), "\n"), "\n")
	return "  | " + strings.Join(all[max(0, len(all)-lines):], "\n  | ")
}
