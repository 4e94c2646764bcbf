package delivery

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"everleaf/adapters/internal/program"
	"everleaf/domain"
	"everleaf/ports"
)

var _ ports.Target = (*execTarget)(nil)

// Exec runs a program of the operator's, which puts certificates where they are used. It gets an ExecDocument in one
// line on its standard input and answers by its exit code: 0 for done, 75 for what passes by itself, any other for what
// somebody must correct. What it says at the end on its standard error goes into the message.
type Exec struct {
	program.Settings
	// Key is whether the program gets the private key, in the document; empty means false.
	Key bool `json:"key,omitempty"`
}

// Actions of an ExecDocument. Programs depend on them: they are never renamed.
const (
	execDeliver = "deliver"
	execRemove  = "remove"
)

// ExecDocument is what a program gets. Fields are only ever added.
type ExecDocument struct {
	// Action is "deliver" or "remove". A removal has Name, Target and Sequence alone.
	Action string `json:"action"`
	// Name is the certificate's, Target the target as the spec names it, with "@host" where it has one.
	Name   string `json:"name"`
	Target string `json:"target"`
	// Sequence is greater for what was asked for later, removals included. The program keeps the greatest that it has
	// acted on for a name, acts on no smaller one, and ends with 0 there: it is a try that was cut off and came back
	// late.
	Sequence  int64      `json:"sequence"`
	Version   string     `json:"version,omitempty"`
	Names     []string   `json:"names,omitempty"`
	Serial    string     `json:"serial,omitempty"`
	NotBefore *time.Time `json:"notBefore,omitempty"`
	NotAfter  *time.Time `json:"notAfter,omitempty"`
	Issuer    string     `json:"issuer,omitempty"`
	ChainPEM  string     `json:"chainPEM,omitempty"`
	// KeyPEM is the private key, PKCS #8, if the target's key says so.
	KeyPEM string `json:"keyPEM,omitempty"`
}

// Fetched implements Kind.
func (Exec) Fetched() bool { return false }

// Target implements Kind.
func (e Exec) Target(name string, _ Deps) (ports.Target, error) {
	return &execTarget{name: name, config: e}, nil
}

type execTarget struct {
	name   string
	config Exec
}

// Deliver implements ports.Target.
func (t *execTarget) Deliver(ctx context.Context, bundle ports.Bundle) (string, error) {
	i := bundle.Issued
	document := ExecDocument{
		Action: execDeliver, Name: bundle.Certificate, Target: bundle.Target, Sequence: bundle.Sequence,
		Version: i.Version, Names: i.Names, Serial: i.Serial, NotBefore: &i.NotBefore, NotAfter: &i.NotAfter,
		Issuer: i.Issuer, ChainPEM: string(bundle.ChainPEM),
	}
	if t.config.Key {
		document.KeyPEM = string(bundle.KeyPEM)
	}
	return "done", t.run(ctx, document, bundle.KeyPEM)
}

// Drift implements ports.Target: what a program has done cannot be looked at.
func (t *execTarget) Drift(context.Context, ports.Bundle) (string, error) { return "", nil }

// Remove implements ports.Target.
func (t *execTarget) Remove(ctx context.Context, removal ports.Removal) error {
	return t.run(ctx, ExecDocument{
		Action: execRemove, Name: removal.Certificate, Target: removal.Target, Sequence: removal.Sequence,
	}, nil)
}

func (t *execTarget) run(ctx context.Context, document ExecDocument, keyPEM []byte) error {
	if err := domain.ValidateCertificateName(document.Name); err != nil {
		return err // programs make file names of it
	}
	input, err := json.Marshal(document)
	if err != nil {
		return refusedFault(nil, "target %s: the document cannot be written", t.name)
	}
	defer clear(input)
	p := t.config.Program(append(input, '\n'))
	defer clear(p.Input)
	err = p.Run(ctx)
	failure, failed := errors.AsType[*program.Failure](err)
	if !failed {
		return err
	}
	defer clear(failure.Said)
	switch said := shown(p, failure, keyPEM); {
	case failure.Passes():
		return unavailableFault(failure.Start, "target %s: %s%s", t.name, failure, said)
	case failure.Start != nil:
		return refusedFault(failure.Start, "target %s: %s: see to the program and its variables on this host, or correct "+
			"exec.command and exec.env", t.name, failure)
	default:
		return refusedFault(nil, "target %s: %s%s", t.name, failure, said)
	}
}
