package program

import (
	"fmt"
	"regexp"
	"strings"
	"time"

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

// Check says what is wrong with the settings, from the field on (".exec.command …"). Arguments are not shown.
func (s Settings) Check() error {
	if len(s.Command) == 0 || strings.TrimSpace(s.Command[0]) == "" {
		return fmt.Errorf(".exec.command: name a program and its arguments as a list, for example [/usr/local/bin/update]")
	}
	for i, name := range s.Env {
		if !variable.MatchString(name) {
			return fmt.Errorf(".exec.env[%d]: give the name of a variable of the worker, without its value", i)
		}
	}
	if fix := timeout.Fix(s.Timeout, "30s", maxTimeout); fix != "" {
		return fmt.Errorf(".exec.timeout %q: %s", s.Timeout, fix)
	}
	return nil
}

// Program is the program with this input, from settings that Check has passed.
func (s Settings) Program(input []byte) Program {
	return Program{Args: s.Command, Env: s.Env, Timeout: timeout.Or(s.Timeout, defaultTimeout), Input: input}
}
