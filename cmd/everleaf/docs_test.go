package main

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

// The documentation is held against the code: what a page names must exist, and what it shows must work. The files
// docs_*_test.go have a test for each kind of thing that a page can name. SQL is tested in e2e.

// repository is the root, from here.
const repository = "../.."

// docPage is a page of the documentation, parsed.
type docPage struct {
	// path is relative to the repository's root.
	path string
	// prose is the text without code, each piece on a line of its own.
	prose string
	// anchors are what links can lead to, links where they lead.
	anchors, links []string
	// spans are what is in backticks; blocks are code blocks.
	spans  []string
	blocks []block
}

// block is a code block; language is empty where it is only indented.
type block struct{ language, text string }

// pages are all pages of the documentation.
func pages(t *testing.T) (all []docPage) {
	t.Helper()
	for _, pattern := range []string{"README.md", ".github/*.md", "cmd/everleaf/docs/*.md",
		"cmd/everleaf/*/README.md"} {
		paths, err := filepath.Glob(filepath.Join(repository, pattern))
		require.NoError(t, err)
		require.NotEmpty(t, paths, pattern)
		for _, path := range paths {
			content, err := os.ReadFile(path)
			require.NoError(t, err)
			relative, err := filepath.Rel(repository, path)
			require.NoError(t, err)
			all = append(all, parsePage(t, relative, content))
		}
	}
	return all
}

func parsePage(t *testing.T, path string, content []byte) docPage {
	t.Helper()
	p := docPage{path: path}
	var prose strings.Builder
	root := goldmark.New(goldmark.WithExtensions(extension.Table)).Parser().Parse(text.NewReader(content))
	require.NoError(t, ast.Walk(root, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.CodeSpan:
			p.spans = append(p.spans, inner(n, content))
			return ast.WalkSkipChildren, nil
		case *ast.FencedCodeBlock:
			p.blocks = append(p.blocks, block{string(n.Language(content)), string(n.Lines().Value(content))})
		case *ast.CodeBlock:
			p.blocks = append(p.blocks, block{text: string(n.Lines().Value(content))})
		case *ast.Heading:
			p.anchors = append(p.anchors, anchor(inner(n, content)))
		case *ast.Link:
			p.links = append(p.links, string(n.Destination))
		case *ast.Text:
			prose.Write(n.Value(content))
			prose.WriteString("\n")
		}
		return ast.WalkContinue, nil
	}))
	p.prose = prose.String()
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

// anchor is what GitHub makes of a heading.
func anchor(heading string) string {
	return strings.ReplaceAll(notInAnchors.ReplaceAllString(strings.ToLower(heading), ""), " ", "-")
}

// code is every line of code of a page: spans, and lines of blocks.
func (p docPage) code() (lines []string) {
	lines = append(lines, p.spans...)
	for _, b := range p.blocks {
		lines = append(lines, strings.Split(b.text, "\n")...)
	}
	return lines
}

// read is a file of the repository.
func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(repository, path))
	require.NoError(t, err)
	return string(content)
}

// The examples of these pages are files that tests run: each is quoted whole.
func TestPagesQuoteWhatIsTested(t *testing.T) {
	for page, files := range map[string][]string{
		"extending.md": {"delivery/testdata/target.sh", "dns01/testdata/zone.sh", "delivery/example/appliance.go",
			"dns01/example/hoster.go"},
		"api.md": {"caller/callertest/testdata/shop/shop.go", "caller/callertest/testdata/shop/shop_test.go"},
	} {
		text, err := os.ReadFile(filepath.Join("docs", page))
		require.NoError(t, err)
		var quoted []string
		for _, block := range regexp.MustCompile("(?ms)^```[a-z]*\n(.*?)^```$").FindAllStringSubmatch(string(text),
			-1) {
			quoted = append(quoted, block[1])
		}
		for _, file := range files {
			content, err := os.ReadFile(filepath.Join("../../adapters", file))
			require.NoError(t, err)
			require.Contains(t, quoted, string(content), "%s does not quote %s as it is", page, file)
		}
	}
}
