package main

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

//go:generate go test -run ^TestReference -count=1 . -args -update

// What the pages under docs repeat of the code is generated between markers, and compared with what stands there.
var update = flag.Bool("update", false, "write the generated parts of docs instead of comparing them")

// generated puts text between the markers called name in a page, or compares it with what is there.
func generated(t *testing.T, path, name, text string) {
	t.Helper()
	page, err := os.ReadFile(path)
	require.NoError(t, err)
	begin, end := "<!-- generated: "+name+" -->\n", "<!-- end: "+name+" -->\n"
	before, rest, found := strings.Cut(string(page), begin)
	_, after, closed := strings.Cut(rest, end)
	require.True(t, found && closed, "%s has no markers %q and %q", path, begin, end)
	compare(t, path, before+begin+"\n"+strings.TrimSpace(text)+"\n\n"+end+after)
}

// compare writes a whole file, or compares it.
func compare(t *testing.T, path, text string) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	found, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, text, string(found), "%s is not what the code says: run `go generate ./cmd/everleaf`", path)
}

// table is a table in Markdown.
func table(header []string, rows [][]string) string {
	var text strings.Builder
	line := func(cells []string) {
		text.WriteString("|")
		for _, cell := range cells {
			text.WriteString(" " + strings.ReplaceAll(cell, "|", `\|`) + " |")
		}
		text.WriteString("\n")
	}
	line(header)
	text.WriteString(strings.Repeat("|---", len(header)) + "|\n")
	for _, row := range rows {
		line(row)
	}
	return text.String()
}

// sentence begins with a capital and ends with a full stop.
func sentence(text string) string {
	text = strings.TrimSuffix(strings.TrimSpace(text), ".")
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:] + "."
}
