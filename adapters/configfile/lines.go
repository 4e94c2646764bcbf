package configfile

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// deepest is far deeper than the file's types go; an alias may lead to itself.
const deepest = 20

// Line is the line of a field, or of the nearest part of the file that it should be in; 0 if there is none.
func (f *File) Line(field string) int {
	for field != "" {
		if line, ok := f.lines[field]; ok {
			return line
		}
		field = field[:max(strings.LastIndexAny(field, ".["), 0)]
	}
	return 0
}

// linesOf finds where each field of a YAML document stands.
func linesOf(content []byte) map[string]int {
	lines := map[string]int{}
	var root yaml.Node
	if yaml.Unmarshal(content, &root) == nil {
		note(lines, "", &root, 0)
	}
	return lines
}

func note(lines map[string]int, at string, node *yaml.Node, depth int) {
	if depth > deepest {
		return
	}
	switch node.Kind {
	case yaml.DocumentNode:
		for _, child := range node.Content {
			note(lines, at, child, depth+1)
		}
	case yaml.AliasNode:
		note(lines, at, node.Alias, depth+1)
	case yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			child := joined(at, node.Content[i].Value)
			lines[child] = node.Content[i].Line
			note(lines, child, node.Content[i+1], depth+1)
		}
	case yaml.SequenceNode:
		for i, entry := range node.Content {
			child := at + "[" + strconv.Itoa(i) + "]"
			lines[child] = entry.Line
			note(lines, child, entry, depth+1)
		}
	}
}
