package main

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"

	"everleaf/cmd/everleaf/docstest"
)

// maxLine is how long a line may be, in characters; code has the same limit.
const maxLine = 120

// Prose is wrapped. Rows of tables, code and what is generated are as long as they are.
func TestProseIsWrapped(t *testing.T) {
	t.Parallel()
	for _, page := range docstest.Pages(t, repository) {
		fenced, generated := false, false
		for number, line := range strings.Split(read(t, page.Path), "\n") {
			switch {
			case strings.HasPrefix(strings.TrimSpace(line), "```"):
				fenced = !fenced
			case strings.HasPrefix(line, "<!-- generated"), strings.HasPrefix(line, "<!-- end"):
				generated = strings.HasPrefix(line, "<!-- generated")
			case fenced, generated, strings.HasPrefix(line, "|"), strings.HasPrefix(line, "    "):
			default:
				assert.LessOrEqual(t, utf8.RuneCountInString(line), maxLine, "%s:%d: wrap it", page.Path, number+1)
			}
		}
	}
}
