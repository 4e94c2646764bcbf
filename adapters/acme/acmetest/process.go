package acmetest

import (
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Process is a server that a test started.
type Process struct {
	name   string
	cmd    *exec.Cmd
	exited chan struct{}
	// output is a file without a name, not a pipe: what a server wrote before it answered is there when the answer is.
	output *os.File
}

// Run starts the program with env added to the environment. Whoever calls it stops it; on Linux it also ends with a test process
// that is killed.
func Run(t testing.TB, env []string, path string, arguments ...string) *Process {
	t.Helper()
	output, err := os.CreateTemp("", "everleaf-test-log-*")
	must(t, err)
	must(t, os.Remove(output.Name()))
	t.Cleanup(func() { _ = output.Close() })
	p := &Process{name: filepath.Base(path), cmd: exec.Command(path, arguments...), exited: make(chan struct{}), output: output}
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	p.cmd.Env = append(os.Environ(), env...)
	must(t, startWithParent(p.cmd))
	go func() {
		_ = p.cmd.Wait()
		close(p.exited)
	}()
	return p
}

// Await asks until ready answers without error, the process ends or time is up.
func (p *Process) Await(ready func() error) error {
	deadline := time.After(readyWithin)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ready()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-p.exited:
			return fmt.Errorf("%s ended: %s", p.name, p.Log())
		case <-deadline:
			return errors.Join(fmt.Errorf("%s does not answer within %s: %s", p.name, readyWithin, p.Log()), err)
		}
	}
}

// Stop ends it as a crash would.
func (p *Process) Stop() {
	_ = p.cmd.Process.Kill()
	<-p.exited
}

// Log is what it wrote so far.
func (p *Process) Log() string {
	text, err := io.ReadAll(io.NewSectionReader(p.output, 0, math.MaxInt64))
	if err != nil {
		return "(the log cannot be read: " + err.Error() + ")"
	}
	return string(text)
}

// FreePort picks a port that is free now for TCP and UDP. It is below those that Linux gives to connections and to
// listeners that ask for any (32768 and up): with many tests at work, one of those may be taken before it is used.
func FreePort(t testing.TB) int {
	t.Helper()
	return freePorts(t, 1)[0]
}

func freePorts(t testing.TB, count int) []int {
	t.Helper()
	const lowest, highest, tries = 12000, 32767, 1000
	ports := make([]int, 0, count)
	for range tries {
		if len(ports) == count {
			return ports
		}
		port := lowest + rand.IntN(highest-lowest+1)
		tcp, err := net.Listen("tcp", address(port))
		if err != nil {
			continue
		}
		// Held until all are picked, so that they differ.
		defer tcp.Close() //nolint:errcheck // a listener that accepted nothing
		udp, err := net.ListenPacket("udp", address(port))
		if err != nil {
			continue
		}
		_ = udp.Close()
		ports = append(ports, port)
	}
	t.Fatalf("no %d free ports from %d to %d", count, lowest, highest)
	return nil
}
