package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/cmd/everleaf/docstest"
)

// The documentation is held against the code: what a page names must exist, and what it shows must work. The files
// docs_*_test.go have a test for each kind of thing that a page can name or show. Commands are run, and SQL is prepared,
// in e2e.

// repository is the root, from here.
const repository = "../.."

// pages are all pages of the documentation.
func pages(t *testing.T) []docstest.Page {
	t.Helper()
	return docstest.Pages(t, repository)
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
