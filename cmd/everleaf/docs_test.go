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

// The examples of these pages are files that tests run: each is quoted whole.
func TestPagesQuoteWhatIsTested(t *testing.T) {
	for page, files := range map[string][]string{
		"extending.md": {"delivery/testdata/target.sh", "dns01/testdata/zone.sh", "delivery/example/appliance.go", "dns01/example/hoster.go"},
		"api.md":       {"caller/callertest/testdata/shop/shop.go", "caller/callertest/testdata/shop/shop_test.go"},
	} {
		text, err := os.ReadFile(filepath.Join("docs", page))
		require.NoError(t, err)
		var quoted []string
		for _, block := range regexp.MustCompile("(?ms)^```[a-z]*\n(.*?)^```$").FindAllStringSubmatch(string(text), -1) {
			quoted = append(quoted, block[1])
		}
		for _, file := range files {
			content, err := os.ReadFile(filepath.Join("../../adapters", file))
			require.NoError(t, err)
			require.Contains(t, quoted, string(content), "%s does not quote %s as it is", page, file)
		}
	}
}
