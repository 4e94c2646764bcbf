package main

import (
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// completeCommand is what the scripts call with the words of the line, the one to complete last. It is none of the
// commands that people see. The libraries that do this for kong have had no release for years, and this is not much.
const completeCommand = "__complete"

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"The shell: bash, zsh or fish."`
}

// Help says where the script goes.
func (completionCmd) Help() string {
	return "For this session: source <(everleaf completion bash), the same with zsh, or everleaf completion fish | source. " +
		"For all of them, put that line into ~/.bashrc, ~/.zshrc (after compinit) or ~/.config/fish/config.fish."
}

// Run prints the script, which asks this binary for each completion, and so needs no update with it.
func (c completionCmd) Run(k *kit) error { return k.print("%s", completionScripts[c.Shell]) }

var completionScripts = map[string]string{
	"bash": `_everleaf() {
  local IFS=$'\n'
  COMPREPLY=($(everleaf ` + completeCommand + ` "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _everleaf everleaf
`,
	"zsh": `#compdef everleaf
_everleaf() {
  local -a found
  found=("${(@f)$(everleaf ` + completeCommand + ` "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "$found" ]]; then compadd -a found; else _files; fi
}
compdef _everleaf everleaf
`,
	"fish": `complete -c everleaf -a '(everleaf ` + completeCommand +
		` (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'
`,
}

// complete lists what may stand in the place of the last word: commands, flags, or the values of a flag that has only
// some.
func complete(root *kong.Node, words []string) (found []string) {
	if len(words) == 0 {
		words = []string{""}
	}
	// bash makes words of --flag=value that are three.
	words = slices.DeleteFunc(slices.Clone(words), func(word string) bool { return word == "=" })
	last := words[len(words)-1]
	node, value := root, (*kong.Value)(nil) // value is that of a flag whose word comes next
	positionals := 0
	for _, word := range words[:len(words)-1] {
		switch {
		case value != nil:
			value = nil
		case strings.HasPrefix(word, "-"):
			name, _, joined := strings.Cut(word, "=")
			if flag := flagOf(node, name); flag != nil && !joined && !flag.IsBool() {
				value = flag.Value
			}
		default:
			if child := childOf(node, word); child != nil {
				node, positionals = child, 0
			} else {
				positionals++
			}
		}
	}
	before := ""
	if name, text, joined := strings.Cut(last, "="); value == nil && joined {
		if flag := flagOf(node, name); flag != nil {
			value, before, last = flag.Value, name+"=", text
		}
	}
	switch {
	case value != nil:
		found = value.EnumSlice()
	case strings.HasPrefix(last, "-"):
		for _, flags := range node.AllFlags(true) {
			for _, flag := range flags {
				found = append(found, "--"+flag.Name)
			}
		}
	default:
		for _, child := range node.Children {
			if !child.Hidden {
				found = append(found, child.Name)
			}
		}
		if positionals < len(node.Positional) {
			found = append(found, node.Positional[positionals].EnumSlice()...)
		}
	}
	found = slices.DeleteFunc(found, func(word string) bool { return word == "" || !strings.HasPrefix(word, last) })
	for i := range found {
		found[i] = before + found[i]
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// flagOf is the flag of this name, as it is typed, which the node or one above it has.
func flagOf(node *kong.Node, name string) *kong.Flag {
	for _, flags := range node.AllFlags(false) {
		for _, flag := range flags {
			if name == "--"+flag.Name || flag.Short != 0 && name == "-"+string(flag.Short) {
				return flag
			}
		}
	}
	return nil
}

func childOf(node *kong.Node, name string) *kong.Node {
	i := slices.IndexFunc(node.Children, func(child *kong.Node) bool { return child.Name == name })
	if i < 0 {
		return nil
	}
	return node.Children[i]
}
