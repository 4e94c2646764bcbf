package main

import (
	"go/ast"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// firstColumn is what the rows of a page's tables begin with, where that is in backticks.
func firstColumn(t *testing.T, page string) (all []string) {
	t.Helper()
	for _, match := range regexp.MustCompile("(?m)^\\| ((?:`[^`|]+`(?:, )?)+) \\|").FindAllStringSubmatch(read(t, page),
		-1) {
		for one := range strings.SplitSeq(match[1], ", ") {
			all = append(all, strings.Trim(one, "`"))
		}
	}
	require.NotEmpty(t, all, page)
	return all
}

// insertsEvent is a statement that writes an event. Its type is written out, or is a parameter of the statement.
var insertsEvent = regexp.MustCompile(
	`INTO events \(certificate,(?: at,)? type, detail\)\s+(?:SELECT|VALUES \() ?(?:[\w.$]+|''), *(?:[\w.$:]+, *)?(?:'(\w+)'|\$\d)`)

// The table of events has each that explain knows, and each that a statement writes.
func TestEveryEventIsInTheTable(t *testing.T) {
	listed, known := firstColumn(t, "cmd/everleaf/docs/status.md"), map[string]bool{}
	for _, file := range sources(t, "everleaf/cmd/everleaf") {
		ast.Inspect(file, func(n ast.Node) bool {
			equals, ok := n.(*ast.BinaryExpr)
			if !ok || equals.Op != token.EQL {
				return true
			}
			switch left := equals.X.(type) {
			case *ast.Ident:
				known[literal(equals.Y)] = left.Name == "kind"
			case *ast.SelectorExpr:
				known[literal(equals.Y)] = left.Sel.Name == "Type"
			}
			return true
		})
	}
	paths, err := filepath.Glob("../../adapters/postgres/*.go")
	require.NoError(t, err)
	for _, path := range paths {
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		matches := insertsEvent.FindAllStringSubmatch(string(content), -1)
		require.Len(t, matches, strings.Count(string(content), "INTO events"), "%s: a statement that this test cannot read", path)
		for _, match := range matches {
			known[match[1]] = true
		}
	}
	found := 0
	for event, is := range known {
		if is && event != "" {
			found++
			assert.Contains(t, listed, event)
		}
	}
	require.GreaterOrEqual(t, found, 20)
	events := listed[slices.Index(listed, "created"):]
	for _, event := range events {
		assert.True(t, known[event], "%s: nothing writes such an event", event)
	}
}

// What a user may see of a kind is in the glossary, or in a table: each word of these types.
func TestEveryWordIsExplained(t *testing.T) {
	var explained []string
	for _, page := range []string{"glossary.md", "status.md", "api.md", "configuration.md", "commands.md", "concepts.md",
		"operating.md", "extending.md", "validation.md", "delivery.md"} {
		for _, row := range regexp.MustCompile(`(?m)^\|.*\|$`).FindAllString(read(t, "cmd/everleaf/docs/"+page), -1) {
			for _, span := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row, -1) {
				explained = append(explained, span[1])
			}
		}
	}
	for _, of := range []struct{ pkg, kind string }{
		{"domain", "Phase"}, {"domain", "FaultKind"}, {"domain", "Reason"}, {"domain", "KeyType"}, {"domain", "KeyRotation"},
		{"domain", "ChallengeType"}, {"domain", "RevocationReason"}, {"domain", "RevocationSigner"},
		{"domain/lifecycle", "Step"}, {"app", "Role"}, {"app", "PlanAction"}, {"app", "Verdict"},
		{"adapters/dns01", "CheckMode"}, {"adapters/delivery", "KeyTransport"},
	} {
		values := commentsOf(t, "everleaf/"+of.pkg).constants[of.kind]
		require.NotEmpty(t, values, of.kind)
		for _, value := range values {
			// A constant that another package defines has no literal here.
			assert.True(t, value == "" || slices.Contains(explained, value), "%s.%s %s: explain it in a table", of.pkg, of.kind,
				value)
		}
	}
}
