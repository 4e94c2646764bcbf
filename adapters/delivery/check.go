package delivery

import (
	"cmp"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"everleaf/adapters/internal/timeout"
	"everleaf/domain"
)

const (
	// namePlace and pathPlace stand in settings for the certificate's name and its directory.
	namePlace = "{name}"
	pathPlace = "{path}"
	// maxTimeout is well under the time that a delivery's step has.
	maxTimeout = time.Minute
)

// Check refuses targets that cannot work, without touching any. The fault is Operator "InvalidTargets"; it names the
// field as targets[0].directory.path, the value and the fix.
func Check(configs []Config) error {
	seen := map[string]string{}
	for i, config := range configs {
		at := cmp.Or(config.Source, fmt.Sprintf("targets[%d]", i))
		if p := config.Check(); p != nil {
			return domain.NewFault(domain.FaultOperator, domain.ReasonInvalidTargets, nil, "%s%s", at, p.Error())
		}
		if first, ok := seen[config.Name]; ok {
			return domain.NewFault(domain.FaultOperator, domain.ReasonInvalidTargets, nil,
				"%s.name %q: the name of %s as well; give each its own", at, config.Name, first)
		}
		seen[config.Name] = at
	}
	return nil
}

// Check says what is wrong with one target, from its field on (".directory.path …").
func (c Config) Check() error {
	if !domain.IsConfiguredName(c.Name) {
		return fieldError("name", c.Name, `use 1 to 63 of a-z, 0-9 and "-", beginning and ending with a letter or digit`)
	}
	_, kind, err := c.Kind()
	if err != nil {
		return fmt.Errorf(" (%s): %w", c.Name, err)
	}
	return kind.Check()
}

// Check implements Kind.
func (d Directory) Check() error {
	switch clean := filepath.Clean(d.Path); {
	case !filepath.IsAbs(d.Path):
		return fieldError("directory.path", d.Path, "give an absolute path, for example /etc/everleaf/{name}")
	case !strings.Contains(clean, namePlace): // "{name}/.." leads away from it
		return fieldError("directory.path", d.Path,
			`it must hold "{name}", or certificates would overwrite one another; for example `+
				filepath.Join(clean, namePlace))
	case strings.Contains(strings.ReplaceAll(clean, namePlace, ""), "{"):
		return fieldError("directory.path", d.Path, `only "{name}" can stand in it`)
	case d.Combined != "" && !fileName(d.Combined):
		return fieldError("directory.combined", d.Combined,
			"give a file's name without a path, other than tls.crt and tls.key, for example tls.pem")
	}
	if _, err := parseOwner(d.Owner); err != nil {
		return fieldError("directory.owner", d.Owner, `use "user", "user:group" or numbers such as 101:101`)
	}
	if len(d.Command) > 0 && strings.TrimSpace(d.Command[0]) == "" {
		return fieldError("directory.command[0]", d.Command[0], "name a program, or leave the command out")
	}
	return checkTimeout("directory.timeout", d.Timeout)
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
