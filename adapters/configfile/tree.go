package configfile

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"everleaf/domain"
)

// shape compares what was parsed with what it is meant for. The decoder would do that too, but say neither where nor
// keep the value to itself.
func (f *finding) shape(at string, node any, t reflect.Type) {
	if node == nil {
		return
	}
	switch t.Kind() {
	case reflect.Pointer:
		f.shape(at, node, t.Elem())
	case reflect.Struct:
		entries, ok := node.(map[string]any)
		if !ok {
			f.kind(at, node, "fields")
			return
		}
		known := fieldsOf(t)
		for _, name := range slices.Sorted(maps.Keys(entries)) {
			if field, ok := known[name]; ok {
				f.shape(joined(at, name), entries[name], field.Type)
			} else {
				f.unknown(joined(at, name), name, slices.Sorted(maps.Keys(known)))
			}
		}
	case reflect.Slice:
		list, ok := node.([]any)
		if !ok {
			f.kind(at, node, "a list")
			return
		}
		for i, entry := range list {
			f.shape(fmt.Sprintf("%s[%d]", at, i), entry, t.Elem())
		}
	case reflect.String:
		if _, ok := node.(string); !ok {
			f.kind(at, node, "text")
		}
	case reflect.Bool:
		if _, ok := node.(bool); !ok {
			f.kind(at, node, "true or false")
		}
	default:
		if _, ok := node.(float64); !ok {
			f.kind(at, node, "a number")
		}
	}
}

func (f *finding) unknown(at, name string, known []string) {
	meant := ""
	if near := domain.Nearest(name, known); near != "" {
		meant = "; is " + near + " meant?"
	}
	f.add(at, "there is no such field; there are %s%s", strings.Join(known, ", "), meant)
}

// kind says what was found and what belongs there, never the value.
func (f *finding) kind(at string, node any, want string) {
	found := "text"
	switch node.(type) {
	case map[string]any:
		found = "fields"
	case []any:
		found = "a list"
	case bool:
		found = "true or false"
	case float64:
		found = "a number"
	}
	hint := ""
	if want == "text" && (found == "a number" || found == "true or false") {
		hint = "; put it in quotes"
	}
	f.add(at, "it is %s where %s belongs%s", found, want, hint)
}

// expand puts in the variables that the text below v refers to. It comes after parsing, so that no value can add a
// field.
func (f *finding) expand(at string, v reflect.Value, lookup Lookup) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			f.expand(at, v.Elem(), lookup)
		}
	case reflect.Struct:
		for _, field := range reflect.VisibleFields(v.Type()) {
			if field.Anonymous {
				continue // its fields are visible
			}
			f.expand(joined(at, nameOf(field)), v.FieldByIndex(field.Index), lookup)
		}
	case reflect.Slice:
		for i := range v.Len() {
			f.expand(fmt.Sprintf("%s[%d]", at, i), v.Index(i), lookup)
		}
	case reflect.String:
		text, fix := resolved(v.String(), lookup)
		if fix != "" {
			f.add(at, "%s", fix)
			return
		}
		v.SetString(text)
	}
}

var (
	reference = regexp.MustCompile(`\$(\$|\{[^}]*\}|)`)
	variable  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// resolved replaces ${NAME} by the variable and $$ by a dollar. fix says what is wrong, without the text.
func resolved(text string, lookup Lookup) (result, fix string) {
	result = reference.ReplaceAllStringFunc(text, func(match string) string {
		if match == "$$" {
			return "$"
		}
		name := strings.TrimSuffix(strings.TrimPrefix(match, "${"), "}")
		if !variable.MatchString(name) {
			fix = "a dollar begins ${NAME}, a reference to an environment variable: write $$ for the sign itself"
			return ""
		}
		value, _ := lookup(name)
		if value == "" {
			fix = "the environment variable " + name + " that it refers to is not set, or empty: set it"
		}
		return value
	})
	return result, fix
}

// fieldsOf are the fields of a struct by their names in the file.
func fieldsOf(t reflect.Type) map[string]reflect.StructField {
	fields := map[string]reflect.StructField{}
	for _, field := range reflect.VisibleFields(t) {
		if name := nameOf(field); name != "-" && !field.Anonymous { // not the file's to set
			fields[name] = field
		}
	}
	return fields
}

func nameOf(field reflect.StructField) string {
	name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
	return name
}

func joined(at, name string) string {
	if at == "" {
		return name
	}
	return at + "." + name
}
