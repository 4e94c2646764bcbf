package dns01

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"

	"everleaf/adapters/internal/program"
	"everleaf/ports"
)

var _ ports.DNSZone = (*execZone)(nil)

// Exec runs a program of the operator's for each record. It gets an ExecDocument in one line on its standard input and
// answers by its exit code: 0 for done, 75 for what passes by itself, any other for what somebody must correct. What it
// says at the end on its standard error goes into the message. It has to keep other values under the name, and to end
// with 0 where there is nothing to add or remove. Four of them run at once.
type Exec struct {
	program.Settings
}

// Actions of an ExecDocument. Programs depend on them: they are never renamed.
const (
	execAdd    = "add"
	execRemove = "remove"
)

// ExecDocument is what a program gets. Fields are only ever added.
type ExecDocument struct {
	// Action is "add" or "remove".
	Action string `json:"action"`
	// Zone is the configured zone, without a dot at the end.
	Zone string `json:"zone"`
	// FQDN is where the TXT record is, with a dot at the end. Value is its text.
	FQDN  string `json:"fqdn"`
	Value string `json:"value"`
}

// Through implements ZoneKind.
func (c Exec) Through() string { return "exec " + filepath.Base(c.Command[0]) }

// New implements ZoneKind.
func (c Exec) New(zone string, _ Config) ports.DNSZone {
	return &execZone{name: canonical(zone), config: c}
}

type execZone struct {
	name   string
	config Exec
}

// Name implements ports.DNSZone.
func (z *execZone) Name() string { return z.name }

// Add implements ports.DNSZone.
func (z *execZone) Add(ctx context.Context, records []ports.DNSRecord) error {
	return addEach(ctx, z.name, records, func(ctx context.Context, r ports.DNSRecord) error {
		return z.run(ctx, execAdd, r)
	})
}

// Remove implements ports.DNSZone.
func (z *execZone) Remove(ctx context.Context, records []ports.DNSRecord) error {
	return removeEach(ctx, z.name, records, func(ctx context.Context, r ports.DNSRecord) error {
		return z.run(ctx, execRemove, r)
	})
}

func (z *execZone) run(ctx context.Context, action string, record ports.DNSRecord) error {
	where := action + " " + record.Name + " in zone " + z.name
	input, err := json.Marshal(ExecDocument{Action: action, Zone: z.name, FQDN: record.Name + ".", Value: record.Value})
	if err != nil {
		return refusedFault(err, "%s: the document cannot be written", where)
	}
	p := z.config.Program(append(input, '\n'))
	err = p.Run(ctx)
	failure, failed := errors.AsType[*program.Failure](err)
	if !failed {
		return err
	}
	switch said := p.Shown(failure); {
	case failure.Passes():
		return unavailableFault(failure.Start, "%s: %s%s", where, failure, said)
	case failure.Start != nil:
		return refusedFault(failure.Start, "%s: %s: see to the program and its variables on this host, or correct "+
			"exec.command and exec.env", where, failure)
	default:
		return refusedFault(nil, "%s: %s%s", where, failure, said)
	}
}
