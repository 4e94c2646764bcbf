package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Words that are not those of the field, or are unusual in documentation, with what to say.
var unusual = map[string]string{
	"told":         "informed, or name what is answered or logged",
	"anew":         "again",
	"whoever":      "the one who, or name them",
	"mend":         "repair, correct or fix",
	"mends":        "repairs, corrects or fixes",
	"mending":      "repairing, correcting or fixing",
	"mended":       "repaired, corrected or fixed",
	"kept no more": "retired",
	"as of before": "as before",
	"thereof":      "of it",
}

// Pages, and all that people write or read in the source: comments, strings and names of tests, also of SQL, YAML, make
// and shell.
func TestWordsAreUsual(t *testing.T) {
	find := regexp.MustCompile(`(?i).{0,30}\b(` + strings.Join(slices.Sorted(maps.Keys(unusual)), "|") + `)\b.{0,30}`)
	for path, text := range written(t) {
		for _, found := range find.FindAllStringSubmatch(text, -1) {
			assert.Fail(t, "an unusual word", "%s has %q; say %s", path, found[0], unusual[strings.ToLower(found[1])])
		}
	}
}

var (
	// hand are the files that people write, besides pages and those without an ending: scripts.
	hand = regexp.MustCompile(`(\.(go|sql|ya?ml|sh|patch|proto)|/Makefile|/Containerfile|/\.ci/\w+|/mutants/run|\.env)$`)
	// lineEnd is where a sentence goes on in the next line of a comment.
	lineEnd  = regexp.MustCompile(`\s*\n\s*(//+|--|#+)?\s*`)
	testName = regexp.MustCompile(`func (Test|Benchmark|Example)\w+`)
	capital  = regexp.MustCompile(`([a-z0-9])([A-Z])`)
)

// written is what people write, by file, each as one line: pages without code, sources with names of tests as words.
func written(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, p := range pages(t) {
		all[p.Path] = strings.Join(strings.Fields(p.Prose), " ")
	}
	for _, path := range files(t, "") {
		generated := strings.Contains(path, "/mocks/") || strings.HasSuffix(path, "docs_words_test.go")
		if generated || !hand.MatchString(path) {
			continue
		}
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		text := testName.ReplaceAllStringFunc(string(content), func(name string) string {
			return capital.ReplaceAllString(name, "$1 $2")
		})
		all[path] = lineEnd.ReplaceAllString(text, " ")
	}
	require.Greater(t, len(all), 500)
	return all
}

// The comment of a function that answers yes or no says so as in the standard library: "X reports whether", or "X does
// this, and reports whether".
func TestPredicatesReportWhether(t *testing.T) {
	implements := regexp.MustCompile(`^\w+ implements \S`)
	for _, path := range files(t, ".go") {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		require.NoError(t, err)
		for _, declaration := range file.Decls {
			function, ok := declaration.(*ast.FuncDecl)
			if !ok || function.Doc == nil || !isPredicate(function.Type) || strings.Contains(path, "/mocks/") ||
				strings.Contains(path, "/testdata/") {
				continue
			}
			said := strings.Join(strings.Fields(function.Doc.Text()), " ")
			assert.True(t, strings.Contains(said, "reports whether ") || implements.MatchString(said),
				"%s: say %q, not %q", filepath.ToSlash(path), function.Name.Name+" reports whether …", said)
		}
	}
}

// isPredicate reports whether a function returns one bool and nothing else.
func isPredicate(of *ast.FuncType) bool {
	if of.Results == nil || len(of.Results.List) != 1 || len(of.Results.List[0].Names) > 1 {
		return false
	}
	named, ok := of.Results.List[0].Type.(*ast.Ident)
	return ok && named.Name == "bool"
}

// README is a page that is read in a few minutes; the rest is in docs.
func TestREADMEIsShort(t *testing.T) {
	assert.LessOrEqual(t, len(strings.Fields(read(t, "README.md"))), 900)
}
