package specfile

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"everleaf/domain/fields"
)

// check compares what was parsed with the type that it is meant for. The decoders would do that too, but not say where.
func check(source string, node *yaml.Node, t reflect.Type) error {
	switch {
	case node.Kind == yaml.AliasNode:
		return check(source, node.Alias, t)
	case node.Tag == "!!null" && t.Kind() == reflect.Struct: // a certificate that is as the defaults say
		return nil
	case node.Tag == "!!null":
		return fault(source, node.Line, "nothing stands where a value belongs: leave the field out, or write [] for an empty list")
	}
	switch t.Kind() {
	case reflect.Struct:
		known := fieldsOf(t)
		return pairs(source, node, func(key, value *yaml.Node) error {
			field, ok := known[key.Value]
			if !ok {
				return unknown(source, key, slices.Sorted(maps.Keys(known)))
			}
			return check(source, value, field)
		})
	case reflect.Map:
		return pairs(source, node, func(_, value *yaml.Node) error { return check(source, value, t.Elem()) })
	case reflect.Slice:
		if node.Kind != yaml.SequenceNode {
			return fault(source, node.Line, "%s stands where a list belongs", kind(node))
		}
		for _, entry := range node.Content {
			if err := check(source, entry, t.Elem()); err != nil {
				return err
			}
		}
		return nil
	case reflect.Pointer:
		return check(source, node, t.Elem())
	case reflect.Int64:
		if node.Kind != yaml.ScalarNode || node.Tag != "!!int" {
			return fault(source, node.Line, "%s stands where a whole number belongs", kind(node))
		}
		return nil
	default: // else specs have nothing but text
		if node.Kind != yaml.ScalarNode || node.Tag != "!!str" {
			return fault(source, node.Line, "%s stands where text belongs; put it in quotes if it is meant as text",
				kind(node))
		}
		return nil
	}
}

func unknown(source string, key *yaml.Node, known []string) error {
	hint := ""
	if near := fields.Nearest(key.Value, known); near != "" {
		hint = fmt.Sprintf("; did you mean %q?", near)
	}
	if key.Value == "expectedGeneration" { // of a certificate's own file, as cert spec prints it
		hint = "; a fleet replaces whatever there is: leave it out"
	}
	return fault(source, key.Line, "there is no field %q; there are %s%s", key.Value, strings.Join(known, ", "), hint)
}

// pairs visits the fields of a mapping. One that is there twice is refused.
func pairs(source string, node *yaml.Node, visit func(key, value *yaml.Node) error) error {
	if node.Kind != yaml.MappingNode {
		return fault(source, node.Line, "%s stands where fields belong", kind(node))
	}
	first := map[string]int{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		if key.Kind != yaml.ScalarNode || key.Tag == "!!merge" {
			return fault(source, key.Line, "a field's name is text: say common fields under defaults, and not by <<")
		}
		if line, twice := first[key.Value]; twice {
			return fault(source, key.Line, "%q is on line %d already: remove one of them", key.Value, line)
		}
		first[key.Value] = key.Line
		if err := visit(key, value); err != nil {
			return err
		}
	}
	return nil
}

func kind(node *yaml.Node) string {
	switch node.Kind {
	case yaml.MappingNode:
		return "a set of fields"
	case yaml.SequenceNode:
		return "a list"
	default:
		if node.Tag == "!!str" {
			return "text"
		}
		return "the " + map[string]string{"!!int": "number", "!!float": "number", "!!bool": "truth value"}[node.Tag] +
			" " + node.Value
	}
}

// fieldsOf are the types of a struct's fields by their JSON names, with those of a struct that it embeds.
func fieldsOf(t reflect.Type) map[string]reflect.Type {
	types := map[string]reflect.Type{}
	for field := range t.Fields() {
		if field.Anonymous {
			maps.Copy(types, fieldsOf(field.Type))
			continue
		}
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		types[name] = field.Type
	}
	return types
}
