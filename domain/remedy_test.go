package domain

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whatever reason a fault may have, somebody is told what to do about it. The reasons are read from the source: from the
// calls that make faults, and from the constants and tables of reasons.
func TestEveryReasonHasARemedy(t *testing.T) {
	t.Parallel()
	produced := reasonsIn(t, "..")
	require.Greater(t, len(produced), 100, "the source was really read")
	for _, reason := range slices.Sorted(maps.Keys(produced)) {
		if _, ok := remedies[reason]; !ok {
			t.Errorf("the reason %s has no remedy in remedies: it is made in %s", reason, produced[reason])
		}
	}
	for reason, remedy := range remedies {
		require.Regexp(t, `^[A-Z].*[^.]\.$`, remedy, reason)
	}
}

func TestAnUnknownReasonIsAnsweredByItsKind(t *testing.T) {
	t.Parallel()
	for _, kind := range []FaultKind{FaultRateLimited, FaultWait, FaultName, FaultCA, FaultOperator, FaultSpec, "Newer"} {
		require.NotEmpty(t, Remedy(kind, "NotMadeHere"), kind)
	}
	require.Equal(t, remedies["CAAForbids"], Remedy(FaultName, "CAAForbids"))
}

// makers are the functions that make faults, with the place of the reason among their arguments.
var makers = map[string]int{"NewFault": 1, "specFault": 0, "caFault": 0, "problem": 0, "fail": 0, "fault": 1}

var reasonWord = regexp.MustCompile(`^[A-Z][A-Za-z]+$`)

// reasonsIn gives each reason with a file that makes it.
func reasonsIn(t *testing.T, root string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains([]string{"testdata", "mocks", "devstack", ".git", ".bin"}, entry.Name()):
			return filepath.SkipDir
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(node ast.Node) bool {
			for _, reason := range reasonsAt(node) {
				if word, err := strconv.Unquote(reason.Value); err == nil && reasonWord.MatchString(word) {
					found[word] = path
				}
			}
			return true
		})
		return nil
	})
	require.NoError(t, err)
	return found
}

func reasonsAt(node ast.Node) (reasons []*ast.BasicLit) {
	add := func(e ast.Expr) {
		if literal, ok := e.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			reasons = append(reasons, literal)
		}
	}
	switch node := node.(type) {
	case *ast.CallExpr:
		if place, ok := makers[named(node.Fun)]; ok && len(node.Args) > place+1 {
			add(node.Args[place])
		}
	case *ast.ValueSpec: // constants, and tables from the outside's words to reasons
		for i, name := range node.Names {
			lower := strings.ToLower(name.Name)
			if !strings.HasPrefix(lower, "reason") && !strings.HasSuffix(lower, "reasons") || i >= len(node.Values) {
				continue
			}
			add(node.Values[i])
			if table, ok := node.Values[i].(*ast.CompositeLit); ok {
				for _, element := range table.Elts {
					if pair, ok := element.(*ast.KeyValueExpr); ok {
						add(pair.Value)
					}
				}
			}
		}
	case *ast.ReturnStmt: // a kind and its reason, as classifying functions return them
		if len(node.Results) == 2 && strings.HasPrefix(named(node.Results[0]), "Fault") {
			add(node.Results[1])
		}
	case *ast.AssignStmt: // kind, reason = …, …
		if len(node.Lhs) == 2 && len(node.Rhs) == 2 && named(node.Lhs[0]) == "kind" && named(node.Lhs[1]) == "reason" {
			add(node.Rhs[1])
		}
	}
	return reasons
}

// named is the last word of a name, with or without its package.
func named(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	default:
		return ""
	}
}
