package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"everleaf/app"
)

// The exit codes, for scripts.
const (
	exitOK = 0
	// exitProblem: it did not work; the line on stderr says why.
	exitProblem = 1
	// exitUsage: the command line or the environment is wrong.
	exitUsage = 2
	// exitTimeout: --timeout passed; the workflow goes on.
	exitTimeout = 3
	// exitInterrupted is what shells expect after SIGINT: 128 and the signal's number.
	exitInterrupted = 130
)

// timeoutError: the wait is over, the work is not.
type timeoutError struct{ error }

func (t timeoutError) Unwrap() error { return t.error }

// shownError is on stdout already, where programs read it.
type shownError struct{ error }

func (s shownError) Unwrap() error { return s.error }

// exitCodes is for --help.
const exitCodes = "Exit codes: 0 it worked, 1 a problem (the line on stderr says which), 2 the command line or a " +
	"variable is wrong, " +
	"3 --timeout passed and the workflow goes on, 130 interrupted."

// fail says the error in one line, for programs on stdout too, and returns the exit code.
func (k kit) fail(err error) int {
	if err == nil {
		return exitOK
	}
	_, _ = fmt.Fprintln(k.err, "everleaf: "+k.readable(message(err)))
	code := exitCode(err)
	if shown := (shownError{}); k.failJSON && !errors.As(err, &shown) {
		_ = k.json(failed(err, code)) // stderr has it already
	}
	return code
}

func exitCode(err error) int {
	var usage usageError
	var late timeoutError
	switch {
	case errors.As(err, &usage):
		return exitUsage
	case errors.As(err, &late):
		return exitTimeout
	case errors.Is(err, errInterrupted), errors.Is(err, context.Canceled):
		return exitInterrupted
	case malformed(err):
		return exitUsage
	default:
		return exitProblem
	}
}

// malformed reports whether a setting was refused for what it is. What the world answers (out of reach, refused, in
// use) is a problem: the same setting may work later.
func malformed(err error) bool {
	var fault *app.Fault
	return errors.As(err, &fault) && slices.Contains(
		[]app.Reason{app.ReasonInvalidSetting, app.ReasonInvalidTargets, app.ReasonPostgresURLMalformed,
			app.ReasonSealingKeyMalformed, app.ReasonTemporalSettings}, fault.Reason)
}

// message adds what programs look for to a fault: kind and reason.
func message(err error) string {
	var fault *app.Fault
	if errors.As(err, &fault) {
		return fmt.Sprintf("%s (%s/%s)", err, fault.Kind, fault.Reason)
	}
	return err.Error()
}

// plain makes one line of a text that may come from a CA or a web server: no line breaks, no control characters, so
// that nothing of theirs reaches the terminal but letters.
func plain(text string) string {
	clean := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return ' '
		}
		return r
	}, text)
	return strings.Join(strings.Fields(clean), " ")
}
