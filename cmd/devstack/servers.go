package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"everleaf/cmd/devstack/internal/stack"
	"everleaf/cmd/devstack/internal/tools"
)

// binaries are the paths of what the stack is made of.
type binaries struct {
	postgres                       tools.Postgres
	temporal, pebble, challtestsrv string
	// named is found only where it is wanted.
	named string
}

func findBinaries(ctx context.Context, box *tools.Box, dns bool) (b binaries, err error) {
	if b.postgres, err = box.Postgres(ctx); err != nil {
		return b, err
	}
	wanted := map[string]*string{"temporal": &b.temporal, "pebble": &b.pebble, "pebble-challtestsrv": &b.challtestsrv}
	if dns {
		wanted["named"] = &b.named
	}
	for name, path := range wanted {
		if *path, err = box.Path(ctx, name); err != nil {
			return b, err
		}
	}
	return b, nil
}

// stackFlags are what a stack for people can be started with.
type stackFlags struct {
	Keep  bool   `help:"Keep the data for the next time."`
	Logs  string `placeholder:"DIR" help:"Where the logs of the last ten runs are kept, each in a folder of its own; else in logs, beside this program."`
	Since int64  `hidden:"" placeholder:"SECONDS" help:"When make began to build this, so that the set-up's time has the build in it."`
}

// startServers starts all servers and makes Everleaf's settings for them, whose file it answers. The context that it
// answers ends when a server does for good. With dns there is a zone for DNS-01. The stack is nil if there are no logs
// yet.
func startServers(ctx context.Context, box *tools.Box, flags stackFlags, dns bool) (context.Context, *stack.Stack,
	string, error) {
	begin := time.Now()
	found, err := findBinaries(ctx, box, dns)
	if err != nil {
		return ctx, nil, "", err
	}
	tooled := time.Now()
	if flags.Logs == "" {
		if flags.Logs, err = beside("logs"); err != nil {
			return ctx, nil, "", err
		}
	}
	logs, err := stack.NewLogs(flags.Logs)
	if err != nil {
		return ctx, nil, "", err
	}
	ctx, s, err := stack.New(ctx, box, stack.Options{Lasting: true, Keep: flags.Keep, Logs: logs})
	if err != nil {
		return ctx, nil, "", err
	}
	if flags.Since > 0 {
		s.Took("build", time.Unix(flags.Since, 0), begin)
	}
	s.Took("tools", begin, tooled)
	box.Say("Starting the stack in %s; its logs are kept in %s", s.Dir, s.Logs)
	if err := s.Postgres(ctx, found.postgres); err != nil {
		return ctx, s, "", err
	}
	if err := s.Temporal(ctx, found.temporal, true); err != nil {
		return ctx, s, "", err
	}
	if err := s.Pebble(ctx, found.pebble, stack.DNS{Challtestsrv: found.challtestsrv, Named: found.named}); err != nil {
		return ctx, s, "", err
	}
	envFile, err := s.Everleaf()
	if err != nil {
		return ctx, s, "", fmt.Errorf("prepare Everleaf's settings: %w", err)
	}
	return ctx, s, envFile, nil
}

// withLogs says at the end of an error where the logs are.
func withLogs(s *stack.Stack, err error) error {
	if err == nil || s == nil {
		return err
	}
	if errors.As(err, new(interrupted)) {
		s.Say("The logs are kept in %s", s.Logs)
		return err
	}
	return fmt.Errorf("%w\nThe logs of all parts are kept in %s", err, s.Logs)
}

// untilStopped waits for Ctrl-C, which is a good end, or for a server's.
func untilStopped(ctx context.Context, s *stack.Stack) error {
	<-ctx.Done()
	err := context.Cause(ctx)
	if errors.As(err, new(interrupted)) {
		s.Say("Stopping. The logs are kept in %s", s.Logs)
		return nil
	}
	return err
}

type upCmd struct {
	stackFlags
	DNS bool `name:"dns" help:"With a name server and a configuration file for DNS-01."`
}

func (c upCmd) Run(ctx context.Context) error {
	box, err := newBox(sayTo(os.Stderr), os.Stderr)
	if err != nil {
		return err
	}
	defer box.Procs.Stop()
	ctx, s, envFile, err := startServers(ctx, box, c.stackFlags, c.DNS)
	if err == nil {
		err = c.show(ctx, s, envFile)
	}
	return withLogs(s, err)
}

func (c upCmd) show(ctx context.Context, s *stack.Stack, envFile string) error {
	link, err := beside(stack.Link)
	if err != nil {
		return err
	}
	if _, err := s.Open(ctx, link); err != nil {
		return err
	}
	for _, line := range s.Exports() {
		fmt.Println(line)
	}
	s.Say("Set up: %s", s.Phases())
	s.Say("Ready. The settings are also in a file: . %s", envFile)
	s.Say("A part that ends is started again. Ctrl-C stops the stack.")
	return untilStopped(ctx, s)
}
