package app

import "log/slog"

// logTargets says which targets deliveries may name. Paths, addresses and secrets stay out of it. A process that plays
// all roles is most likely the only one: then it logs what it serves nobody for lack of an address.
func (c Config) logTargets(logger *slog.Logger) {
	var unserved []string
	for _, target := range c.Targets {
		name, kind, err := target.Kind()
		if err != nil {
			continue // validate has said so
		}
		logger.Info("delivery target configured", "target", target.Name, "kind", name)
		if kind.Fetched() {
			unserved = append(unserved, target.Name)
		}
	}
	if len(unserved) > 0 && !c.pulls() && len(c.Roles) == len(AllRoles()) {
		logger.Warn("clients fetch what these targets offer, and this process, which plays all roles, serves nobody: set "+
			"--pull-listen "+
			"(EVERLEAF_PULL_LISTEN), or run the role pull elsewhere", "targets", unserved)
	}
}
