package app

import (
	"log/slog"

	"everleaf/adapters/delivery"
)

// logTargets says which targets deliveries may name. Paths, addresses and secrets stay out of it. A process that plays
// all roles is most likely the only one: then it logs what it serves nobody for lack of an address.
func (c Config) logTargets(logger *slog.Logger) {
	var unserved []string
	for _, target := range c.Targets {
		kind, fetched := kindOf(target)
		logger.Info("delivery target configured", "target", target.Name, "kind", kind)
		if fetched {
			unserved = append(unserved, target.Name)
		}
	}
	if len(unserved) > 0 && !c.pulls() && len(c.Roles) == len(AllRoles()) {
		logger.Warn("clients fetch what these targets offer, and this process, which plays all roles, serves nobody: set "+
			"--pull-listen "+
			"(EVERLEAF_PULL_LISTEN), or run the role pull elsewhere", "targets", unserved)
	}
}

// kindOf is the target's kind; fetched says that it needs the role pull.
func kindOf(target delivery.Config) (kind string, fetched bool) {
	switch {
	case target.Directory != nil:
		return "directory", false
	case target.Webhook != nil:
		return "webhook", target.Webhook.Key == "" || target.Webhook.Key == delivery.KeyByToken
	default:
		return "pull", true
	}
}
