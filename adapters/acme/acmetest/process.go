package acmetest

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// process is a child of the test.
type process struct {
	name   string
	cmd    *exec.Cmd
	exited chan struct{}
	output *output
}

func run(t testing.TB, env []string, path string, arguments ...string) *process {
	t.Helper()
	p := &process{name: filepath.Base(path), cmd: exec.Command(path, arguments...), exited: make(chan struct{}), output: &output{}}
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	p.cmd.Env = append(os.Environ(), env...)
	must(t, startWithParent(p.cmd))
	go func() {
		_ = p.cmd.Wait()
		close(p.exited)
	}()
	return p
}

// await asks until ready answers without error, the process ends or time is up.
func (p *process) await(ready func() error) error {
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
			return fmt.Errorf("%s ended: %s", p.name, p.output)
		case <-deadline:
			return errors.Join(fmt.Errorf("%s does not answer within %s: %s", p.name, readyWithin, p.output), err)
		}
	}
}

func (p *process) stop() {
	_ = p.cmd.Process.Kill()
	<-p.exited
}

// output is a buffer that may be read while it is written.
type output struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buffer.Write(p)
}

// String is what was written so far.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buffer.String()
}

// freePorts picks ports that are free now for TCP and UDP.
func freePorts(t testing.TB, count int) []int {
	t.Helper()
	ports := make([]int, 0, count)
	for len(ports) < count {
		tcp, err := net.Listen("tcp", "127.0.0.1:0")
		must(t, err)
		// Held until all are picked, so that they differ.
		defer tcp.Close() //nolint:errcheck // a listener that accepted nothing
		port := tcp.Addr().(*net.TCPAddr).Port
		udp, err := net.ListenPacket("udp", address(port))
		if err != nil {
			continue
		}
		_ = udp.Close()
		ports = append(ports, port)
	}
	return ports
}
