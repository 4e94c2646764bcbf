package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"everleaf/cmd/devstack/internal/demo"
	"everleaf/cmd/devstack/internal/tools"
)

type runCmd struct {
	Demo     bool   `help:"End after the first renewal: exit code 0 if it was seen within three minutes."`
	Keep     bool   `help:"Keep the data for the next time."`
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
	box, err := newBox(say)
	if err != nil {
		return err
	}
	defer box.Procs.Stop()
	ctx, s, envFile, err := startServers(ctx, box, c.Keep, false)
	if err != nil {
		return err
	}
	everleaf := demo.Everleaf{Path: binary, Env: s.Env(), Dir: s.Dir, Procs: box.Procs}
	out, err := everleaf.Run(ctx, "migrate")
	if err != nil {
		return err
	}
	say("Schema          migrated%s", onOneLine(out))
	if err := s.Worker(ctx, binary); err != nil {
		return err
	}
	d := &demo.Demo{Stack: s, Everleaf: everleaf, EnvFile: envFile, Say: say}
	defer d.Close()
	return c.show(ctx, d, say)
}

func (c runCmd) show(ctx context.Context, d *demo.Demo, say tools.Say) error {
	status, err := d.Issue(ctx)
	if err != nil {
		return err
	}
	if status, err = d.Renewal(ctx, status); c.Demo {
		if err == nil {
			say("The demo is done: a certificate was obtained, served and renewed.")
		}
		return err
	}
	for ctx.Err() == nil {
		if err != nil {
			say("%v", err)
		} else {
			say("It goes on like this. Ctrl-C stops everything.")
		}
		status, err = d.Renewal(ctx, status)
	}
	return untilStopped(ctx, say)
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
