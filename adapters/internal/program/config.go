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

// Config are the settings, under exec, of a program that gets a JSON document on its standard input.
type Config struct {
	Command []string
	// Timeout bounds a run, as "30s"; empty means 30 seconds.
	Timeout string
	// Env names variables of this process that the program gets.
	Env []string
}

// Check says what is wrong with the settings, from the field on (".exec.command …"). Arguments are not shown.
func (c Config) Check() error {
	if len(c.Command) == 0 || strings.TrimSpace(c.Command[0]) == "" {
		return fmt.Errorf(".exec.command: name a program and its arguments as a list, for example [/usr/local/bin/update]")
	}
	for i, name := range c.Env {
		if !variable.MatchString(name) {
			return fmt.Errorf(".exec.env[%d]: give the name of a variable of the worker, without its value", i)
		}
	}
	if fix := timeout.Fix(c.Timeout, "30s", maxTimeout); fix != "" {
		return fmt.Errorf(".exec.timeout %q: %s", c.Timeout, fix)
	}
	return nil
}

// Program is the program with this input, from settings that Check has passed.
func (c Config) Program(input []byte) Program {
	return Program{Args: c.Command, Env: c.Env, Timeout: timeout.Or(c.Timeout, defaultTimeout), Input: input}
}
