package delivery

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"everleaf/adapters/internal/kinds"
	"everleaf/adapters/internal/problems"
	"everleaf/adapters/internal/program"
	"everleaf/adapters/internal/timeout"
	"everleaf/domain"
	"everleaf/ports"
)

const (
	// namePlace and pathPlace stand in settings for the certificate's name and its directory.
	namePlace = "{name}"
	pathPlace = "{path}"
	// maxTimeout is well under the time that a delivery's step has.
	maxTimeout = time.Minute
)

// Check refuses targets that cannot work, without touching any. Faults, one for each problem, are Operator
// "InvalidTargets"; each names the field as targets[0].directory.path, the value and the fix.
func Check(configs []Config) error {
	seen := map[string]string{}
	var found []error
	for i, config := range configs {
		at := cmp.Or(config.Source, fmt.Sprintf("targets[%d]", i))
		for _, p := range problems.Each(config.Check()) {
			found = append(found,
				domain.NewFault(domain.FaultOperator, domain.ReasonInvalidTargets, nil, "%s%s", at, p.Error()))
		}
		if first, ok := seen[config.Name]; ok {
			found = append(found, domain.NewFault(domain.FaultOperator, domain.ReasonInvalidTargets, nil,
				"%s.name %q: the name of %s as well; give each its own", at, config.Name, first))
			continue
		}
		seen[config.Name] = at
	}
	return problems.Join(found...)
}

// Check says all that is wrong with one target, each from its field on (".directory.path …").
func (c Config) Check() error {
	var name error
	if !domain.IsConfiguredName(c.Name) {
		name = fieldError("name", c.Name, `use 1 to 63 of a-z, 0-9 and "-", beginning and ending with a letter or digit`)
	}
	_, kind, err := c.Kind()
	if err != nil {
		return problems.Join(name, fmt.Errorf(" (%s): %w", c.Name, err))
	}
	return problems.Join(name, kind.Check())
}

// Missing says what of one target's settings this host does not have, each from its field on: programs, and variables
// for them. It is nothing wrong with settings that are read on another host than the worker's.
func (c Config) Missing() error {
	_, kind, err := c.Kind()
	if local, ok := kind.(interface{ Missing() error }); ok && err == nil {
		return local.Missing()
	}
	return nil
}

// Shown are the target's settings that hold no secret. A kind that does not say which those are shows its name alone.
func (c Config) Shown() ports.Settings {
	name, kind, err := c.Kind()
	if err != nil {
		return nil
	}
	return kinds.Shown(name, kind)
}

// Shown is part of Config.Shown. Arguments of a command may be secret.
func (d Directory) Shown() ports.Settings {
	return ports.Settings{"path": d.Path, "owner": d.Owner, "combined": d.Combined, "command": program.Name(d.Command),
		"removeCommand": program.Name(d.RemoveCommand), "timeout": d.Timeout}
}

// Shown is part of Config.Shown. The URL's path and query may hold a key.
func (c Webhook) Shown() ports.Settings {
	shown := ports.Settings{"key": string(c.Key), "recipient": c.Recipient, "tokenURL": c.TokenURL,
		"caBundle": c.CABundle, "timeout": c.Timeout}
	if address, err := parseAddress(c.URL); err == nil {
		shown["url"] = address.shown
	}
	return shown
}

// Shown is part of Config.Shown.
func (p Pull) Shown() ports.Settings {
	return ports.Settings{"clients": strings.Join(slices.Sorted(slices.Values(p.Clients)), ", ")}
}

// Shown is part of Config.Shown.
func (e Exec) Shown() ports.Settings {
	return ports.Settings{"command": program.Name(e.Command), "env": strings.Join(e.Env, ", "),
		"key": strconv.FormatBool(e.Key), "timeout": e.Timeout}
}

// Missing is part of Config.Missing.
func (d Directory) Missing() error {
	return problems.Join(program.Find("."+commandSetting+"[0]", d.Command),
		program.Find("."+removeCommandSetting+"[0]", d.RemoveCommand))
}

// Check implements Kind.
func (d Directory) Check() error {
	return problems.Join(d.checkPath(), d.checkFiles(), checkTimeout("directory.timeout", d.Timeout))
}

func (d Directory) checkPath() error {
	switch clean := filepath.Clean(d.Path); {
	case !filepath.IsAbs(d.Path):
		return fieldError("directory.path", d.Path, "give an absolute path, for example /etc/everleaf/{name}")
	case !strings.Contains(clean, namePlace): // "{name}/.." leads away from it
		return fieldError("directory.path", d.Path,
			`it must hold "{name}", or certificates would overwrite one another; for example `+
				filepath.Join(clean, namePlace))
	case strings.Contains(strings.ReplaceAll(clean, namePlace, ""), "{"):
		return fieldError("directory.path", d.Path, `only "{name}" can stand in it`)
	}
	return nil
}

func (d Directory) checkFiles() error {
	var combined, owner, command error
	if d.Combined != "" && !fileName(d.Combined) {
		combined = fieldError("directory.combined", d.Combined,
			"give a file's name without a path, other than tls.crt and tls.key, for example tls.pem")
	}
	if _, err := parseOwner(d.Owner); err != nil {
		owner = fieldError("directory.owner", d.Owner, `use "user", "user:group" or numbers such as 101:101`)
	}
	for _, c := range []struct {
		setting string
		args    []string
	}{{commandSetting, d.Command}, {removeCommandSetting, d.RemoveCommand}} {
		if len(c.args) > 0 && strings.TrimSpace(c.args[0]) == "" {
			command = problems.Join(command, fieldError(c.setting+"[0]", c.args[0], "name a program, or leave the command out"))
		}
	}
	return problems.Join(combined, owner, command)
}

// fileName reports whether a file may be called so: it is not hidden, and no other file of ours has the name.
func fileName(name string) bool {
	return name == filepath.Base(name) && name != chainFile && name != keyFile && !strings.HasPrefix(name, ".") &&
		!strings.ContainsAny(name, "{}\x00/\\")
}

func checkTimeout(name, value string) error {
	if fix := timeout.Fix(value, "30s", maxTimeout); fix != "" {
		return fieldError(name, value, fix)
	}
	return nil
}

// fieldError is about one field; the caller, which knows the target, puts that in front.
func fieldError(name, value, fix string) error { return fmt.Errorf(".%s %q: %s", name, value, fix) }
