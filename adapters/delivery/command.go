package delivery

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"strings"
	"time"

	"everleaf/adapters/internal/program"
)

// command is a program to run after a change, without a shell; setting is the one that it is from.
type command struct {
	setting string
	args    []string
	timeout time.Duration
}

// run runs the command for a certificate. A program that is not there is refused; one that fails, or takes too long, is
// run again later. The fault has the last lines of its output, unless the key is among them.
func (c command) run(ctx context.Context, certificate, path string, keyPEM []byte) error {
	args := make([]string, len(c.args))
	for i, arg := range c.args {
		args[i] = strings.NewReplacer(namePlace, certificate, pathPlace, path).Replace(arg)
	}
	p := program.Program{Args: args, Timeout: c.timeout, Stdout: true, Outlived: true}
	err := p.Run(ctx)
	failure, failed := errors.AsType[*program.Failure](err)
	if !failed {
		return err
	}
	defer clear(failure.Said)
	if failure.Start != nil && !failure.Passes() {
		return refusedFault(failure.Start, "%s: install it on this host, or correct %s", failure, c.setting)
	}
	return unavailableFault(failure.Start, "%s%s", failure, shown(p, failure, keyPEM))
}

// shown is what a program said, unless the key is in it.
func shown(p program.Program, failure *program.Failure, keyPEM []byte) string {
	if holdsKey(failure.Said, keyPEM) {
		return "; its output is left out, since it holds the private key"
	}
	return p.Shown(failure)
}

// holdsKey reports whether an output has any part of the key in it, however its lines are broken.
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
