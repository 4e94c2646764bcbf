package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"everleaf/cmd/devstack/internal/proc"
)

// Status is the part of what `everleaf cert status --output json` prints that the demo reads.
type Status struct {
	Name   string `json:"name"`
	Phase  string `json:"phase"`
	Step   string `json:"step"`
	Issued *struct {
		IssuerCN  string    `json:"issuerCN"`
		Issuer    string    `json:"issuer"`
		Names     []string  `json:"names"`
		Serial    string    `json:"serial"`
		NotBefore time.Time `json:"notBefore"`
		NotAfter  time.Time `json:"notAfter"`
	} `json:"issued"`
	Renewal *struct {
		At      time.Time `json:"at"`
		Message string    `json:"message"`
	} `json:"renewal"`
	Failure *struct {
		Fault struct {
			Reason  string `json:"reason"`
			Message string `json:"message"`
		} `json:"fault"`
		Attempts int       `json:"attempts"`
		RetryAt  time.Time `json:"retryAt"`
	} `json:"failure"`
}

// Serial is that of the certificate in service, empty if there is none.
func (s Status) Serial() string {
	if s.Issued == nil {
		return ""
	}
	return s.Issued.Serial
}

// Everleaf is the command line under demonstration.
type Everleaf struct {
	Path  string
	Env   []string
	Dir   string
	Procs *proc.Group
}

// Run runs a command to its end and answers its standard output. The error holds what it said otherwise.
func (e Everleaf) Run(ctx context.Context, args ...string) ([]byte, error) {
	var out, errOut bytes.Buffer
	c, err := e.Procs.Start(proc.Spec{Name: "everleaf", Path: e.Path, Args: args, Env: e.Env, Dir: e.Dir, Stdout: &out,
		Stderr: &errOut})
	if err != nil {
		return nil, err
	}
	select {
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-c.Done():
	}
	if c.Err() != nil {
		said := strings.TrimSpace(errOut.String() + out.String())
		return nil, fmt.Errorf("everleaf %s: %w: %s", strings.Join(args[:min(2, len(args))], " "), c.Err(), said)
	}
	return out.Bytes(), nil
}

// Look asks for the certificate's status.
func (e Everleaf) Look(ctx context.Context, name string) (Status, error) {
	return e.status(ctx, "cert", "status", name, "--output", "json")
}

func (e Everleaf) status(ctx context.Context, args ...string) (s Status, err error) {
	out, err := e.Run(ctx, args...)
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(out, &s); err != nil {
		return s, fmt.Errorf("read the output of everleaf %s: %w", strings.Join(args[:2], " "), err)
	}
	return s, nil
}
