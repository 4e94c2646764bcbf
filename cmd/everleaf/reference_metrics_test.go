package main

import (
	"go/ast"
	"testing"

	"github.com/stretchr/testify/require"
)

// ownMetrics are the metrics that package telemetry declares, by name and help.
func ownMetrics(t *testing.T) (all [][]string) {
	t.Helper()
	for _, file := range sources(t, "everleaf/adapters/telemetry") {
		ast.Inspect(file, func(n ast.Node) bool {
			value, ok := n.(*ast.CompositeLit)
			if !ok {
				return true
			}
			if named, ok := value.Type.(*ast.Ident); ok && named.Name == "own" {
				all = append(all, []string{literal(value.Elts[0]), literal(value.Elts[1])})
			}
			return true
		})
	}
	require.NotEmpty(t, all)
	return all
}

func TestReferenceOfMetrics(t *testing.T) {
	var rows [][]string
	for _, metric := range ownMetrics(t) {
		require.NotEmpty(t, metric[1], metric[0])
		rows = append(rows, []string{"`" + metric[0] + "`", metric[1]})
	}
	generated(t, "docs/metrics.md", "metrics", table([]string{"metric", "meaning"}, rows))
}
