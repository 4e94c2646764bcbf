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

// Run starts the program with env added to the environment. The caller stops it; on Linux it also ends with a test
// process that is killed.
func Run(t testing.TB, env []string, path string, arguments ...string) *Process {
	t.Helper()
	output, err := os.CreateTemp("", "everleaf-test-log-*")
	must(t, err)
	must(t, os.Remove(output.Name()))
	t.Cleanup(func() { _ = output.Close() })
	p := &Process{name: filepath.Base(path), cmd: exec.Command(path, arguments...), exited: make(chan struct{}),
		output: output}
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

// FreePort picks a port for a TCP server of the test's, which may start late and stop in between. The port is the
// test's own until it ends: its UDP half is held, at which every other pick looks, in whichever process.
func FreePort(t testing.TB) int {
	t.Helper()
	port, udp := freePort(t)
	t.Cleanup(func() { _ = udp.Close() })
	return port
}

// FreePorts picks ports that are free now for TCP and UDP: another process may take one before it is used, so the
// caller it tries again.
func FreePorts(t testing.TB, count int) (ports []int) {
	t.Helper()
	for range count {
		port, udp := freePort(t)
		defer udp.Close() //nolint:errcheck // held until all are picked, so that they differ
		ports = append(ports, port)
	}
	return ports
}

// freePort picks a port below those that Linux gives to connections and to listeners that ask for any (32768 and up).
func freePort(t testing.TB) (port int, udp net.PacketConn) {
	t.Helper()
	const lowest, highest, tries = 12000, 32767, 1000
	for range tries {
		port = lowest + rand.IntN(highest-lowest+1)
		tcp, err := net.Listen("tcp", address(port))
		if err != nil {
			continue
		}
		_ = tcp.Close()
		if udp, err = net.ListenPacket("udp", address(port)); err == nil {
			return port, udp
		}
	}
	t.Fatalf("no free port from %d to %d", lowest, highest)
	return 0, nil
}
