package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

// binary is the shipped program, built once.
var binary string

// atOnce is how many tests run side by side, unless -parallel says. They wait for timers, time-outs and one another's
// processes far more than they compute: as many as there are processors, the default, would leave those idle.
const atOnce = 6

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "everleaf-e2e")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, "everleaf")
		if out, err := exec.Command("go", "build", "-ldflags=-s -w", "-o", binary,
			"everleaf/cmd/everleaf").CombinedOutput(); err != nil {
			panic("build everleaf: " + string(out))
		}
		flag.Parse()
		if !given("test.parallel") {
			if err := flag.Set("test.parallel", strconv.Itoa(atOnce)); err != nil {
				panic(err)
			}
		}
		return m.Run()
	}())
}

// given reports whether a flag is on the command line.
func given(name string) (found bool) {
	flag.Visit(func(f *flag.Flag) { found = found || f.Name == name })
	return found
}

// process is a running worker.
type process struct {
	t    testing.TB
	cmd  *exec.Cmd
	log  *syncBuffer
	done chan struct{}
}

// syncBuffer collects output that is read while it is written.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// launch starts a worker process.
func (s *stack) launch() *process {
	s.t.Helper()
	p := &process{t: s.t, cmd: exec.Command(s.program, "worker"), log: s.log, done: make(chan struct{})}
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = s.env, s.log, s.log
	p.cmd.SysProcAttr = dieWithParent()
	start(s.t, p.cmd)
	go func() { _ = p.cmd.Wait(); close(p.done) }()
	s.t.Cleanup(func() { _ = p.cmd.Process.Kill(); <-p.done })
	return p
}

// worker starts a worker process and waits until its responder answers.
func (s *stack) worker() *process {
	s.t.Helper()
	p := s.launch()
	s.eventually("the worker to listen", func() bool {
		select {
		case <-p.done:
			s.t.Fatalf("worker ended: %s", s.log)
		default:
		}
		conn, err := net.Dial("tcp", s.http01)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	return p
}

// kill is kill -9.
func (p *process) kill() {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(syscall.SIGKILL))
	<-p.done
}

// stop is SIGTERM; the worker must drain and exit 0.
func (p *process) stop() {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(syscall.SIGTERM))
	<-p.done
	require.Equal(p.t, 0, p.cmd.ProcessState.ExitCode(), "exit code after SIGTERM; log:\n%s", p.log)
}

// result is what a command line printed.
type result struct {
	command        string
	stdout, stderr string
	code           int
	log            *syncBuffer // the workers'
}

// exits requires that the command ended with this code, and shows what it printed if it did not.
func (r result) exits(t testing.TB, want int) {
	t.Helper()
	require.Equal(t, want, r.code, "everleaf %s\nstdout:\n%s\nstderr:\n%s\nworker log:\n%s", r.command, r.stdout,
		r.stderr, r.log)
}

// cli runs one command of the binary.
func (s *stack) cli(args ...string) result {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	var stdout, stderr bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = s.env, &stdout, &stderr
	cmd.SysProcAttr = dieWithParent()
	err := runLocked(cmd)
	if cmd.ProcessState == nil {
		s.t.Fatalf("everleaf %s: %v", strings.Join(args, " "), err)
	}
	r := result{command: strings.Join(args, " "), log: s.log, stdout: stdout.String(), stderr: stderr.String(),
		code: cmd.ProcessState.ExitCode()}
	_, _ = s.log.Write([]byte(r.stdout + r.stderr))
	return r
}

// must runs one command that has to succeed.
func (s *stack) must(args ...string) result {
	s.t.Helper()
	r := s.cli(args...)
	r.exits(s.t, 0)
	return r
}

// status reads what a command printed with --output json.
func status(t testing.TB, r result) domain.Status {
	t.Helper()
	var s domain.Status
	require.NoError(t, json.Unmarshal([]byte(r.stdout), &s), r.stdout)
	return s
}

// run starts a worker process with these flags and waits until it runs; its log is kept apart as well. Processes that
// run side by side must not all have the responder, which has one address.
func (s *stack) run(flags ...string) *process {
	s.t.Helper()
	own := &syncBuffer{}
	p := &process{t: s.t, cmd: exec.Command(s.program, append([]string{"worker"}, flags...)...), log: own,
		done: make(chan struct{})}
	both := io.MultiWriter(own, s.log)
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = s.env, both, both
	p.cmd.SysProcAttr = dieWithParent()
	start(s.t, p.cmd)
	go func() { _ = p.cmd.Wait(); close(p.done) }()
	s.t.Cleanup(func() { _ = p.cmd.Process.Kill(); <-p.done })
	s.eventually("the worker to run", func() bool {
		select {
		case <-p.done:
			s.t.Fatalf("worker ended: %s", own)
		default:
		}
		return strings.Contains(own.String(), "everleaf started")
	})
	return p
}

// identity is how Temporal knows the process's worker of a role.
func (p *process) identity(role string) string {
	host, err := os.Hostname()
	require.NoError(p.t, err)
	return fmt.Sprintf("%d@%s/%s", p.cmd.Process.Pid, host, role)
}
