package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"everleaf/cmd/everleaf/docstest"
)

func TestEveryPageIsLinked(t *testing.T) {
	links := map[string][]string{}
	for _, p := range pages(t) {
		for _, link := range p.Links {
			path, _, _ := strings.Cut(link, "#")
			links[p.Path] = append(links[p.Path], filepath.Join(filepath.Dir(p.Path), path))
		}
	}
	reached, ahead := map[string]bool{"README.md": true}, []string{"README.md"}
	for len(ahead) > 0 {
		for _, to := range links[ahead[0]] {
			if !reached[to] {
				reached[to], ahead = true, append(ahead, to)
			}
		}
		ahead = ahead[1:]
	}
	for _, p := range pages(t) {
		assert.True(t, reached[p.Path], "no way leads from README to %s", p.Path)
	}
}

func TestLinksLeadSomewhere(t *testing.T) {
	anchors := map[string][]string{}
	for _, p := range pages(t) {
		anchors[p.Path] = p.Anchors
	}
	for _, p := range pages(t) {
		for _, link := range p.Links {
			if strings.Contains(link, "://") {
				continue // tests need no internet
			}
			path, to, _ := strings.Cut(link, "#")
			target := p.Path
			if path != "" {
				target = filepath.Join(filepath.Dir(p.Path), path)
			}
			_, err := os.Stat(filepath.Join(repository, target))
			assert.NoError(t, err, "%s links to %s", p.Path, link)
			assert.True(t, to == "" || slices.Contains(anchors[target], to), "%s links to %s: there is no such heading",
				p.Path, link)
		}
	}
}

var (
	// filePath is a path with a folder in it, which may have alternatives and placeholders: adapters/{a,b}/<step>.go.
	filePath = regexp.MustCompile(`^\.?[a-z][\w.-]*/[\w.{},<>/-]*$`)
	// fileName is the bare name of a file of ours.
	fileName = regexp.MustCompile(`^[\w-]+\.(go|md|sh)$`)
	// rootPath is a path in a code block.
	rootPath    = regexp.MustCompile(`\b(?:cmd|domain|ports|adapters|app|migrations|mocks)/[\w./-]*\w`)
	alternative = regexp.MustCompile(`\{([^}]*)\}`)
	placeholder = regexp.MustCompile(`<[^>]*>`)
)

// A path is relative to the page, or to one of these.
var roots = []string{".", "cmd/everleaf", "cmd/everleaf/deploy", "cmd/everleaf/deploy/kustomize"}

func TestFilesExist(t *testing.T) {
	names := map[string]bool{}
	for _, path := range files(t, "") {
		names[filepath.Base(path)] = true
	}
	for _, p := range pages(t) {
		for _, b := range p.Blocks {
			for _, path := range rootPath.FindAllString(b.Text, -1) {
				assert.True(t, exists(p, path), "%s names the path %s", p.Path, path)
			}
		}
		for _, span := range p.Spans {
			switch {
			case fileName.MatchString(span):
				assert.True(t, names[span], "%s names the file %s", p.Path, span)
			case filePath.MatchString(span) && ours(p, span):
				for _, path := range spelledOut(span) {
					assert.True(t, exists(p, path), "%s names the path %s", p.Path, span)
				}
			}
		}
	}
}

// ours reports whether a path begins with a folder of ours; others, such as a URL's, are not looked at.
func ours(p docstest.Page, path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return first != ".bin" && exists(p, first) // what is built or written there need not be
}

func exists(p docstest.Page, path string) bool {
	return slices.ContainsFunc(append(roots, filepath.Dir(p.Path)), func(root string) bool {
		found, err := filepath.Glob(filepath.Join(repository, root, path))
		return err == nil && len(found) > 0
	})
}

// spelledOut has each alternative of a path.
func spelledOut(path string) (all []string) {
	path = placeholder.ReplaceAllString(path, "*")
	at := alternative.FindStringSubmatchIndex(path)
	if at == nil {
		return []string{path}
	}
	for one := range strings.SplitSeq(path[at[2]:at[3]], ",") {
		all = append(all, spelledOut(path[:at[0]]+one+path[at[1]:])...)
	}
	return all
}

// files are the paths of all files of the repository with this ending.
func files(t *testing.T, ending string) (all []string) {
	t.Helper()
	assert.NoError(t, filepath.WalkDir(repository, func(path string, entry os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == ".git" || entry.Name() == ".bin"):
			return filepath.SkipDir
		case !entry.IsDir() && strings.HasSuffix(path, ending):
			all = append(all, path)
		}
		return nil
	}))
	return all
}
