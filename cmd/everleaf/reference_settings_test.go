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

// readBy says which roles of the worker read a setting; those that are not here are read by all.
var readBy = map[string][]string{
	"workflows": {"workflow-slots", "local-step-slots", "fleet-stats-interval", "sweep-interval"},
	"authorization": {"authorization-slots", "http01-check-port", "http01-check-resolver", "dns01-resolver",
		"dns01-check",
		"dns01-check-port"},
	"delivery":                 {"delivery-slots", "delivery-host"},
	"nexus":                    {"nexus-slots"},
	"responder":                {"http01-listen"},
	"pull":                     {"pull-listen", "pull-certificate", "pull-key", "pull-client-ca"},
	"workflows, nexus":         {"sticky-cache"},
	"workflows, authorization": {"issuer", "acme-directory", "acme-email", "acme-ca-bundle", "acme-timeout"},
	"workflows, authorization, delivery, pull": {"sealing-key", "sealing-keys-old", "config"},
	polling: {"temporal-address", "temporal-namespace", "temporal-profile",
		"temporal-config-file", "temporal-api-key", "temporal-tls", "temporal-tls-client-cert-path",
		"temporal-tls-client-key-path", "temporal-tls-server-ca-cert-path", "temporal-tls-server-name",
		"temporal-tls-disable-host-verification", "temporal-client-authority", "task-queue", "credentials-grace",
		"target-memory", "target-cpu", "max-pollers", "worker-versioning", "deployment-name", "build-id"},
}

// polling are the roles that have a task queue.
const polling = "all with a task queue"

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
func (s setting) roles() string {
	if !slices.Contains(s.commands, "worker") {
		return "`everleaf " + strings.Join(s.commands, "`, `everleaf ") + "`"
	}
	for roles, flags := range readBy {
		if slices.Contains(flags, s.Name) {
			return roles
		}
	}
	return "all"
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
			rows = append(rows, []string{s.spelled(), variables, fallback, s.roles(), quoted(meaning)})
		}
		require.NotEmpty(t, rows, group.Key)
		text.WriteString("### " + strings.TrimSuffix(group.Title, ":") + "\n\n")
		if group.Description != "" {
			text.WriteString(quoted(group.Description) + "\n\n")
		}
		text.WriteString(table([]string{"flag", "variable", "default", "read by", "what it does"}, rows) + "\n")
	}
	generated(t, "docs/configuration.md", "settings", text.String())
	for roles, flags := range readBy {
		if roles != polling {
			_, err := app.ParseRoles(strings.ReplaceAll(roles, ", ", ","))
			require.NoError(t, err)
		}
		for _, name := range flags {
			require.True(t, slices.ContainsFunc(all, func(s setting) bool { return s.Name == name }), "no flag --%s",
				name)
		}
	}
	for _, s := range all {
		require.NotNil(t, s.Group, "--%s is in no group of --help, and so in no table", s.Name)
	}
}
