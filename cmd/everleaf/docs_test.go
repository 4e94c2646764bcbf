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

// The examples of extending.md are files that tests run: each is quoted whole.
func TestExtendingQuotesWhatIsTested(t *testing.T) {
	page, err := os.ReadFile("docs/extending.md")
	require.NoError(t, err)
	quoted := regexp.MustCompile("(?ms)^```(?:sh|go)\n(.*?)^```$").FindAllSubmatch(page, -1)
	files := []string{"delivery/testdata/target.sh", "dns01/testdata/zone.sh", "delivery/example/appliance.go", "dns01/example/hoster.go"}
	require.Len(t, quoted, len(files))
	for i, file := range files {
		content, err := os.ReadFile(filepath.Join("../../adapters", file))
		require.NoError(t, err)
		require.Equal(t, string(content), string(quoted[i][1]), file)
	}
}
