package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// The pages name settings: each must be one of a command's.
func TestPagesNameSettingsThatExist(t *testing.T) {
	pages, err := filepath.Glob("docs/*.md")
	require.NoError(t, err)
	require.NotEmpty(t, pages)
	settings := ""
	for _, command := range [][]string{{"worker"}, {"migrate"}, {"cert", "ensure"}, {"cert", "revoke"}, {"cert", "retire"}} {
		settings += help(t, command...)
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, named := range regexp.MustCompile("`(--[a-z][a-z0-9-]*)").FindAllStringSubmatch(string(text), -1) {
			require.Regexp(t, regexp.QuoteMeta(named[1])+`\b[^-]`, settings, page)
		}
	}
}
