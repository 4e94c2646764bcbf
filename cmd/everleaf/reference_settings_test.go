package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"

	"everleaf/app"
)

// need is why a role reads a setting; which roles have it is found out from package app.
type need struct {
	// title is how the tables call the roles that have it; empty lists them.
	title string
	has   func(*testing.T, app.Role) bool
}

var (
	always   = need{title: "all", has: func(*testing.T, app.Role) bool { return true }}
	polls    = need{title: "all with a task queue", has: roleRuns(func(app.Registration) bool { return true })}
	replays  = need{has: roleRuns(func(r app.Registration) bool { return r.Kind == "workflow" })}
	delivers = need{has: roleRuns(func(r app.Registration) bool { return r.Name == "DeliverCertificate" })}
	obtains  = need{has: roleRuns(func(r app.Registration) bool { return r.Name == "ObtainCertificate" })}
	sweeps   = need{has: roleRuns(func(r app.Registration) bool { return r.Name == "Sweep" })}
	operates = need{has: roleRuns(func(r app.Registration) bool { return r.Kind == "nexus service" })}
	issues   = need{has: refusesWithout("issuers are missing")}
	seals    = need{has: refusesWithout("--sealing-key")}
	answers  = need{has: isRole(app.RoleResponder)}
	hands    = need{has: isRole(app.RolePull)}
	listens  = need{has: func(t *testing.T, r app.Role) bool { return answers.has(t, r) || hands.has(t, r) }}
)

// groupNeeds says why the settings of a group are read, settingNeeds why those are that differ from their group.
var (
	groupNeeds = map[string]need{"roles": always, "temporal": polls, "postgres": always, "sealing": seals, "acme": issues,
		"http01": obtains, "dns01": obtains, "slots": polls, "versioning": polls, "delivery": delivers, "ops": always,
		"pull": hands, "timing": always, "telemetry": always, "log": always}
	settingNeeds = map[string]need{"config": seals, "http01-listen": answers, "credentials-grace": polls,
		"sweep-interval": sweeps, "fleet-stats-interval": sweeps, "sticky-cache": replays,
		"workflow-slots": sweeps, "local-step-slots": sweeps, "authorization-slots": obtains, "delivery-slots": delivers,
		"nexus-slots": operates, "listener-connections": listens}
)

// model is the command line as kong knows it.
func model(t *testing.T) *kong.Kong {
	t.Helper()
	parser, err := newParser(t.Context(), &cli{}, newBench(t).kit)
	require.NoError(t, err)
	return parser
}

// setting is a flag with a variable, or any flag of the worker, with the commands that have it.
type setting struct {
	*kong.Flag
	commands []string
}

// settings are all that the binary has, in the order of --help.
func settings(t *testing.T) (all []setting) {
	t.Helper()
	for _, command := range model(t).Model.Leaves(true) {
		for _, group := range command.AllFlags(true) {
			for _, f := range group {
				if len(f.Envs) == 0 && (command.Name != "worker" || f.Group == nil) {
					continue // an option of one command
				}
				at := slices.IndexFunc(all, func(s setting) bool { return s.Name == f.Name })
				if at < 0 {
					at, all = len(all), append(all, setting{Flag: f})
				}
				all[at].commands = append(all[at].commands, strings.TrimPrefix(command.FullPath(), "everleaf "))
			}
		}
	}
	return all
}

// roles are those that read the setting, or the commands, where no worker does.
func (s setting) roles(t *testing.T) string {
	t.Helper()
	if !slices.Contains(s.commands, "worker") {
		return "`everleaf " + strings.Join(s.commands, "`, `everleaf ") + "`"
	}
	n, ok := settingNeeds[s.Name]
	if !ok {
		n, ok = groupNeeds[s.Group.Key]
	}
	require.True(t, ok, "--%s: say in groupNeeds why roles read the group %s", s.Name, s.Group.Key)
	if n.title != "" {
		return n.title
	}
	var names []string
	for _, role := range app.AllRoles() {
		if n.has(t, role) {
			names = append(names, string(role))
		}
	}
	require.NotEmpty(t, names, s.Name)
	return strings.Join(names, ", ")
}

// spelled is the flag with what it takes.
func (s setting) spelled() string {
	if s.IsBool() {
		return "`--" + s.Name + "`"
	}
	return "`--" + s.Name + "=" + s.PlaceHolder + "`"
}

// explained is the setting's default and meaning; a default that is no fixed value is the last clause of the help.
func (s setting) explained() (fallback, meaning string) {
	meaning, fallback, clause := strings.Cut(strings.TrimSuffix(s.Help, "."), "; else ")
	switch {
	case s.HasDefault && s.Default != "":
		return "`" + s.Default + "`", sentence(s.Help)
	case s.Required:
		return "required", sentence(s.Help)
	case clause:
		return fallback, sentence(meaning)
	case s.IsBool():
		return "off", sentence(s.Help)
	default:
		return "none", sentence(s.Help)
	}
}

// settingName finds what names a variable or a flag in a text for people.
var settingName = regexp.MustCompile(`(EVERLEAF|OTEL|TEMPORAL)_[A-Z0-9_]*\*?|--[a-z][a-z0-9-]*`)

// quoted is a text of --help in Markdown.
func quoted(text string) string { return settingName.ReplaceAllString(text, "`$0`") }

func TestReferenceOfSettings(t *testing.T) {
	var text strings.Builder
	all := settings(t)
	for _, group := range groups {
		var rows [][]string
		for _, s := range all {
			if s.Group == nil || s.Group.Key != group.Key {
				continue
			}
			variables := "–"
			if len(s.Envs) > 0 {
				variables = "`" + strings.Join(s.Envs, "`, `") + "`"
			}
			fallback, meaning := s.explained()
			rows = append(rows, []string{s.spelled(), variables, fallback, s.roles(t), quoted(meaning)})
		}
		require.NotEmpty(t, rows, group.Key)
		text.WriteString("### " + strings.TrimSuffix(group.Title, ":") + "\n\n")
		if group.Description != "" {
			text.WriteString(quoted(group.Description) + "\n\n")
		}
		text.WriteString(table([]string{"flag", "variable", "default", "read by", "what it does"}, rows) + "\n")
	}
	generated(t, "docs/configuration.md", "settings", text.String())
	for name := range settingNeeds {
		require.True(t, slices.ContainsFunc(all, func(s setting) bool { return s.Name == name }), "no flag --%s", name)
	}
	for _, s := range all {
		require.NotNil(t, s.Group, "--%s is in no group of --help, and so in no table", s.Name)
	}
}
