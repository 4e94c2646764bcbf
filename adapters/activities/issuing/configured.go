package issuing

import (
	"slices"

	"everleaf/domain"
	"everleaf/ports"
)

// Configured is what the processes on a task queue have among them.
func Configured(processes []ports.Process, queue string) domain.Configured {
	var all domain.Configured
	for _, p := range processes {
		if p.TaskQueue != queue {
			continue
		}
		for _, issuer := range p.Issuers {
			if all.Issuers == nil {
				all.Issuers = map[string]domain.ConfiguredIssuer{}
			}
			// Two processes may have read the CA's directory at different times: what one of them knows, there is.
			before, twice := all.Issuers[issuer.Name]
			all.Issuers[issuer.Name] = domain.ConfiguredIssuer{
				Profiles: append(slices.Clone(before.Profiles), issuer.Profiles...), Known: issuer.Known &&
					(before.Known || !twice),
			}
		}
		all.Zones = append(all.Zones, p.Zones...)
		if !slices.Contains(p.Roles, ports.DeliveryRole) {
			continue
		}
		if all.Targets == nil {
			all.Targets = map[string][]string{}
		}
		if len(p.Targets) == 0 { // a host of its own without a target would serve nobody
			all.Targets[""] = slices.Clone(all.Targets[""])
		}
		for _, target := range p.Targets {
			if !slices.Contains(all.Targets[target.Host], target.Name) {
				all.Targets[target.Host] = append(all.Targets[target.Host], target.Name)
			}
		}
	}
	return all
}
