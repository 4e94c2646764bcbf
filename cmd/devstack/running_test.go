package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// running is `devstack run` in a folder of its own, where make would have put the programs.
type running struct {
	t   *testing.T
	dir string
	cmd *exec.Cmd

	mu  sync.Mutex
	out strings.Builder
}

func newRunning(t *testing.T) *running {
	t.Helper()
	r := &running{t: t, dir: t.TempDir()}
	build(t, filepath.Join(r.dir, ".bin/devstack"), ".")
	build(t, filepath.Join(r.dir, ".bin/everleaf"), "../everleaf")
	r.cmd = exec.Command(filepath.Join(r.dir, ".bin/devstack"), "run")
	r.cmd.Dir, r.cmd.Env = r.dir, user()
	stdout, err := r.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	r.cmd.Stderr = r.cmd.Stdout
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = r.cmd.Process.Signal(syscall.SIGTERM) // unless it is over
		_ = r.cmd.Wait()
		if t.Failed() {
			t.Logf("devstack said:\n%s", r.said())
		}
	})
	go func() {
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			r.mu.Lock()
			_, _ = fmt.Fprintln(&r.out, lines.Text())
			r.mu.Unlock()
		}
	}()
	return r
}

// user is the environment of somebody who sits before a terminal: without what tests know their servers by.
func user() []string {
	return slices.DeleteFunc(os.Environ(), func(kv string) bool { return strings.HasPrefix(kv, "EVERLEAF_") })
}

func (r *running) said() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.out.String()
}

// await waits until devstack has said all of this, in this order.
func (r *running) await(wanted ...string) {
	r.t.Helper()
	for deadline := time.Now().Add(5 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		rest, all := r.said(), true
		for _, want := range wanted {
			_, after, found := strings.Cut(rest, want)
			rest, all = after, all && found
		}
		if all {
			return
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("devstack has not said %q", wanted)
		}
	}
}

// experiments are the lines to paste.
func (r *running) experiments() (lines []string) {
	_, block, _ := strings.Cut(r.said(), "Break it:")
	block, _, _ = strings.Cut(block, "Waiting for the renewal")
	for line := range strings.Lines(block) {
		if line, indented := strings.CutPrefix(line, "  "); indented && !strings.HasPrefix(line, "#") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

// paste runs a line in a shell, in the folder of make.
func (r *running) paste(line string) (out string, code int) {
	r.t.Helper()
	cmd := exec.Command("sh", "-c", line)
	cmd.Dir, cmd.Env = r.dir, user()
	b, _ := cmd.CombinedOutput()
	return string(b), cmd.ProcessState.ExitCode()
}

// must is paste of a line that succeeds and prints each of these.
func (r *running) must(line string, prints ...string) string {
	r.t.Helper()
	out, code := r.paste(line)
	if code != 0 {
		r.t.Fatalf("%s: exit code %d\n%s", line, code, out)
	}
	for _, want := range prints {
		if !strings.Contains(out, want) {
			r.t.Fatalf("%s: no %q in\n%s", line, want, out)
		}
	}
	return out
}

// stopped is Ctrl-C: all ends, and the logs stay.
func (r *running) stopped() {
	if err := r.cmd.Process.Signal(syscall.SIGINT); err != nil {
		r.t.Fatal(err)
	}
	r.await("Stopping. The logs are kept in " + r.dir)
	if err := r.cmd.Wait(); err != nil {
		r.t.Errorf("Ctrl-C: %v", err)
	}
	for _, part := range []string{"worker", "pebble", "postgres", "temporal", "dns"} {
		if logs, _ := filepath.Glob(filepath.Join(r.dir, ".bin/logs/*", part+".log")); len(logs) != 1 {
			r.t.Errorf("logs of %s: %v", part, logs)
		}
	}
	if out, code := r.paste(".bin/devstack break worker"); code == 0 || !strings.Contains(out, "no stack runs") {
		r.t.Errorf("after the end: exit code %d, %s", code, out)
	}
}
