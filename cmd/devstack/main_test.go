package main

import (
	"bufio"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The whole program with its real servers: whichever way it ends, they and the command's children end too.
func TestExecLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "devstack")
	build(t, binary, ".")
	for _, tc := range []struct {
		name, then string
		signal     syscall.Signal
		code       int
	}{
		{"exit code of the command", "exit 7", 0, 7},
		{"Ctrl-C", "wait", syscall.SIGINT, 130},
		{"SIGTERM", "wait", syscall.SIGTERM, 143},
		{"SIGKILL", "wait", syscall.SIGKILL, -1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			script := `exec 3<>/dev/null; sleep 1000 >&3 2>&3 & echo $EVERLEAF_TEST_POSTGRES $EVERLEAF_TEST_TEMPORAL $!; ` + tc.then
			cmd := exec.Command(binary, "exec", "--", "sh", "-c", script)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			var said strings.Builder
			cmd.Stderr = &said
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			line, err := bufio.NewReader(out).ReadString('\n')
			fields := strings.Fields(line)
			if err != nil || len(fields) != 3 {
				_ = cmd.Process.Kill()
				t.Fatalf("the command said %q (%v); devstack said:\n%s", line, err, &said)
			}
			if tc.signal != 0 {
				if err := cmd.Process.Signal(tc.signal); err != nil {
					t.Fatal(err)
				}
			}
			_ = cmd.Wait()
			if got := cmd.ProcessState.ExitCode(); got != tc.code {
				t.Errorf("exit code %d, want %d; devstack said:\n%s", got, tc.code, &said)
			}
			postgres, err := url.Parse(fields[0])
			if err != nil {
				t.Fatal(err)
			}
			for what, gone := range map[string]func() bool{
				"Postgres":   func() bool { return refused(postgres.Host) },
				"Temporal":   func() bool { return refused(fields[1]) },
				"grandchild": func() bool { return ended(fields[2]) },
			} {
				for deadline := time.Now().Add(20 * time.Second); !gone(); time.Sleep(10 * time.Millisecond) {
					if time.Now().After(deadline) {
						t.Fatalf("%s is still there after 20 s", what)
					}
				}
			}
		})
	}
}

// build builds the program in a folder of the repository.
func build(t *testing.T, path, folder string) {
	t.Helper()
	if out, err := exec.Command("go", "-C", folder, "build", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", folder, err, out)
	}
}

func refused(address string) bool {
	conn, err := net.DialTimeout("tcp", address, time.Second)
	if err == nil {
		_ = conn.Close()
	}
	return err != nil
}

// ended reports whether the process is gone, or a zombie that nobody reaps.
func ended(pid string) bool {
	n, err := strconv.Atoi(pid)
	if err != nil {
		return false
	}
	stat, _ := os.ReadFile("/proc/" + pid + "/stat") // where there is no /proc, there is no such file
	return syscall.Kill(n, 0) != nil || strings.Contains(string(stat), ") Z ")
}

func TestWithoutOurs(t *testing.T) {
	got := strings.Join(withoutOurs([]string{"PATH=/bin", "TEMPORAL_ADDRESS=a", "EVERLEAF_ISSUER=b",
		"EVERLEAF_TEST_X=c"}), " ")
	if got != "PATH=/bin EVERLEAF_TEST_X=c" {
		t.Errorf("kept %q", got)
	}
}
