package configfile

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"everleaf/domain/fields"
)

// shape compares what was parsed with what it is meant for. The decoder would do that too, but say neither where nor
// keep the value to itself. It returns what can be decoded: what is of the wrong kind is null, and a field that does
// not exist is left out, or has the name that is meant.
func (f *finding) shape(at string, node any, t reflect.Type) any {
	if node == nil {
		return nil
	}
	fits, want := false, "a number"
	switch t.Kind() {
	case reflect.Pointer:
		return f.shape(at, node, t.Elem())
	case reflect.Struct:
		if entries, ok := node.(map[string]any); ok {
			return f.entries(at, entries, t)
		}
		want = "fields"
	case reflect.Slice:
		if list, ok := node.([]any); ok {
			for i, entry := range list {
				list[i] = f.shape(fmt.Sprintf("%s[%d]", at, i), entry, t.Elem())
			}
			return list
		}
		want = "a list"
	case reflect.String:
		_, fits = node.(string)
		want = "text"
	case reflect.Bool:
		_, fits = node.(bool)
		want = "true or false"
	default:
		_, fits = node.(float64)
	}
	if fits {
		return node
	}
	f.kind(at, node, want)
	return nil
}

func (f *finding) entries(at string, entries map[string]any, t reflect.Type) map[string]any {
	known, clean := fieldsOf(t), map[string]any{}
	names := slices.Sorted(maps.Keys(known))
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		meant := name
		if _, ok := known[name]; !ok {
			if meant = f.unknown(joined(at, name), name, names); meant == "" {
				continue
			}
			if _, given := entries[meant]; given {
				continue
			}
		}
		clean[meant] = f.shape(joined(at, name), entries[name], known[meant].Type)
	}
	return clean
}

// unknown returns the name that is meant, empty if nobody knows.
func (f *finding) unknown(at, name string, known []string) (near string) {
	meant := ""
	if near = fields.Nearest(name, known); near != "" {
		meant = "; is " + near + " meant?"
	}
	f.add(at, "there is no such field; there are %s%s", strings.Join(known, ", "), meant)
	return near
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
// field. Text that refers to none that is set stays as it is.
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
		value, err := lookup(name)
		switch {
		case err != nil:
			fix = err.Error()
		case value == "":
			fix = "the environment variable " + name + " that it refers to is not set, or empty: set it, or " + name +
				"_FILE to the path of a file with it"
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
