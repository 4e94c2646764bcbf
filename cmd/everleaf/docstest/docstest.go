// Package docstest reads the documentation for the tests that hold it against the code.
package docstest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"
)

// Page is a page of the documentation, parsed.
type Page struct {
	// Path is relative to the repository's root.
	Path string
	// Prose is the text without code, each piece on a line of its own.
	Prose string
	// Anchors are what links can lead to, Links where they lead.
	Anchors, Links []string
	// Spans are what is in backticks; Blocks are code blocks.
	Spans  []string
	Blocks []Block
}

// Block is a code block. One that is only indented has commands for a shell, one a line. A fence has a kind, and what
// stands behind it: "text" is followed by the command that prints the text.
type Block struct {
	Fenced     bool
	Kind, Note string
	Text       string
}

// patterns are the pages, from the repository's root.
var patterns = []string{"README.md", ".github/*.md", "cmd/everleaf/docs/*.md", "cmd/everleaf/*/README.md"}

// Pages are all pages of the documentation. repository is the root, from the test's folder.
func Pages(t testing.TB, repository string) (all []Page) {
	t.Helper()
	for _, pattern := range patterns {
		paths, err := filepath.Glob(filepath.Join(repository, pattern))
		require.NoError(t, err)
		require.NotEmpty(t, paths, pattern)
		for _, path := range paths {
			content, err := os.ReadFile(path)
			require.NoError(t, err)
			relative, err := filepath.Rel(repository, path)
			require.NoError(t, err)
			all = append(all, parse(t, relative, content))
		}
	}
	return all
}

func parse(t testing.TB, path string, content []byte) Page {
	t.Helper()
	p := Page{Path: path}
	var prose strings.Builder
	root := goldmark.New(goldmark.WithExtensions(extension.Table)).Parser().Parse(text.NewReader(content))
	require.NoError(t, ast.Walk(root, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.CodeSpan:
			p.Spans = append(p.Spans, inner(n, content))
			return ast.WalkSkipChildren, nil
		case *ast.FencedCodeBlock:
			b := Block{Fenced: true, Text: string(n.Lines().Value(content))}
			if n.Info != nil {
				b.Kind, b.Note, _ = strings.Cut(string(n.Info.Value(content)), " ")
			}
			p.Blocks = append(p.Blocks, b)
		case *ast.CodeBlock:
			p.Blocks = append(p.Blocks, Block{Text: string(n.Lines().Value(content))})
		case *ast.Heading:
			p.Anchors = append(p.Anchors, Anchor(inner(n, content)))
		case *ast.Link:
			p.Links = append(p.Links, string(n.Destination))
		case *ast.Text:
			prose.Write(n.Value(content))
			prose.WriteString("\n")
		}
		return ast.WalkContinue, nil
	}))
	p.Prose = prose.String()
	return p
}

// inner is the text below a node.
func inner(n ast.Node, content []byte) string {
	var all strings.Builder
	for child := n.FirstChild(); child != nil; child = child.NextSibling() {
		if t, ok := child.(*ast.Text); ok {
			all.Write(t.Value(content))
			if t.SoftLineBreak() {
				all.WriteString(" ")
			}
		} else {
			all.WriteString(inner(child, content))
		}
	}
	return all.String()
}

var notInAnchors = regexp.MustCompile(`[^\p{L}\p{N} _-]`)

// Anchor is what GitHub makes of a heading.
func Anchor(heading string) string {
	return strings.ReplaceAll(notInAnchors.ReplaceAllString(strings.ToLower(heading), ""), " ", "-")
}

// Code is every line of code of a page: spans, and lines of blocks.
func (p Page) Code() (lines []string) {
	lines = append(lines, p.Spans...)
	for _, b := range p.Blocks {
		lines = append(lines, strings.Split(b.Text, "\n")...)
	}
	return lines
}
