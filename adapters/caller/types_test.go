package caller_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A caller needs no other import for what a spec says and a status answers: each constant of the domain's types that
// have a name here has one, too.
func TestEveryValueHasAName(t *testing.T) {
	t.Parallel()
	types := map[string]bool{}
	var here []string
	declared(t, "types.go", func(declaration token.Token, spec ast.Spec) {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			types[spec.Name.Name] = true
		case *ast.ValueSpec:
			here = append(here, spec.Names[0].Name)
		}
	})
	found := map[string]bool{}
	paths, err := filepath.Glob("../../domain/*.go")
	require.NoError(t, err)
	for _, path := range paths {
		declared(t, path, func(declaration token.Token, spec ast.Spec) {
			value, ok := spec.(*ast.ValueSpec)
			if !ok || declaration != token.CONST {
				return
			}
			of, ok := value.Type.(*ast.Ident)
			if !ok || !types[of.Name] || inListsAlone[value.Names[0].Name] {
				return
			}
			found[of.Name] = true
			require.Contains(t, here, value.Names[0].Name, "export it in types.go")
		})
	}
	require.ElementsMatch(t, []string{"ChallengeType", "FaultKind", "KeyRotation", "KeyType", "Phase", "RevocationReason",
		"RevocationSigner"}, slices.Collect(maps.Keys(found)))
}

// inListsAlone are phases that no call of this package answers.
var inListsAlone = map[string]bool{"PhaseNoWorkflow": true, "PhaseRevoked": true}

// The workflow, and this package, answer no phase that is in lists alone.
func TestPhasesInListsAreNotAnswered(t *testing.T) {
	t.Parallel()
	for _, pattern := range []string{"*.go", "../../domain/lifecycle/*.go"} {
		paths, err := filepath.Glob(pattern)
		require.NoError(t, err)
		require.NotEmpty(t, paths, pattern)
		for _, path := range paths {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			content, err := os.ReadFile(path)
			require.NoError(t, err)
			for phase := range inListsAlone {
				require.NotContains(t, string(content), "domain."+phase, path)
			}
		}
	}
}

// declared calls visit for each declaration of a file.
func declared(t *testing.T, path string, visit func(token.Token, ast.Spec)) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	require.NoError(t, err)
	for _, declaration := range file.Decls {
		if general, ok := declaration.(*ast.GenDecl); ok {
			for _, spec := range general.Specs {
				visit(general.Tok, spec)
			}
		}
	}
}
