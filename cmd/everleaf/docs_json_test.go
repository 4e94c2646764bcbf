package main

import (
	"encoding/json"
	"go/ast"
	"go/types"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"everleaf/cmd/everleaf/docstest"
)

// shapes are the structs that JSON of the pages is of, by their keys.
var shapes = []struct{ keys, pkg, name string }{
	{"names", "domain", "Spec"},
	{"name phase", "domain", "Status"},
	{"type timestamp data", "adapters/delivery", "event"},
	{"action zone", "adapters/dns01", "ExecDocument"},
	{"fqdn value", "adapters/dns01", "ExecDocument"}, // what httpreq posts is a part of it
}

// fits compares the fields of JSON with those of the struct that it is of.
func fits(t *testing.T, p docstest.Page, b docstest.Block) {
	t.Helper()
	var tree map[string]any
	require.NoError(t, json.Unmarshal([]byte(b.Text), &tree), "%s:\n%s", p.Path, b.Text)
	for _, shape := range shapes {
		if slices.ContainsFunc(strings.Fields(shape.keys), func(key string) bool { return tree[key] == nil }) {
			continue
		}
		for _, field := range misfits(t, "everleaf/"+shape.pkg, shape.name, tree) {
			assert.Fail(t, "there is no such field", "%s: %s.%s", p.Path, shape.name, field)
		}
		return
	}
	assert.Fail(t, "say in shapes what this is of", "%s:\n%s", p.Path, b.Text)
}

// misfits are the keys of a tree that a struct's tags do not have, also below it.
func misfits(t *testing.T, pkg, name string, tree map[string]any) (all []string) {
	t.Helper()
	fields := taggedFields(t, pkg, name)
	for key, value := range tree {
		kind, known := fields[key]
		if !known {
			all = append(all, key)
		}
		if pkg == "everleaf/adapters/delivery" && key == "data" {
			kind = "issuedData" // any, in the source
		}
		below, ok := value.(map[string]any)
		if ok && len(taggedFields(t, pkg, kind)) > 0 {
			all = append(all, misfits(t, pkg, kind, below)...)
		}
	}
	return all
}

// taggedFields are a struct's keys in JSON, with the names of their types; none if it is no struct of the package.
func taggedFields(t *testing.T, pkg, name string) map[string]string {
	t.Helper()
	fields := map[string]string{}
	for _, file := range sources(t, pkg) {
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok || spec.Name.Name != name {
				return true
			}
			if of, ok := spec.Type.(*ast.StructType); ok {
				for _, field := range of.Fields.List {
					if field.Tag == nil {
						continue
					}
					tag := reflect.StructTag(strings.Trim(field.Tag.Value, "`"))
					key, _, _ := strings.Cut(tag.Get("json"), ",")
					fields[key] = strings.TrimPrefix(types.ExprString(field.Type), "*")
				}
			}
			return false
		})
	}
	return fields
}
