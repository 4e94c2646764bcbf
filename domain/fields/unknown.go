package fields

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// maxName bounds a caller's name for a field in a message, in characters.
const maxName = 64

// Unknown says which field of the JSON text T does not have, with the name that may be meant and those that there are;
// empty if there is none. Of several it names the first by the alphabet. Names count as they are written, upper and
// lower case, and the fields of T are those of its JSON tags. A text that does not fit T otherwise is the decoder's to
// refuse.
func Unknown[T any](text []byte) string {
	var tree any
	if json.Unmarshal(text, &tree) != nil {
		return ""
	}
	return unknown("", tree, reflect.TypeFor[T]())
}

func unknown(at string, tree any, t reflect.Type) string {
	switch node := tree.(type) {
	case map[string]any:
		if t.Kind() != reflect.Struct {
			return ""
		}
		known := map[string]reflect.Type{}
		collect(t, known)
		if len(known) == 0 { // it decodes itself
			return ""
		}
		for _, name := range slices.Sorted(maps.Keys(node)) {
			field, ok := known[name]
			if !ok {
				return missing(at, name, slices.Sorted(maps.Keys(known)))
			}
			if text := unknown(at+name+".", node[name], field); text != "" {
				return text
			}
		}
	case []any:
		for i, entry := range node {
			if t.Kind() != reflect.Slice {
				return ""
			}
			if text := unknown(fmt.Sprintf("%s[%d].", strings.TrimSuffix(at, "."), i), entry, t.Elem()); text != "" {
				return text
			}
		}
	}
	return ""
}

func missing(at, name string, known []string) string {
	meant := ""
	if near := Nearest(name, known); near != "" {
		meant = fmt.Sprintf("; did you mean %q?", near)
	}
	return fmt.Sprintf("%q: there is no such field; there are %s%s", at+bounded(name), strings.Join(known, ", "), meant)
}

// collect are the fields of a struct by their JSON names, with those of structs that it embeds.
func collect(t reflect.Type, known map[string]reflect.Type) {
	for field := range t.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case field.Anonymous && name == "":
			collect(field.Type, known)
		case name != "" && name != "-":
			known[name] = dereferenced(field.Type)
		}
	}
}

func dereferenced(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}
