package proc

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// family prints its child's PID, and both ignore SIGTERM if asked to.
const family = `trap "%s" TERM; sleep 1000 & echo $!; wait; wait`

func TestMain(m *testing.M) {
	switch {
	case slices.Contains(os.Args, "guard"):
		Guard(os.Stdin)
	case slices.Contains(os.Args, "parent"):
		parent()
	default:
		os.Exit(m.Run())
	}
}

// parent is a whole program: it starts a family and a directory that are to go when it is killed.
func parent() {
	g, err := NewGroup(os.Args[0], "guard")
	if err != nil {
		panic(err)
	}
	dir, err := os.MkdirTemp("", "proc")
	if err != nil {
		panic(err)
	}
	g.RemoveAtEnd(dir)
	c, err := g.Start(Spec{Name: "family", Path: "/bin/sh", Args: []string{"-c", fmt.Sprintf(family, "")},
		Stdout: os.Stdout})
	if err != nil {
		panic(err)
	}
	// As if this process were killed between starting a child and telling the guard of it.
	unannounced := exec.Command("sleep", "1000")
	unannounced.Env, unannounced.SysProcAttr = append(os.Environ(), g.mark), &syscall.SysProcAttr{Setsid: true}
	if err := unannounced.Start(); err != nil {
		panic(err)
	}
	fmt.Printf("%d\n%d\n%s\n", unannounced.Process.Pid, c.PID(), dir)
	select {}
}

func TestChildAndGrandchildGoWhenParentIsKilled(t *testing.T) {
	cmd := exec.Command(os.Args[0], "parent")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var pids []int
	var dir string
	for lines := bufio.NewScanner(out); (len(pids) < 3 || dir == "") && lines.Scan(); {
		var pid int
		if _, err := fmt.Sscan(lines.Text(), &pid); err == nil {
			pids = append(pids, pid)
		} else {
			dir = lines.Text()
		}
	}
	if len(pids) != 3 || !alive(pids[0]) || !alive(pids[1]) || !alive(pids[2]) {
		t.Fatalf("family did not come up: %v", pids)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	mustVanish(t, pids...)
	eventually(t, "directory removed", func() bool {
		_, err := os.Stat(dir)
		return os.IsNotExist(err)
	})
}

func TestStopEndsChildAndGrandchild(t *testing.T) {
	for _, tc := range []struct {
		name, onTerm string
		within       time.Duration
	}{
		{"that obey SIGTERM", "exit 0", 10 * time.Second},
		{"that ignore SIGTERM", "", 50 * time.Millisecond},
		{"that are stopped", "exit 0", time.Hour},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g := newGroup(t)
			log := filepath.Join(t.TempDir(), "log")
			c, err := g.Start(Spec{Name: "family", Path: "/bin/sh",
				Args: []string{"-c", fmt.Sprintf(family, tc.onTerm)},
				Log:  log, StopWithin: tc.within})
			if err != nil {
				t.Fatal(err)
			}
			grandchild := 0
			eventually(t, "grandchild", func() bool {
				b, _ := os.ReadFile(log)
				_, err := fmt.Sscan(string(b), &grandchild)
				return err == nil && strings.HasSuffix(string(b), "\n")
			})
			if tc.name == "that are stopped" {
				c.Signal(syscall.SIGSTOP)
			}
			g.Stop()
			mustVanish(t, c.PID(), grandchild)
			if _, err := g.Start(Spec{Name: "late", Path: "/bin/true"}); err == nil {
				t.Fatal("a stopped group started a child")
			}
		})
	}
}

func TestGrandchildGoesWhenChildEnds(t *testing.T) {
	g := newGroup(t)
	var out strings.Builder
	c, err := g.Start(Spec{Name: "family", Path: "/bin/sh", Args: []string{"-c", "sleep 1000 & echo $!; exit 3"},
		Stdout: &out})
	if err != nil {
		t.Fatal(err)
	}
	<-c.Done()
	var grandchild int
	if _, err := fmt.Sscan(out.String(), &grandchild); err != nil || c.ExitCode() != 3 {
		t.Fatalf("output %q, exit code %d, want a PID and 3", out.String(), c.ExitCode())
	}
	mustVanish(t, grandchild)
}

func TestExitCodeOfSignal(t *testing.T) {
	g := newGroup(t)
	c, err := g.Start(Spec{Name: "suicide", Path: "/bin/sh", Args: []string{"-c", "kill -KILL $$"}})
	if err != nil {
		t.Fatal(err)
	}
	<-c.Done()
	if c.ExitCode() != 137 || c.Err() == nil {
		t.Fatalf("exit code %d, error %v, want 137 and an error", c.ExitCode(), c.Err())
	}
}

func newGroup(t *testing.T) *Group {
	t.Helper()
	g, err := NewGroup(os.Args[0], "guard")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Stop)
	return g
}

func mustVanish(t *testing.T, pids ...int) {
	t.Helper()
	for _, pid := range pids {
		eventually(t, fmt.Sprintf("end of process %d", pid), func() bool { return !alive(pid) })
	}
}

// alive reports whether a process runs. A zombie does not: who reaps orphans is the machine's business.
func alive(pid int) bool {
	_, state, found := stat(fmt.Sprint(pid))
	return found && state != 'Z' || !found && syscall.Kill(pid, 0) == nil
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited 20 s in vain for: %s", what)
		}
	}
}
