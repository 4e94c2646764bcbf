package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"everleaf/cmd/devstack/internal/stack"
)

// breakCmd and dnsCmd speak to the devstack that runs the stack.
type breakCmd struct {
	Part string        `arg:"" enum:"${parts}" help:"One of ${parts}."`
	For  time.Duration `arg:"" optional:"" help:"For how long, for example 30s; without it, it is started again at once."`
	stackFlag
}

// Help says what happens to the part.
func (breakCmd) Help() string {
	return "The part is killed, and started again at once or after that time. A CA that is given a time is stopped by " +
		"SIGSTOP for it: it takes connections and answers nothing. Killed it forgets its accounts and orders."
}

// Run returns at once.
func (c breakCmd) Run(ctx context.Context) error {
	dir, err := c.dir()
	if err != nil {
		return err
	}
	said, err := stack.Break(ctx, dir, c.Part, c.For)
	if err != nil {
		return err
	}
	_, err = fmt.Println(said)
	return err
}

type dnsCmd struct {
	Name    string `arg:"" help:"The DNS name."`
	Address string `arg:"" help:"Its IP address: 127.0.0.1 is where the worker answers challenges, and nothing listens at 127.0.0.2."`
	stackFlag
}

// Run returns at once.
func (c dnsCmd) Run(ctx context.Context) error {
	dir, err := c.dir()
	if err != nil {
		return err
	}
	said, err := stack.SetAddress(ctx, dir, c.Name, c.Address)
	if err != nil {
		return err
	}
	_, err = fmt.Println(said)
	return err
}

type stackFlag struct {
	Stack string `placeholder:"DIR" help:"The stack's directory; else the one that .bin/stack beside this program leads to: the first that was started of those that run."`
}

func (f stackFlag) dir() (string, error) {
	if f.Stack != "" {
		return f.Stack, nil
	}
	return beside(stack.Link)
}

// beside is a path in the folder of this program.
func beside(name string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find this program: %w", err)
	}
	return filepath.Join(filepath.Dir(self), name), nil
}
