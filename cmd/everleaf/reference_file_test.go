package main

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/stretchr/testify/require"

	"everleaf/adapters/configfile"
)

// fileField is a field of the configuration file.
type fileField struct {
	key      string
	kind     reflect.Type // of one entry, where it is a list
	list     bool
	required bool
	// choice reports whether exactly one of the struct's pointers is given.
	choice            bool
	meaning, fallback string
	values            []string
	entries           []fileField
}

// entriesOf reads a struct of the file, with all that is below it. A struct with several pointers is a choice.
func entriesOf(t *testing.T, owner reflect.Type) (all []fileField) {
	t.Helper()
	c := commentsOf(t, owner.PkgPath())
	pointers := 0
	for field := range owner.Fields() {
		if field.Anonymous { // its fields are the struct's
			all = append(all, entriesOf(t, field.Type)...)
			continue
		}
		key, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if key == "-" {
			continue
		}
		e := fileField{key: key, kind: field.Type, list: field.Type.Kind() == reflect.Slice,
			required: options != "omitempty"}
		e.meaning, e.fallback = c.meaning(owner, field)
		for e.kind.Kind() == reflect.Slice || e.kind.Kind() == reflect.Pointer {
			e.kind = e.kind.Elem()
		}
		if e.kind.Kind() == reflect.Struct {
			e.entries = entriesOf(t, e.kind)
		} else if e.kind.PkgPath() != "" {
			e.values = commentsOf(t, e.kind.PkgPath()).constants[e.kind.Name()]
		}
		if field.Type.Kind() == reflect.Pointer {
			pointers++
		}
		all = append(all, e)
	}
	for i := range all {
		all[i].choice = pointers > 1 && all[i].entries != nil && !all[i].required
	}
	return all
}

// kindName is a type as people who write YAML call it.
func (e fileField) kindName() string {
	name := map[reflect.Kind]string{
		reflect.String: "text", reflect.Bool: "true or false", reflect.Struct: "fields",
	}[e.kind.Kind()]
	switch {
	case e.values != nil:
		name = "`" + strings.Join(e.values, "`, `") + "`"
	case e.list:
		name = "list of " + name
	}
	return name
}

func (e fileField) defaultName() string {
	switch {
	case e.required:
		return "required"
	case e.choice:
		return "exactly one"
	default:
		return e.fallback
	}
}

// rows are the lines of a table, a line for each field.
func rows(t *testing.T, prefix string, entries []fileField) (all [][]string) {
	t.Helper()
	for _, e := range entries {
		require.NotEmpty(t, e.meaning, "%s%s: give the field a comment", prefix, e.key)
		require.NotEmpty(t, e.defaultName(), "%s%s: end the comment with what empty means", prefix, e.key)
		all = append(all, []string{"`" + prefix + e.key + "`", e.kindName(), e.defaultName(), e.meaning})
		all = append(all, rows(t, prefix+e.key+".", e.entries)...)
	}
	return all
}

// schemaOf is the JSON Schema of fields.
func schemaOf(entries []fileField) *jsonschema.Schema {
	s := &jsonschema.Schema{Type: "object", Properties: map[string]*jsonschema.Schema{},
		AdditionalProperties: &jsonschema.Schema{Not: &jsonschema.Schema{}}}
	for _, e := range entries {
		one := &jsonschema.Schema{
			Type: map[reflect.Kind]string{reflect.String: "string", reflect.Bool: "boolean"}[e.kind.Kind()],
		}
		if e.entries != nil {
			one = schemaOf(e.entries)
		}
		for _, value := range e.values {
			one.Enum = append(one.Enum, value)
		}
		if e.list {
			one = &jsonschema.Schema{Type: "array", Items: one}
		}
		if one.Description = e.meaning; !e.required && e.fallback != "" {
			one.Description += " Default: " + e.fallback + "."
		}
		s.Properties[e.key], s.PropertyOrder = one, append(s.PropertyOrder, e.key)
		switch {
		case e.required:
			s.Required = append(s.Required, e.key)
		case e.choice:
			s.OneOf = append(s.OneOf, &jsonschema.Schema{Required: []string{e.key}})
		}
	}
	return s
}

// fileSchema is the schema of the whole file.
func fileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	s := schemaOf(entriesOf(t, configfile.Shape()))
	s.Schema, s.Title = "https://json-schema.org/draft/2020-12/schema", "Everleaf's configuration file"
	preset := s.Properties["issuers"].Items.Properties["preset"]
	for _, name := range configfile.Presets() {
		preset.Enum = append(preset.Enum, name)
	}
	return s
}

func TestReferenceOfFile(t *testing.T) {
	var text strings.Builder
	for _, part := range entriesOf(t, configfile.Shape()) {
		text.WriteString("### " + part.key + "\n\nA list; each entry has:\n\n")
		text.WriteString(table([]string{"key", "type", "default", "meaning"}, rows(t, "", part.entries)) + "\n")
	}
	generated(t, "docs/configuration.md", "file", text.String())
	schema, err := json.MarshalIndent(fileSchema(t), "", "  ")
	require.NoError(t, err)
	compare(t, "docs/config.schema.json", string(schema)+"\n")
}
