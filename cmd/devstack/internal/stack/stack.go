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

// Options say what kind of stack it is.
type Options struct {
	// Lasting is for people: each server takes its usual port if that is free, keeps its data when it ends by itself,
	// and is started again then. Otherwise the stack ends with the first of them.
	Lasting bool
	// Keep reports whether the data survives this process.
	Keep bool
	// Logs is the folder of the logs; empty means the stack's own, which goes with it.
	Logs string
}

// Stack is a set of servers, started one by one by its methods.
type Stack struct {
	// Dir holds the data, the keys and the certificates.
	Dir   string
	Logs  string
	Box   *tools.Box
	Procs *proc.Group
	Say   tools.Say
	// Keep reports whether the data survives this process.
	Keep bool

	lasting bool
	fail    context.CancelCauseFunc
	ports   ports
	// lock is held for a directory that is kept.
	lock *os.File
	// parts are the servers by name. They are all there before anybody is let in by Open.
	parts map[string]*part
	// pace is the first pause between two starts of a part that ends at once.
	pace time.Duration

	phases []string
	setUp  time.Duration

	PostgresURL     string
	TemporalAddress string
	TemporalCLI     string
	WebUI           string
	acme            acme
}

// New makes the stack's directory. The context that it answers ends, with the reason as its cause, when a server does
// for good.
func New(ctx context.Context, box *tools.Box, o Options) (context.Context, *Stack, error) {
	s := &Stack{Box: box, Procs: box.Procs, Say: box.Say, Keep: o.Keep, lasting: o.Lasting, Logs: o.Logs,
		ports: ports{usual: o.Lasting}, parts: map[string]*part{}, pace: time.Second}
	var err error
	if o.Keep {
		if s.Dir, err = keptDir(); err == nil {
			s.lock, err = own(s.Dir)
		}
	} else {
		s.Dir, err = os.MkdirTemp(tempRoot(), "everleaf-stack-")
	}
	if err != nil {
		return ctx, nil, fmt.Errorf("make the stack's directory: %w", err)
	}
	if !o.Keep {
		s.Procs.RemoveAtEnd(s.Dir)
	}
	if s.Logs == "" {
		s.Logs = s.Dir
	}
	// Postgres runs as another user when this is root, and must get through to its part. What is secret here is 0600.
	if err := os.Chmod(s.Dir, 0o711); err != nil {
		return ctx, nil, fmt.Errorf("open the stack's directory: %w", err)
	}
	ctx, s.fail = context.WithCancelCause(ctx)
	return ctx, s, nil
}

// Took notes a part of the set-up and how long it took, and answers that.
func (s *Stack) Took(what string, begin, end time.Time) string {
	took := end.Sub(begin)
	s.setUp += took
	s.phases = append(s.phases, fmt.Sprintf("%s %s", what, tenths(took)))
	return tenths(took)
}

// Phases says how long the set-up took, and each part of it.
func (s *Stack) Phases() string {
	return fmt.Sprintf("%s: %s", tenths(s.setUp), strings.Join(s.phases, ", "))
}

func (s *Stack) path(elem ...string) string {
	return filepath.Join(append([]string{s.Dir}, elem...)...)
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
