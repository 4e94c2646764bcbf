package stack

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"everleaf/cmd/devstack/internal/proc"
)

func TestMain(m *testing.M) {
	if slices.Contains(os.Args, "guard") {
		proc.Guard(os.Stdin)
		return
	}
	os.Exit(m.Run())
}

// newStack is a stack without servers, and what it says.
func newStack(t *testing.T, lasting bool) (context.Context, *Stack, *lines) {
	t.Helper()
	procs, err := proc.NewGroup(os.Args[0], "guard")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(procs.Stop)
	ctx, fail := context.WithCancelCause(t.Context())
	said := &lines{}
	dir := t.TempDir()
	return ctx, &Stack{Dir: dir, Logs: dir, Procs: procs, Say: said.say, lasting: lasting, fail: fail,
		parts: map[string]*part{}, pace: time.Millisecond}, said
}

type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) say(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, fmt.Sprintf(format, args...))
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.all, "\n")
}

func sh(script string) *part {
	return &part{spec: proc.Spec{Name: "Server", Path: "/bin/sh", Args: []string{"-c", script}},
		ready: func(context.Context) error { return nil }}
}

func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited 20 s in vain for: %s", what)
		}
	}
}

func TestPartThatEndsIsStartedAgain(t *testing.T) {
	ctx, s, said := newStack(t, true)
	p := sh("sleep 1000")
	p.forgets = ". It keeps nothing"
	if err := s.service(ctx, p); err != nil {
		t.Fatal(err)
	}
	before := p.child.PID()
	if err := syscall.Kill(before, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	want := "Server ended (signal: killed): it is started again now\nServer was started again and is ready. It keeps nothing"
	await(t, want, func() bool { return said.String() == want })
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.child.PID() == before || !errors.Is(ctx.Err(), nil) {
		t.Errorf("process %d, before %d, context %v", p.child.PID(), before, context.Cause(ctx))
	}
}

func TestPartThatEndsAgainAndAgain(t *testing.T) {
	ctx, s, said := newStack(t, true)
	if err := s.service(ctx, sh("echo cannot read x; exit 7")); err != nil {
		t.Fatal(err)
	}
	<-ctx.Done()
	err := context.Cause(ctx).Error()
	for _, want := range []string{"Server ended by itself (exit status 7)", "server.log", "| cannot read x"} {
		if !strings.Contains(err, want) {
			t.Errorf("error %q lacks %q", err, want)
		}
	}
	if got := strings.Count(said.String(), "it is started again"); got != starts {
		t.Errorf("it was started again %d times, want %d:\n%s", got, starts, said)
	}
	var pauses []time.Duration
	for i := range starts {
		pauses = append(pauses, s.pause(i+1))
	}
	if want := []time.Duration{0, s.pace, 2 * s.pace, 4 * s.pace, 8 * s.pace}; !slices.Equal(pauses, want) {
		t.Errorf("pauses %v, want %v", pauses, want)
	}
}

func TestPartOfATestsStackIsNotStartedAgain(t *testing.T) {
	ctx, s, said := newStack(t, false)
	if err := s.service(ctx, sh("exit 7")); err != nil {
		t.Fatal(err)
	}
	<-ctx.Done()
	if err := context.Cause(ctx); !strings.Contains(err.Error(), "exit status 7") || said.String() != "" {
		t.Errorf("error %v, said %q", err, said)
	}
}

func TestPartThatEndsBeforeItIsReady(t *testing.T) {
	ctx, s, _ := newStack(t, true)
	p := sh("echo no port; exit 7")
	p.ready = func(context.Context) error { return errors.New("refused") }
	err := s.service(ctx, p)
	if err == nil || !strings.Contains(err.Error(), "it ended (exit status 7)") ||
		!strings.Contains(err.Error(), "no port") {
		t.Errorf("error %v", err)
	}
}

// Through the socket, as `devstack break` does it.
func TestBreak(t *testing.T) {
	ctx, s, said := newStack(t, true)
	worker, ca := sh("sleep 1000"), sh("sleep 1000")
	worker.spec.Name, ca.spec.Name = "Worker", "Pebble"
	for _, p := range []*part{worker, ca} {
		if err := s.service(ctx, p); err != nil {
			t.Fatal(err)
		}
	}
	link := filepath.Join(t.TempDir(), "link")
	if at, err := s.Open(ctx, link); err != nil || at != link {
		t.Fatalf("open: %q, %v", at, err)
	}
	for range starts + 1 { // what somebody asks for counts as no failure
		again := strings.Count(said.String(), "Worker was started again") + 1
		if _, err := Break(ctx, link, "worker", 0); err != nil {
			t.Fatal(err)
		}
		await(t, "another start", func() bool {
			return strings.Count(said.String(),
				"Worker was started again") == again
		})
	}
	begin := time.Now()
	answer, err := Break(ctx, link, "worker", 300*time.Millisecond)
	if err != nil || answer != "Worker was killed, and is started again in 300ms." {
		t.Errorf("%q, %v", answer, err)
	}
	await(t, "another start", func() bool {
		return strings.Count(said.String(), "Worker was started again") == starts+
			2
	})
	if rested := time.Since(begin); rested < 300*time.Millisecond {
		t.Errorf("it was away for %s", rested)
	}
	if _, err := Break(ctx, link, "ca", 300*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	await(t, "the CA's pause", func() bool {
		return strings.Contains(said.String(),
			"Pebble answers nothing for 300ms")
	})
	await(t, "the CA's return", func() bool { return strings.Contains(said.String(), "Pebble answers again") })
	if strings.Contains(said.String(), "Pebble ended") {
		t.Errorf("a CA that is stopped for a while ended:\n%s", said)
	}
	if _, err := Break(ctx, link, "temporal", 0); err == nil || err.Error() != `this stack has no "temporal"` {
		t.Errorf("a part that is not there: %v", err)
	}
	if _, err := SetAddress(ctx, link, "a.test", "nowhere"); err == nil ||
		!strings.Contains(err.Error(), "no IP address") {
		t.Errorf("an address that is none: %v", err)
	}
	// Another stack from the same folder leaves the link alone.
	ctx2, other, _ := newStack(t, true)
	if at, err := other.Open(ctx2, link); err != nil || at != other.Dir {
		t.Errorf("the other stack: %q, %v", at, err)
	}
	dir := s.Dir
	s.Procs.Stop()
	await(t, "the end of the socket", func() bool { _, err := Break(ctx, dir, "worker", 0); return err != nil })
	if _, err := os.Lstat(link); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the link to the stack that is gone: %v", err)
	}
	if _, err := Break(ctx, link, "worker", 0); !strings.Contains(err.Error(), "no stack runs") {
		t.Errorf("a stack that is gone: %v", err)
	}
}
