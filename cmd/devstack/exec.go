package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"everleaf/cmd/devstack/internal/proc"
	"everleaf/cmd/devstack/internal/stack"
)

type execCmd struct {
	Command []string `arg:"" passthrough:"" help:"The command and its arguments, after --."`
}

// Run starts throwaway servers on free ports (several of these may run at once) and then the command; it exits as the
// command does.
func (c execCmd) Run(ctx context.Context) error {
	command := c.Command
	if command[0] == "--" {
		command = command[1:]
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	box, err := newBox(sayTo(os.Stderr), os.Stderr)
	if err != nil {
		return err
	}
	defer box.Procs.Stop()
	found, err := findBinaries(ctx, box, false)
	if err != nil {
		return err
	}
	stepCA, err := box.Path(ctx, "step-ca") // a second CA, which only tests need
	if err != nil {
		return err
	}
	ctx, s, err := stack.New(ctx, box, stack.Options{})
	if err != nil {
		return err
	}
	if err := s.Postgres(ctx, found.postgres, "shared_preload_libraries=pg_stat_statements",
		"max_connections=300"); err != nil {
		return err
	}
	if err := s.Temporal(ctx, found.temporal, false); err != nil {
		return err
	}
	env := append(withoutOurs(os.Environ()),
		"EVERLEAF_TEST_POSTGRES="+s.PostgresURL,
		"EVERLEAF_TEST_TEMPORAL="+s.TemporalAddress,
		"EVERLEAF_TEST_TEMPORAL_CLI="+found.temporal,
		"EVERLEAF_TEST_PEBBLE="+found.pebble,
		"EVERLEAF_TEST_CHALLTESTSRV="+found.challtestsrv,
		"EVERLEAF_TEST_STEP_CA="+stepCA,
		// For tools that few tests need: `$EVERLEAF_TEST_DEVSTACK tools podman` installs it when it is asked for.
		"EVERLEAF_TEST_DEVSTACK="+self)
	child, err := box.Procs.Start(proc.Spec{Name: command[0], Path: command[0], Args: command[1:], Env: env,
		Stdout: os.Stdout, Stderr: os.Stderr, StopSignal: syscall.SIGTERM, StopWithin: 10 * time.Second})
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-child.Done():
	}
	if code := child.ExitCode(); code != 0 {
		return exit(code)
	}
	return nil
}

// withoutOurs drops settings that lead to other servers than the test's.
func withoutOurs(env []string) (kept []string) {
	for _, kv := range env {
		ours := strings.HasPrefix(kv, "EVERLEAF_") && !strings.HasPrefix(kv, "EVERLEAF_TEST_")
		if !ours && !strings.HasPrefix(kv, "TEMPORAL_") {
			kept = append(kept, kv)
		}
	}
	return kept
}
