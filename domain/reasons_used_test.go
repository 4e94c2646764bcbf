package domain_test

import (
	"go/ast"
	"go/token"
	"go/types"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/go/packages"
)

// A reason is for programs, and frozen: outside this package it is always one of the constants.
func TestReasonsAreConstants(t *testing.T) {
	loaded, err := packages.Load(&packages.Config{Mode: packages.LoadSyntax}, "everleaf/...")
	require.NoError(t, err)
	for _, p := range loaded {
		require.Empty(t, p.Errors, p.PkgPath)
		if p.PkgPath == "everleaf/domain" {
			continue
		}
		for _, file := range p.Syntax {
			ast.Inspect(file, func(n ast.Node) bool {
				lit, ok := n.(*ast.BasicLit)
				if ok && lit.Kind == token.STRING && lit.Value != `""` &&
					types.TypeString(p.TypesInfo.TypeOf(lit), nil) == "everleaf/domain.Reason" {
					t.Errorf("%s: %s: use its constant in package domain", p.Fset.Position(lit.Pos()), lit.Value)
				}
				return true
			})
		}
	}
}
