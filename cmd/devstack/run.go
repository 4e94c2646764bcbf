package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"everleaf/cmd/devstack/internal/demo"
	"everleaf/cmd/devstack/internal/stack"
)

type runCmd struct {
	stackFlags
	Demo     bool   `help:"End after the first renewal: exit code 0 if it was seen within three minutes."`
	Everleaf string `help:"Everleaf's binary." default:".bin/everleaf" placeholder:"PATH"`
}

func (c runCmd) Run(ctx context.Context) error {
	say := sayTo(os.Stdout)
	binary, err := filepath.Abs(c.Everleaf)
	if err != nil {
		return err
	}
	if _, err := os.Stat(binary); err != nil {
		return fmt.Errorf("find Everleaf's binary (`make run` builds it): %w", err)
	}
	box, err := newBox(say, os.Stdout)
	if err != nil {
		return err
	}
	defer box.Procs.Stop()
	ctx, s, _, err := startServers(ctx, box, c.stackFlags, false)
	if err == nil {
		err = c.onStack(ctx, s, binary)
	}
	return withLogs(s, err)
}

func (c runCmd) onStack(ctx context.Context, s *stack.Stack, binary string) error {
	begin := time.Now()
	everleaf := demo.Everleaf{Path: binary, Env: s.Env(), Dir: s.Dir, Procs: s.Procs}
	out, err := everleaf.Run(ctx, "migrate")
	if err != nil {
		return err
	}
	s.Took("schema", begin, time.Now())
	s.Say("Schema          migrated%s", onOneLine(out))
	if err := s.Worker(ctx, binary); err != nil {
		return err
	}
	link, err := beside(stack.Link)
	if err != nil {
		return err
	}
	at, err := s.Open(ctx, link)
	if err != nil {
		return err
	}
	s.Say("Set up in %s", s.Phases())
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	d := &demo.Demo{Stack: s, Everleaf: everleaf, Say: s.Say,
		Shell: demo.Shell{Everleaf: short(binary), Devstack: short(self), Stack: short(at), Linked: at == link}}
	defer d.Close()
	return c.show(ctx, d, s)
}

func (c runCmd) show(ctx context.Context, d *demo.Demo, s *stack.Stack) error {
	status, err := d.Issue(ctx)
	if err != nil {
		return err
	}
	if !c.Demo {
		d.BreakIt()
	}
	if status, err = d.Renewal(ctx, status); c.Demo {
		if err == nil {
			s.Say("The demo is done: a certificate was obtained, served and renewed. The logs are kept in %s", s.Logs)
		}
		return err
	}
	for ctx.Err() == nil {
		if err != nil {
			s.Say("%v", err)
		} else {
			s.Say("It goes on like this. Ctrl-C stops everything.")
		}
		status, err = d.Renewal(ctx, status)
	}
	return untilStopped(ctx, s)
}

// short is the path as a shell takes it in the working directory, if it is below that.
func short(path string) string {
	wd, err := os.Getwd()
	if err != nil {
		return path
	}
	rel, err := filepath.Rel(wd, path)
	if err != nil || !filepath.IsLocal(rel) {
		return path
	}
	if filepath.Base(rel) == rel { // without a slash, a shell looks elsewhere
		return "./" + rel
	}
	return rel
}

// onOneLine is a command's output as the end of a line.
func onOneLine(out []byte) string {
	var lines []string
	for line := range strings.Lines(string(out)) {
		if words := strings.Fields(line); len(words) > 0 {
			lines = append(lines, strings.Join(words, " "))
		}
	}
	if len(lines) == 0 {
		return ""
	}
	return ": " + strings.Join(lines, "; ")
}
