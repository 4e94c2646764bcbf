package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"everleaf/cmd/everleaf/docstest"
)

// TestReferenceOfCommands has a section for each command: what it does, its options, and which groups of settings it
// reads beside them.
func TestReferenceOfCommands(t *testing.T) {
	var text strings.Builder
	for _, command := range model(t).Model.Leaves(true) {
		if command.Name == "worker" {
			continue // all of its flags are settings
		}
		fmt.Fprintf(&text, "## %s\n\n    everleaf %s\n\n%s\n\n", command.Path(), usage(command),
			quoted(sentence(command.Help)))
		if detail := command.Detail; detail != "" && detail != exitCodes {
			text.WriteString(quoted(sentence(detail)) + "\n\n")
		}
		var options [][]string
		var reads []string
		for _, group := range command.AllFlags(true) {
			for _, f := range group {
				s := setting{Flag: f, commands: []string{"worker"}}
				switch {
				case f.Name == "help" || f.Name == "version":
				case len(f.Envs) > 0:
					reads = addGroup(reads, f.Group)
				default:
					fallback, meaning := s.explained()
					options = append(options, []string{s.spelled(), fallback, quoted(meaning)})
				}
			}
		}
		if len(options) > 0 {
			text.WriteString(table([]string{"option", "default", "what it does"}, options) + "\n")
		}
		if len(reads) > 0 {
			text.WriteString("It reads the settings of " + strings.Join(reads, ", ") + ".\n\n")
		}
	}
	generated(t, "docs/commands.md", "commands", text.String())
}

// usage is a command with its arguments and what it cannot do without.
func usage(command *kong.Node) string {
	words := []string{strings.TrimPrefix(command.Path(), "everleaf ")}
	for _, argument := range command.Positional {
		words = append(words, argument.Summary())
	}
	for _, f := range command.Flags {
		if f.Required && len(f.Envs) == 0 {
			words = append(words, strings.TrimPrefix(f.Summary(), "-"+string(f.Short)+", "))
		}
	}
	return strings.Join(words, " ")
}

// addGroup links to the settings of a group, once.
func addGroup(reads []string, group *kong.Group) []string {
	title := strings.TrimSuffix(group.Title, ":")
	link := "[" + title + "](configuration.md#" + docstest.Anchor(title) + ")"
	for _, known := range reads {
		if known == link {
			return reads
		}
	}
	return append(reads, link)
}
