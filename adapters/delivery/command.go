package delivery

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	// outputKept is how much of a command's output is read, in octets, outputShown how many of its last lines a fault
	// shows.
	outputKept  = 8 << 10
	outputShown = 5
	// killedFor is how long a command that was killed may keep its output open.
	killedFor = 2 * time.Second
)

// command is a program to run after a change, without a shell.
type command struct {
	args    []string
	timeout time.Duration
}

// run runs the command for a certificate. A program that is not there is refused; one that fails, or takes too long, is
// run again later. The fault has the last lines of its output, unless the key is among them.
func (c command) run(ctx context.Context, certificate, path string, keyPEM []byte) error {
	within, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	args := make([]string, len(c.args))
	for i, arg := range c.args {
		args[i] = strings.NewReplacer(namePlace, certificate, pathPlace, path).Replace(arg)
	}
	program := filepath.Base(args[0]) // arguments may be secret
	output := &tail{limit: outputKept}
	defer output.wipe()
	cmd := exec.CommandContext(within, args[0], args[1:]...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = "/", commandEnv(), output, output, killedFor
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // what it has started ends with it
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	err := cmd.Run()
	exited, ended := errors.AsType[*exec.ExitError](err)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case within.Err() != nil:
		return unavailableFault(nil, "the command %s did not end within %s%s", program, c.timeout, output.shown(keyPEM))
	case ended:
		return unavailableFault(nil, "the command %s failed (%s)%s", program, exited.ProcessState, output.shown(keyPEM))
	case errors.Is(err, exec.ErrWaitDelay):
		return nil // it succeeded; what it has started has kept its output open
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		return refusedFault(err, "run the command %s: install it on this host, or correct directory.command", program)
	default:
		return interpret(err, "run the command "+program)
	}
}

// commandEnv leaves out what is this process's own: its variables hold secrets.
func commandEnv() (env []string) {
	for _, name := range []string{"PATH", "HOME", "USER", "LANG", "TZ"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// tail keeps the last bytes that are written to it.
type tail struct {
	limit int
	kept  []byte
}

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	n := len(p)
	if len(p) > t.limit {
		p = p[len(p)-t.limit:]
	}
	if over := len(t.kept) + len(p) - t.limit; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
	}
	t.kept = append(t.kept, p...)
	return n, nil
}

func (t *tail) wipe() { clear(t.kept[:cap(t.kept)]) }

// shown returns the output's last lines, to be put after a sentence; empty without any.
func (t *tail) shown(keyPEM []byte) string {
	if holdsKey(t.kept, keyPEM) {
		return "; its output is left out, since it holds the private key"
	}
	lines := strings.Split(strings.TrimSpace(strings.ToValidUTF8(string(t.kept), "?")), "\n")
	lines = lines[max(0, len(lines)-outputShown):]
	if text := strings.TrimSpace(strings.Join(lines, "\n")); text != "" {
		return ": " + text
	}
	return ""
}

// holdsKey looks for any part of a key, however it is wrapped.
func holdsKey(output, keyPEM []byte) bool {
	if bytes.Contains(output, []byte("PRIVATE KEY")) {
		return true
	}
	block, _ := pem.Decode(keyPEM)
	if block == nil {
		return false
	}
	defer clear(block.Bytes)
	const part = 24 // of base64: chance does not repeat it
	body := keyBody(keyPEM)
	defer clear(body)
	flat := bytes.Join(bytes.Fields(output), nil)
	defer clear(flat)
	for i := 0; i+part <= len(body); i++ {
		if bytes.Contains(flat, body[i:i+part]) {
			return true
		}
	}
	return false
}

// keyBody is the key's base64 in one piece.
func keyBody(keyPEM []byte) (body []byte) {
	for line := range bytes.Lines(keyPEM) {
		if line = bytes.TrimSpace(line); !bytes.HasPrefix(line, []byte("-----")) {
			body = append(body, line...)
		}
	}
	return body
}
