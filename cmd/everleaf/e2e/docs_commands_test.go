package e2e

import (
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"everleaf/cmd/everleaf/docstest"
)

// notRun are the commands that TestDocumentationRuns leaves out: the page's name or none, how they begin, and why.
var notRun = []exempt{
	{"commands.md", "", "it shows how commands are written, as TestReferenceOfCommands generates it"},
	{"", "make ", "each target builds, tests or measures for minutes, or is for a person; TestNamesExist knows them"},
	{"", "go build ", "TestMain builds the program"},
	{"", ".bin/devstack ", "TestBreakIt pastes what make run prints"},
	{"", ". <the file", "TestLocalTryOfDNS01 follows it, on a stack of its own"},
	{"", "go test", "it is what make runs"},
	{"temporal-worker.md", "temporal worker list", "the Temporal server of the tests keeps no heartbeats of workers"},
	{"", "go generate ", "it writes the pages; make verify runs it"},
	{"", "kubectl ", "it needs a cluster"},
	{"", "curl -H", "its token comes with a webhook: TestWebhooksAndPulls fetches a key so"},
	{"api.md", "temporal workflow ", "TestTemporalCLI runs them, each on what the one before left, and reads the answers"},
	{"api.md", "go mod ", "TestAnotherModuleBuildsAndTestsWithAReplace has such a module; tidy asks the module proxy"},
}

type exempt struct{ page, prefix, why string }

// has reports whether a command of a page is meant.
func (e exempt) has(page string, c command) bool {
	return strings.HasSuffix(page, e.page) && strings.HasPrefix(c.line, e.prefix)
}

var programs = regexp.MustCompile(`^(everleaf|temporal|curl|go|kubectl|make) `)

// command is one that a page shows, in a block; or in a sentence, as a mention; or what prints a text that is shown.
type command struct {
	line    string
	mention bool
	prints  string
}

// documentedPage is a page with its commands, blocks first.
type documentedPage struct {
	docstest.Page
	commands []command
}

// documented are the pages with the commands that are run of them.
func documented(t *testing.T) (all []documentedPage) {
	t.Helper()
	for _, p := range docstest.Pages(t, repository) {
		d := documentedPage{Page: p}
		for _, c := range commandsIn(p) {
			if !slices.ContainsFunc(notRun, func(one exempt) bool { return one.has(p.Path, c) }) {
				d.commands = append(d.commands, c)
			}
		}
		all = append(all, d)
	}
	return all
}

// commandsIn are all commands of a page.
func commandsIn(p docstest.Page) (all []command) {
	for _, b := range p.Blocks {
		switch {
		case !b.Fenced:
			for line := range strings.Lines(b.Text) {
				all = append(all, command{line: strings.TrimSpace(line)})
			}
		case b.Kind == "sh" && !strings.HasPrefix(b.Text, "#!"): // those are quoted from files that tests run
			all = append(all, command{line: b.Text})
		case b.Kind == "query":
			for line := range strings.Lines(b.Text) {
				all = append(all, command{line: fmt.Sprintf("temporal workflow list --query %q", strings.TrimSpace(line))})
			}
		case b.Kind == "text":
			all = append(all, command{line: b.Note, prints: b.Text})
		}
	}
	for _, span := range p.Spans {
		if programs.MatchString(span) && !strings.Contains(span, "…") {
			all = append(all, command{line: span, mention: true})
		}
	}
	return all
}

// What is left out is on a page, and where another test is to run it, that test is there.
func TestWhatIsNotRunHasAReason(t *testing.T) {
	t.Parallel()
	ran := 0
	for _, p := range documented(t) {
		ran += len(p.commands)
	}
	require.Greater(t, ran, 60)
	tests, err := exec.Command("grep", "-rhoE", "--include=*_test.go", `^func Test\w+`, repository).Output()
	require.NoError(t, err)
	for _, one := range notRun {
		found := false
		for _, p := range docstest.Pages(t, repository) {
			found = found || slices.ContainsFunc(commandsIn(p), func(c command) bool { return one.has(p.Path, c) })
		}
		assert.True(t, found, "no page has %q any more: take it off the list", one.prefix)
		for _, name := range regexp.MustCompile(`\bTest\w+`).FindAllString(one.why, -1) {
			assert.Contains(t, strings.Split(string(tests), "\n"), "func "+name)
		}
	}
}
