package delivery

import (
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"

	"everleaf/domain"
	"everleaf/ports"
)

var _ ports.Targets = (*Targets)(nil)

// Targets are the configured ones. It is safe for concurrent use.
type Targets struct {
	byName atomic.Pointer[map[string]ports.Target]
}

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
	byName := map[string]ports.Target{}
	for _, config := range configs {
		target, err := config.target(deps)
		if err != nil {
			return nil, err
		}
		byName[config.Name] = target
	}
	t := &Targets{}
	t.byName.Store(&byName)
	return t, nil
}

// Replace puts other targets in the place of these, all at once. Who works with one of these goes on with it.
func (t *Targets) Replace(others *Targets) { t.byName.Store(others.byName.Load()) }

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
	byName := *t.byName.Load()
	if target, ok := byName[name]; ok {
		return target, nil
	}
	known := make([]string, 0, len(byName))
	for name := range byName {
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
