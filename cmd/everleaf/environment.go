package main

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"everleaf/app"
)

const prefix = "EVERLEAF_"

// serviceLinks are variables that Kubernetes makes up for a Service whose name begins with "everleaf".
var serviceLinks = regexp.MustCompile(`^EVERLEAF_(.*_)?(SERVICE_HOST|SERVICE_PORT(_.*)?|PORT(_[0-9]+_(TCP|UDP|SCTP)(_.*)?)?)$`)

// dropEmpty makes an empty variable an unset one: platforms that fill in templates write EVERLEAF_X="" for a setting
// that nobody chose, and kong would take that for a choice.
func dropEmpty() {
	for _, entry := range os.Environ() {
		if name, value, _ := strings.Cut(entry, "="); value == "" && strings.HasPrefix(name, prefix) {
			_ = os.Unsetenv(name) // fails only for a name that cannot be one
		}
	}
}

// secretVariables are the settings that hold one: each may be in a file, which the variable with app.FileSuffix names.
var secretVariables = []string{"EVERLEAF_POSTGRES_URL", "TEMPORAL_API_KEY"}

// unreadSecrets are why secrets that are in files cannot be used.
type unreadSecrets []unreadSecret

type unreadSecret struct {
	name string
	error
}

// of are those that these flags are for.
func (u unreadSecrets) of(flags []*kong.Flag) (needed unreadSecrets) {
	for _, secret := range u {
		if slices.ContainsFunc(flags, func(f *kong.Flag) bool { return slices.Contains(f.Envs, secret.name) }) {
			needed = append(needed, secret)
		}
	}
	return needed
}

// readSecrets sets the variables whose values are in files.
func readSecrets() (unread unreadSecrets) {
	for _, name := range secretVariables {
		value, err := app.Variable(name)
		if err != nil {
			unread = append(unread, unreadSecret{name, err})
		} else if value != "" {
			_ = os.Setenv(name, value) // fails only for a value with NUL, which is none
		}
	}
	return unread
}

// warnUnknown warns of variables that look like settings of ours and are none. Values are never shown.
func (k kit) warnUnknown(model *kong.Application) {
	known := variables(model.Node)
	for _, name := range secretVariables {
		known = append(known, name+app.FileSuffix)
	}
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, prefix) || slices.Contains(known, name) || serviceLinks.MatchString(name) {
			continue
		}
		hint := ""
		if near := app.Nearest(name, known); near != "" {
			hint = "; is " + near + " meant?"
		}
		_, _ = fmt.Fprintf(k.err, "everleaf: warning: no setting is called %s%s\n", plain(name), hint)
	}
}

// variables lists every variable that any command reads.
func variables(node *kong.Node) []string {
	var names []string
	for _, flag := range node.Flags {
		names = append(names, flag.Envs...)
	}
	for _, child := range node.Children {
		names = append(names, variables(child)...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
