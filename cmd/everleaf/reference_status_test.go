package main

import (
	"go/ast"
	"go/token"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

// statusTypes are what a status is made of, with the headings under which status.md has their fields.
var statusTypes = []struct {
	title string
	of    reflect.Type
}{
	{"Status", reflect.TypeFor[domain.Status]()},
	{"Certificate", reflect.TypeFor[domain.Issued]()},
	{"Renewal plan", reflect.TypeFor[domain.RenewalPlan]()},
	{"Window", reflect.TypeFor[domain.Window]()},
	{"Failure", reflect.TypeFor[domain.Failure]()},
	{"Problem", reflect.TypeFor[domain.Fault]()},
	{"Delivery", reflect.TypeFor[domain.Delivery]()},
	{"Pending revocation", reflect.TypeFor[domain.Revocation]()},
}

// TestReferenceOfStatus has every field of the answer, from its JSON tag and its comment.
func TestReferenceOfStatus(t *testing.T) {
	var text strings.Builder
	for _, one := range statusTypes {
		c := commentsOf(t, one.of.PkgPath())
		var fields [][]string
		for field := range one.of.Fields() {
			key, options, _ := strings.Cut(field.Tag.Get("json"), ",")
			if key == "" || key == "-" {
				continue
			}
			meaning, _ := c.meaning(one.of, field)
			require.NotEmpty(t, meaning, "%s.%s: give the field a comment", one.of, field.Name)
			meaning = strings.Replace(meaning, "Reports whether", "Whether", 1)
			meaning = goField.ReplaceAllStringFunc(meaning, func(name string) string {
				if other, ok := one.of.FieldByName(strings.TrimSpace(name)); ok {
					key, _, _ := strings.Cut(other.Tag.Get("json"), ",")
					return " `" + key + "`"
				}
				return name
			})
			there := "always"
			if options != "" {
				there = "if there is one"
				switch field.Type.Kind() {
				case reflect.Bool:
					there = "if true"
				case reflect.Int, reflect.Int64:
					there = "if not 0"
				}
			}
			fields = append(fields, []string{"`" + key + "`", jsonType(t, field.Type), there, meaning})
		}
		text.WriteString("### " + one.title + "\n\n" +
			table([]string{"field", "type", "present", "meaning"}, fields) + "\n")
	}
	generated(t, "docs/status.md", "fields", text.String())
}

// goField finds what may be the name of another field within a sentence.
var goField = regexp.MustCompile(` [A-Z]\w+`)

// jsonType is a Go type as it is in JSON, with its unit; what status.md has a table of is a link.
func jsonType(t *testing.T, of reflect.Type) string {
	t.Helper()
	switch of {
	case reflect.TypeFor[time.Time]():
		return "instant, RFC 3339 in UTC"
	case reflect.TypeFor[time.Duration]():
		return "whole nanoseconds"
	case reflect.TypeFor[domain.Spec]():
		return "[spec](api.md#the-spec)"
	}
	for _, one := range statusTypes {
		if one.of == of {
			return "[" + strings.ToLower(one.title) + "](#" + strings.ReplaceAll(strings.ToLower(one.title), " ", "-") + ")"
		}
	}
	switch of.Kind() {
	case reflect.Pointer:
		return jsonType(t, of.Elem())
	case reflect.Slice:
		return "list of " + jsonType(t, of.Elem())
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "whole number"
	case reflect.Float64:
		return "number"
	}
	require.Fail(t, "status.md has no table of it", "%s", of)
	return ""
}

// constantGroup is a block of constants of the source, each with its value and comment.
type constantGroup struct {
	title string
	rows  [][]string
}

// constantsOf are the constants that wanted chooses by their names, of whatever type.
func constantsOf(t *testing.T, pkg string, wanted func(name string) bool) (all []constantGroup) {
	t.Helper()
	var meanings []string
	for _, file := range sources(t, pkg) {
		for _, declaration := range file.Decls {
			general, ok := declaration.(*ast.GenDecl)
			if !ok || general.Tok != token.CONST {
				continue
			}
			group := constantGroup{title: strings.TrimSuffix(strings.Join(strings.Fields(general.Doc.Text()), " "), ".")}
			for _, spec := range general.Specs {
				value := spec.(*ast.ValueSpec)
				if !wanted(value.Names[0].Name) {
					continue
				}
				name, meaning, _ := strings.Cut(strings.Join(strings.Fields(value.Doc.Text()), " "), ": ")
				require.Equal(t, value.Names[0].Name, name, "give each a comment that begins with its name and a colon")
				require.NotContains(t, meanings, meaning, "%s: say what sets it apart", name)
				meanings = append(meanings, meaning)
				group.rows = append(group.rows, []string{"`" + literal(value.Values[0]) + "`", sentence(meaning)})
			}
			if len(group.rows) > 0 {
				all = append(all, group)
			}
		}
	}
	require.NotEmpty(t, all)
	return all
}

func prefixed(prefix string) func(string) bool {
	return func(name string) bool { return strings.HasPrefix(name, prefix) }
}

// TestReferenceOfWords has every phase, every reason of a renewal's instant and every reason of a problem.
func TestReferenceOfWords(t *testing.T) {
	phases := constantsOf(t, "everleaf/domain", prefixed("Phase"))
	require.Len(t, phases, 1)
	generated(t, "docs/status.md", "phases", table([]string{"phase", "meaning"}, phases[0].rows))
	plans := constantsOf(t, "everleaf/domain", prefixed("Renewal"))
	require.Len(t, plans, 1)
	generated(t, "docs/status.md", "plans", table([]string{"reason", "the instant is"}, plans[0].rows))
	var text strings.Builder
	for _, group := range constantsOf(t, "everleaf/domain", prefixed("Reason")) {
		title := strings.Replace(strings.TrimPrefix(group.title, "Of "), " faults", "", 1)
		text.WriteString("### " + title + "\n\n" +
			table([]string{"reason", "meaning"}, group.rows) + "\n")
	}
	generated(t, "docs/status.md", "reasons", text.String())
}
