package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"everleaf/cmd/devstack/internal/flake"
	"everleaf/cmd/devstack/internal/proc"
)

// slowest is how many tests that did not fail are shown.
const slowest = 15

type flakeCmd struct {
	Times int      `short:"n" default:"10" placeholder:"N" help:"How often the tests are run."`
	Match string   `placeholder:"PATTERN" help:"Only the tests that match, as go test's -run has it."`
	Load  bool     `help:"Keep every processor busy meanwhile."`
	Logs  string   `default:".bin/flake" placeholder:"DIR" help:"Where the log of each run that failed is kept; older ones are removed."`
	Runs  []string `arg:"" sep:"none" placeholder:"MODULE:PACKAGES" help:"What one run is: for each module its folder, a colon, and packages with spaces between."`
}

// Run repeats the tests and counts. Servers, if the tests need them, are exec's: one set for all runs.
func (c flakeCmd) Run(ctx context.Context) error {
	box, err := newBox(sayTo(os.Stderr), os.Stderr)
	if err != nil {
		return err
	}
	defer box.Procs.Stop()
	if err := os.RemoveAll(c.Logs); err != nil {
		return fmt.Errorf("remove older logs: %w", err)
	}
	if err := os.MkdirAll(c.Logs, 0o755); err != nil {
		return fmt.Errorf("make the folder of logs: %w", err)
	}
	if c.Load {
		// Threads of this process, so that they end with it, however it ends.
		runtime.GOMAXPROCS(2 * runtime.NumCPU())
		for range runtime.NumCPU() {
			go func() {
				for { //nolint:staticcheck // SA5002: it is there to use a whole processor
				}
			}()
		}
	}
	var tally flake.Tally
	bad := 0
	for i := 1; i <= c.Times && ctx.Err() == nil; i++ {
		began := time.Now()
		failed, err := c.once(ctx, box.Procs, &tally, filepath.Join(c.Logs, fmt.Sprintf("run-%d.log", i)))
		if ctx.Err() != nil {
			break // what a signal cut short says nothing
		}
		if err != nil {
			return err
		}
		says := "ok"
		if len(failed) > 0 {
			bad++
			says = "FAILED: " + strings.Join(failed, ", ")
		}
		fmt.Printf("run %d of %d, %s: %s\n", i, c.Times, time.Since(began).Round(time.Second), says)
	}
	tally.Write(os.Stdout, slowest)
	if bad > 0 {
		fmt.Printf("%d of %d runs failed; their logs are in %s\n", bad, c.Times, c.Logs)
		return exit(1)
	}
	return context.Cause(ctx)
}

// once runs all the modules' tests, and keeps the log at path if any fails.
func (c flakeCmd) once(ctx context.Context, procs *proc.Group, tally *flake.Tally,
	path string) (failed []string, err error) {
	log, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("make the log: %w", err)
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	for _, run := range c.Runs {
		module, packages, _ := strings.Cut(run, ":")
		args := slices.Concat([]string{"test", "-json", "-count=1", "-timeout", "20m"}, strings.Fields(packages))
		if c.Match != "" {
			args = append(args, "-run", c.Match)
		}
		more, err := count(ctx, procs, proc.Spec{Name: "go test in " + module, Path: "go", Args: args, Dir: module,
			Stderr: log}, tally, log)
		if err != nil {
			return nil, err
		}
		failed = append(failed, more...)
	}
	if len(failed) == 0 {
		return nil, os.Remove(path)
	}
	return failed, nil
}

// count runs go test and counts what it says. A failure of its own, before any test, counts as one.
func count(ctx context.Context, procs *proc.Group, test proc.Spec, tally *flake.Tally,
	log io.Writer) (failed []string, err error) {
	output, stdout := io.Pipe()
	test.Stdout = stdout
	child, err := procs.Start(test)
	if err != nil {
		return nil, err
	}
	go func() {
		<-child.Done()
		_ = stdout.Close()
	}()
	defer context.AfterFunc(ctx, procs.Stop)()
	failed, err = tally.Read(output, log)
	if err != nil {
		return nil, err
	}
	<-child.Done()
	if child.Err() != nil && len(failed) == 0 {
		failed = []string{fmt.Sprintf("%s: %s", test.Name, child.Err())}
	}
	return failed, nil
}
