package main

import (
	"context"
	"errors"
	"fmt"
	"os"

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

// startServers starts all servers and makes Everleaf's settings for them, whose file it answers. The context that it
// answers ends when a server does. With dns there is a zone for DNS-01.
func startServers(ctx context.Context, box *tools.Box, keep, dns bool) (context.Context, *stack.Stack, string, error) {
	found, err := findBinaries(ctx, box, dns)
	if err != nil {
		return ctx, nil, "", err
	}
	ctx, s, err := stack.New(ctx, box, keep, true)
	if err != nil {
		return ctx, nil, "", err
	}
	box.Say("Starting the stack in %s (the logs are there)", s.Dir)
	if err := s.Postgres(ctx, found.postgres); err != nil {
		return ctx, nil, "", err
	}
	if err := s.Temporal(ctx, found.temporal, true); err != nil {
		return ctx, nil, "", err
	}
	if err := s.Pebble(ctx, found.pebble, stack.DNS{Challtestsrv: found.challtestsrv, Named: found.named}); err != nil {
		return ctx, nil, "", err
	}
	envFile, err := s.Everleaf()
	if err != nil {
		return ctx, nil, "", fmt.Errorf("prepare Everleaf's settings: %w", err)
	}
	return ctx, s, envFile, nil
}

// untilStopped waits for Ctrl-C, which is a good end, or for a server's.
func untilStopped(ctx context.Context, say tools.Say) error {
	<-ctx.Done()
	err := context.Cause(ctx)
	if errors.As(err, new(interrupted)) {
		say("Stopping.")
		return nil
	}
	return err
}

type upCmd struct {
	Keep bool `help:"Keep the data for the next time."`
	DNS  bool `name:"dns" help:"With a name server and a configuration file for DNS-01."`
}

func (c upCmd) Run(ctx context.Context) error {
	box, err := newBox(sayTo(os.Stderr))
	if err != nil {
		return err
	}
	defer box.Procs.Stop()
	ctx, s, envFile, err := startServers(ctx, box, c.Keep, c.DNS)
	if err != nil {
		return err
	}
	for _, line := range s.Exports() {
		fmt.Println(line)
	}
	box.Say("Ready. The settings are also in a file: . %s", envFile)
	box.Say("Ctrl-C stops the stack.")
	return untilStopped(ctx, box.Say)
}
