package program

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// killedFor is how long the output of a program that has ended may be kept open by what it has started.
const killedFor = 2 * time.Second

// inherited are the variables of this process that every program gets. The others may hold secrets.
var inherited = []string{"PATH", "HOME", "USER", "LANG", "TZ"}

// ErrNotSet is why a program is not started that is to get a variable which this process does not have.
var ErrNotSet = errors.New("a variable that env names is not set for this worker")

// Program is a program to run once.
type Program struct {
	// Args are the program, as it is found in PATH, and its arguments.
	Args []string
	// Env names further variables of this process that it gets.
	Env []string
	// Timeout bounds it.
	Timeout time.Duration
	// Input is its standard input; nil is an empty one.
	Input []byte
	// Stdout reports whether its standard output counts as what it says; its standard error does in any case.
	Stdout bool
	// Outlived reports whether what it has started may go on after it has succeeded. Else all of its process group is
	// killed at its end.
	Outlived bool
}

// Failure is a run that did not succeed.
type Failure struct {
	// Code is the exit code; -1 if a signal or the time-out ended it, or if it was not started.
	Code int
	// Start is why it was not started; nil if it was.
	Start error
	// Said is the end of what it wrote. It may hold secrets that the program was given.
	Said []byte
	text string
}

// Error names the program, without its arguments, which may be secret, and what it said.
func (f *Failure) Error() string { return f.text }

func (f *Failure) Unwrap() error { return f.Start }

// Passes reports whether the program, by the convention of Settings, may succeed later as things are: it ended with
// TryAgain, it did not come to its own end, or the system was too busy to start it.
func (f *Failure) Passes() bool {
	if f.Start == nil {
		return f.Code == TryAgain || f.Code < 0
	}
	for _, passing := range []error{syscall.EAGAIN, syscall.ENOMEM, syscall.EMFILE, syscall.ENFILE, syscall.ETXTBSY,
		syscall.EIO, syscall.ESTALE} {
		if errors.Is(f.Start, passing) {
			return true
		}
	}
	return false
}

// Run runs it. The error is ctx's, or a *Failure.
func (p Program) Run(ctx context.Context) error {
	name := filepath.Base(p.Args[0])
	env, err := p.environment()
	if err != nil {
		return &Failure{Code: -1, Start: err, text: "run the command " + name}
	}
	within, cancel := context.WithTimeout(ctx, p.Timeout)
	defer cancel()
	said := &tail{}
	cmd := exec.CommandContext(within, p.Args[0], p.Args[1:]...)
	cmd.Dir, cmd.Env, cmd.Stdin, cmd.Stderr, cmd.WaitDelay = "/", env, bytes.NewReader(p.Input), said, killedFor
	cmd.Stdout = io.Discard
	if p.Stdout {
		cmd.Stdout = said
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	kill := func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.Cancel = kill
	err = cmd.Run()
	if cmd.Process != nil && !p.Outlived {
		_ = kill() // mostly nobody is left
	}
	exited, ended := errors.AsType[*exec.ExitError](err)
	failure := &Failure{Code: -1, Said: said.kept}
	switch {
	case err == nil || errors.Is(err, exec.ErrWaitDelay): // it succeeded; what it has started has kept its output open
		clear(said.kept)
		return nil
	case ctx.Err() != nil:
		clear(said.kept)
		return context.Cause(ctx)
	case within.Err() != nil:
		failure.text = fmt.Sprintf("the command %s did not end within %s", name, p.Timeout)
	case ended:
		failure.Code = exited.ExitCode()
		failure.text = fmt.Sprintf("the command %s failed (%s)", name, exited.ProcessState)
	default:
		failure.Start, failure.text = err, "run the command "+name
	}
	return failure
}

// environment is what the program gets of this process's; one that is named and not set is an error.
func (p Program) environment() (env []string, err error) {
	for _, name := range slices.Concat(inherited, p.Env) {
		value, ok := os.LookupEnv(name)
		switch {
		case ok:
			env = append(env, name+"="+value)
		case slices.Contains(p.Env, name):
			return nil, fmt.Errorf("%w: %s", ErrNotSet, name)
		}
	}
	return env, nil
}

// secrets are the values of the variables that were given to it alone, but for those that are too short to be one.
func (p Program) secrets() (values []string) {
	for _, name := range p.Env {
		if value := os.Getenv(name); len(value) >= leastSecret {
			values = append(values, value)
		}
	}
	return values
}

// Shown is the end of what it said, to be put after a sentence: its last lines, without control characters and without
// the values of Env; empty if it said nothing.
func (p Program) Shown(f *Failure) string {
	text := strings.ToValidUTF8(string(f.Said), "?")
	for _, secret := range p.secrets() {
		text = strings.ReplaceAll(text, secret, "[secret]")
	}
	text = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' || r == 0x7f {
			return -1
		}
		return r
	}, text)
	lines := strings.Split(strings.TrimSpace(text), "\n")
	text = strings.TrimSpace(strings.Join(lines[max(0, len(lines)-shownLines):], "\n"))
	if text == "" {
		return ""
	}
	return ": " + strings.ToValidUTF8(text[max(0, len(text)-shownBytes):], "")
}
