package delivery

import (
	"log/slog"
	"slices"
	"strings"

	"everleaf/domain"
	"everleaf/ports"
)

var _ ports.Targets = (*Targets)(nil)

// Targets are the configured ones.
type Targets struct{ byName map[string]ports.Target }

// Deps are what some kinds of target need of the process around them.
type Deps struct {
	// Tokens are for webhooks whose receivers fetch their keys.
	Tokens ports.KeyTokens
	// Logger gets a warning for settings that work and are unwise; it may be nil.
	Logger *slog.Logger
}

// New makes the configured targets; it touches none of them. Fault: Operator "InvalidTargets", which names the field.
func New(configs []Config, deps Deps) (*Targets, error) {
	if err := Check(configs); err != nil {
		return nil, err
	}
	t := &Targets{byName: map[string]ports.Target{}}
	for _, config := range configs {
		target, err := config.target(deps)
		if err != nil {
			return nil, err
		}
		t.byName[config.Name] = target
	}
	return t, nil
}

// target makes what the config describes, which Check has passed.
func (c Config) target(deps Deps) (ports.Target, error) {
	_, kind, err := c.Kind()
	if err != nil {
		return nil, err
	}
	target, err := kind.Target(c.Name, deps)
	if err != nil {
		return nil, domain.NewFault(domain.FaultOperator, domain.ReasonInvalidTargets, nil, "target %s%s", c.Name,
			err.Error())
	}
	return target, nil
}

// Target implements ports.Targets.
func (t *Targets) Target(name string) (ports.Target, error) {
	if target, ok := t.byName[name]; ok {
		return target, nil
	}
	known := make([]string, 0, len(t.byName))
	for name := range t.byName {
		known = append(known, name)
	}
	slices.Sort(known)
	list := strings.Join(known, ", ")
	if list == "" {
		list = "none"
	}
	return nil, domain.NewFault(domain.FaultOperator, domain.ReasonUnknownTarget, nil,
		"this worker has no delivery target %q (it has: %s): name it under targets in the file of --config (EVERLEAF_CONFIG)",
		name, list)
}
