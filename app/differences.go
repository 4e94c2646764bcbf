package app

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"everleaf/ports"
)

// mostNamed is how many processes a difference names; the others are counted.
const mostNamed = 3

// theseSettings is what the doctor's own settings are called among the processes.
const theseSettings = "these settings"

// compare looks whether the processes that run do the same as one another, and as one would with own settings. The
// error names those that differ, and in what.
func compare(processes []Process, own ports.ProcessSettings) (seen string, err error) {
	dangerous, others := differences(processes)
	const fix = "give all of them the same file; where it is just being changed, look again in a minute"
	switch {
	case len(dangerous) > 0:
		return "", fmt.Errorf("processes that do the same work are configured differently: %s; %s",
			strings.Join(append(dangerous, others...), "; "), fix)
	case len(others) > 0:
		return "", caution("processes that do the same work are configured differently: " + strings.Join(others, "; ") +
			"; " + fix)
	case len(processes) == 0:
		return "no worker process runs", nil
	}
	dangerous, others = differences(append(slices.Clone(processes), Process{ID: theseSettings, ProcessSettings: own}))
	if all := append(dangerous, others...); len(all) > 0 {
		return "", caution("what runs is configured differently from these settings: " + strings.Join(all, "; "))
	}
	return fmt.Sprintf("%d of them run on this database, and those that do the same work are configured alike, as these "+
		"settings are", len(processes)), nil
}

// differences says how processes that take the same work differ in what they are configured with, so that it depends on
// chance which does a piece of work, and how. dangerous are those by which the same name means another thing; with the
// others, work waits for a process that can do it.
func differences(processes []Process) (dangerous, others []string) {
	for _, group := range colleagues(processes) {
		for _, name := range slices.Sorted(maps.Keys(group.entries)) {
			holders := group.entries[name]
			if without := group.without(holders); len(without) > 0 {
				others = append(others, fmt.Sprintf("%s: %s has it, and %s has not", name, some(slices.Collect(maps.Keys(holders))),
					some(without)))
			}
			dangerous = append(dangerous, variants(name, holders)...)
		}
	}
	return dangerous, others
}

// group are processes that take the same work, and what they have: entry, process, settings.
type group struct {
	processes []string
	entries   map[string]map[string]ports.Settings
}

func (g *group) without(holders map[string]ports.Settings) []string {
	return slices.DeleteFunc(slices.Clone(g.processes), func(id string) bool { _, has := holders[id]; return has })
}

func (g *group) join(process string) {
	if !slices.Contains(g.processes, process) {
		g.processes = append(g.processes, process)
	}
}

func (g *group) has(entry, process string, settings ports.Settings) {
	if g.entries[entry] == nil {
		g.entries[entry] = map[string]ports.Settings{}
	}
	g.entries[entry][process] = settings
}

// colleagues are the groups of processes that do the same work, in a fixed order. Each task queue has those that ask
// CAs, those that write into zones and, for each host, those that deliver. Those that serve pulls are one more group:
// clients come to any of them.
func colleagues(processes []Process) []*group {
	groups := map[string]*group{}
	of := func(p Process, work string) *group {
		key := strings.Join([]string{p.Namespace, p.TaskQueue, work}, "\x00")
		if groups[key] == nil {
			groups[key] = &group{entries: map[string]map[string]ports.Settings{}}
		}
		groups[key].join(p.ID)
		return groups[key]
	}
	for _, p := range processes {
		for _, issuer := range p.Issuers {
			settings := ports.Settings{"directory": issuer.Directory}
			maps.Copy(settings, issuer.Settings)
			of(p, "issuing").has("issuer "+issuer.Name, p.ID, settings)
		}
		if slices.Contains(p.Roles, string(RoleAuthorization)) {
			writers := of(p, "writing into zones")
			for _, zone := range p.Zones {
				writers.has("DNS zone "+zone, p.ID, p.ZoneSettings[zone])
			}
		}
		for _, target := range p.Targets {
			work := "delivery@" + target.Host
			if !slices.Contains(p.Roles, ports.DeliveryRole) {
				work = "pull"
			}
			of(p, work).has("target "+target.String(), p.ID, target.Settings)
		}
		if len(p.Targets) == 0 && slices.Contains(p.Roles, ports.DeliveryRole) {
			of(p, "delivery@") // without targets of its own it serves those without a host
		}
	}
	sorted := make([]*group, 0, len(groups))
	for _, key := range slices.Sorted(maps.Keys(groups)) {
		sorted = append(sorted, groups[key])
	}
	return sorted
}

// variants are the settings that processes do not agree on.
func variants(entry string, holders map[string]ports.Settings) (found []string) {
	known := map[string]bool{}
	for _, settings := range holders {
		for key := range settings {
			known[key] = true
		}
	}
	for _, key := range slices.Sorted(maps.Keys(known)) {
		by := map[string][]string{}
		for id, settings := range holders {
			by[settings[key]] = append(by[settings[key]], id)
		}
		if len(by) == 1 {
			continue
		}
		var texts []string
		for _, value := range slices.Sorted(maps.Keys(by)) {
			texts = append(texts, fmt.Sprintf("%q at %s", value, some(by[value])))
		}
		found = append(found, fmt.Sprintf("%s: %s is %s", entry, key, strings.Join(texts, ", ")))
	}
	return found
}

// some names a few processes, in order.
func some(ids []string) string {
	ids = slices.Sorted(slices.Values(ids))
	if more := len(ids) - mostNamed; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(ids[:mostNamed], ", "), more)
	}
	return strings.Join(ids, ", ")
}
