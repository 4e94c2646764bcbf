package delivery

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"everleaf/adapters/internal/timeout"
	"everleaf/ports"
)

var _ ports.Target = (*directory)(nil)

const (
	chainFile = "tls.crt"
	keyFile   = "tls.key"
	// commandTime bounds a command unless the config does.
	commandTime = time.Minute

	commandSetting       = "directory.command"
	removeCommandSetting = "directory.removeCommand"
)

// directory writes files where a server reads them. The files in the certificate's directory are links through one more
// link, dataLink, to a directory that holds one version, as Kubernetes mounts Secrets: swapping that one link by a
// rename changes chain and key together. (A reader that opens the two around that very instant can still mix them; the
// combined file cannot be mixed.)
type directory struct {
	// base is the part of the path above the first "{name}": the operator's own. below are the parts from there on.
	base  string
	below []string
	owner owner
	// combined is the name of the file with chain and key, empty for none.
	combined string
	// command is run after a change, removeCommand after a removal.
	command, removeCommand command
}

// Fetched implements Kind.
func (Directory) Fetched() bool { return false }

// Target implements Kind.
func (d Directory) Target(string, Deps) (ports.Target, error) { return newDirectory(d), nil }

// newDirectory makes the target of a config that Check has passed.
func newDirectory(config Directory) *directory {
	parts := strings.Split(strings.TrimPrefix(filepath.Clean(config.Path), "/"), "/")
	named := slices.IndexFunc(parts, func(part string) bool { return strings.Contains(part, namePlace) })
	owner, _ := parseOwner(config.Owner) // Check has read it
	limit := timeout.Or(config.Timeout, commandTime)
	return &directory{
		base: "/" + filepath.Join(parts[:named]...), below: parts[named:], owner: owner, combined: config.Combined,
		command:       command{setting: commandSetting, args: config.Command, timeout: limit},
		removeCommand: command{setting: removeCommandSetting, args: config.RemoveCommand, timeout: limit},
	}
}

// Deliver implements ports.Target. The command has to succeed for a delivery to be confirmed: until then, a repeat runs
// it again. It is not run for a version that was confirmed before and is in place.
func (d *directory) Deliver(ctx context.Context, bundle ports.Bundle) (confirmation string, err error) {
	p, err := d.open(ctx, bundle.Certificate, true)
	if err != nil {
		return "", err
	}
	defer p.close()
	files, err := d.files(bundle)
	if err != nil {
		return "", err
	}
	defer wipe(files)
	if err := p.checkSequence(bundle.Sequence); err != nil {
		return "", err
	}
	drift, err := p.drift(files)
	if err != nil {
		return "", err
	}
	if drift == "" && p.sequence() >= bundle.Sequence { // the number keeps off what was asked for before it
		confirmation, err = "in place", p.tidy(files)
	} else {
		confirmation, err = "written", p.write(files, bundle.Sequence)
	}
	if err != nil {
		return "", err
	}
	if p.confirmed() {
		return confirmation, nil
	}
	if len(d.command.args) > 0 {
		confirmation += ", command run"
		if err := d.command.run(ctx, bundle.Certificate, p.path, bundle.KeyPEM); err != nil {
			return "", err
		}
	}
	return confirmation, p.confirm()
}

// Drift implements ports.Target.
func (d *directory) Drift(ctx context.Context, bundle ports.Bundle) (string, error) {
	p, err := d.open(ctx, bundle.Certificate, false)
	if errors.Is(err, errNotThere) {
		return "the directory is gone", nil
	}
	if err != nil {
		return "", err
	}
	defer p.close()
	files, err := d.files(bundle)
	if err != nil {
		return "", err
	}
	defer wipe(files)
	drift, err := p.drift(files)
	if err == nil && drift == "" && !p.confirmed() {
		drift = "the command has not succeeded since the last change"
	}
	return drift, err
}

// Remove implements ports.Target. A mark stays until removeCommand has succeeded, so that a repeat runs it again. What
// is not ours stays, and then the directory does.
func (d *directory) Remove(ctx context.Context, removal ports.Removal) error {
	p, err := d.open(ctx, removal.Certificate, false)
	if errors.Is(err, errNotThere) {
		return nil
	}
	if err != nil {
		return err
	}
	defer p.close()
	if err := p.checkSequence(removal.Sequence); err != nil {
		return err
	}
	found, err := p.clear()
	if err != nil || !found {
		return err
	}
	if len(d.removeCommand.args) > 0 {
		if err := d.removeCommand.run(ctx, removal.Certificate, p.path, nil); err != nil {
			return err
		}
	}
	return p.finishRemoval()
}

// file is one that is to be in the certificate's directory.
type file struct {
	name     string
	content  []byte
	mode     uint32
	uid, gid int
}

// files are what the bundle is written as; the caller wipes them.
func (d *directory) files(bundle ports.Bundle) ([]file, error) {
	uid, gid, err := d.owner.ids()
	if err != nil {
		return nil, unknownOwnerFault(err)
	}
	chain := append(bytes.TrimSpace(slices.Clone(bundle.ChainPEM)), '\n')
	files := []file{
		{chainFile, chain, 0o644, uid, gid},
		{keyFile, slices.Clone(bundle.KeyPEM), 0o600, uid, gid},
	}
	if d.combined != "" {
		files = append(files, file{d.combined, slices.Concat(chain, bundle.KeyPEM), 0o600, uid, gid})
	}
	return files, nil
}

func wipe(files []file) {
	for _, f := range files {
		clear(f.content)
	}
}
