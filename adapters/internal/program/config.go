package program

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"everleaf/adapters/internal/problems"
	"everleaf/adapters/internal/timeout"
)

const (
	// TryAgain is the exit code of a program for which it is not yet time: EX_TEMPFAIL of sysexits.h. Any other but 0
	// is for somebody to correct.
	TryAgain = 75

	defaultTimeout = 30 * time.Second
	maxTimeout     = time.Minute
)

var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// Settings are those, under exec, of a program that gets a JSON document on its standard input. Kinds of targets and
// zones embed them.
type Settings struct {
	// Command is the program and its arguments; no shell reads them.
	Command []string `json:"command"`
	// Timeout bounds one run, as "30s", at most a minute; empty means 30 seconds.
	Timeout string `json:"timeout,omitempty"`
	// Env names variables of the worker that the program gets besides PATH, HOME, USER, LANG and TZ; empty for none.
	Env []string `json:"env,omitempty"`
}

// Check says all that is wrong with the settings, from the field on (".exec.command …"). Arguments are not shown.
func (s Settings) Check() error {
	var found []error
	if len(s.Command) == 0 || strings.TrimSpace(s.Command[0]) == "" {
		found = append(found, fmt.Errorf(
			".exec.command: name a program and its arguments as a list, for example [/usr/local/bin/update]"))
	}
	for i, name := range s.Env {
		if !variable.MatchString(name) {
			found = append(found,
				fmt.Errorf(".exec.env[%d]: give the name of a variable of the worker, without its value", i))
		}
	}
	if fix := timeout.Fix(s.Timeout, "30s", maxTimeout); fix != "" {
		found = append(found, fmt.Errorf(".exec.timeout %q: %s", s.Timeout, fix))
	}
	return problems.Join(found...)
}

// Missing says what of the settings this host does not have: the program, and the variables that it is to get. Another
// host may have it.
func (s Settings) Missing() error {
	found := []error{Find(".exec.command[0]", s.Command)}
	for i, name := range s.Env {
		if _, set := os.LookupEnv(name); !set {
			found = append(found, fmt.Errorf(".exec.env[%d] %q: it is not set here: set it for the worker", i, name))
		}
	}
	return problems.Join(found...)
}

// Name is the program of a command, without arguments, which may be secret.
func Name(command []string) string {
	if len(command) == 0 {
		return ""
	}
	return command[0]
}

// Find says that the program of a command, which stands in the field, cannot be run on this host, and why.
func Find(field string, command []string) error {
	if len(command) == 0 {
		return nil
	}
	path := command[0]
	if strings.Contains(path, "/") && !filepath.IsAbs(path) {
		path = "/" + path // where programs are run
	}
	if _, err := exec.LookPath(path); err != nil {
		return fmt.Errorf("%s %q: no program that this user may run is there (%w): install it, or correct the path",
			field, command[0], errors.Unwrap(err))
	}
	return nil
}

// Program is the program with this input, from settings that Check has passed.
func (s Settings) Program(input []byte) Program {
	return Program{Args: s.Command, Env: s.Env, Timeout: timeout.Or(s.Timeout, defaultTimeout), Input: input}
}
