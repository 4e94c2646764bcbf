package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"everleaf/adapters/configfile"
	"everleaf/app"
)

// named are the names of one kind that pages mention, and how to know that they exist.
type named struct {
	kind string
	// find finds a name, in its first group if it has one; a name that ends in "…" or "*" stands for several.
	find *regexp.Regexp
	// known are the names that exist.
	known func(*testing.T) []string
}

var kinds = []named{
	{"flag", regexp.MustCompile(`^(--[a-z][a-z0-9-]*\*?)`), knownFlags},
	{"variable", regexp.MustCompile(`\b(?:EVERLEAF|TEMPORAL)_[A-Z0-9_]*\*?`), knownVariables},
	{"metric, table or view", regexp.MustCompile(`\beverleaf_[a-z_]+…?`), knownMetrics},
	{"test", regexp.MustCompile(`\b(?:Test|Benchmark|Example|Fuzz)[A-Z]\w*…?`), knownTests},
	{"make target", regexp.MustCompile(`^make ([a-z]+)`), knownTargets},
	{"make variable", regexp.MustCompile(`\bmake [^#]*?\b([A-Z]+)=`), knownMakeVariables},
	{"alert", regexp.MustCompile(`^Everleaf[A-Z]\w+$`), knownAlerts},
}

// pattern finds go test's -run, or make's RUN, whose argument is the beginning of names.
var pattern = regexp.MustCompile(`-run |\bRUN=`)

func TestNamesExist(t *testing.T) {
	all := pages(t)
	for _, kind := range kinds {
		t.Run(kind.kind, func(t *testing.T) {
			known, mentioned := kind.known(t), 0
			for _, p := range all {
				for _, line := range p.Code() {
					for _, match := range kind.find.FindAllStringSubmatch(strings.TrimSpace(line), -1) {
						mentioned++
						name := match[len(match)-1]
						if kind.kind == "test" && pattern.MatchString(line) {
							name += "…"
						}
						assert.True(t, isKnown(known, name), "%s names the %s %s", p.Path, kind.kind, name)
					}
				}
			}
			require.NotZero(t, mentioned, "the pattern finds nothing")
		})
	}
}

func isKnown(known []string, name string) bool {
	prefix := strings.TrimRight(name, "*…")
	return slices.Contains(known, name) || prefix != name &&
		slices.ContainsFunc(known, func(one string) bool { return strings.HasPrefix(one, prefix) })
}

// knownFlags are those of our commands, and those of Temporal's CLI in the commands that pages show.
func knownFlags(t *testing.T) (all []string) {
	for _, p := range pages(t) {
		for _, line := range p.Code() {
			if strings.HasPrefix(strings.TrimSpace(line), "temporal ") {
				all = append(all, regexp.MustCompile(`--[a-z][a-z0-9-]*`).FindAllString(line, -1)...)
			}
		}
	}
	for _, command := range model(t).Model.Leaves(true) {
		for _, group := range command.AllFlags(true) {
			for _, f := range group {
				all = append(all, "--"+f.Name)
			}
		}
	}
	return all
}

// knownVariables are those of flags, those that --help mentions beside them, and those of the tests.
func knownVariables(t *testing.T) (all []string) {
	for _, s := range settings(t) {
		all = append(all, s.Envs...)
	}
	for _, name := range secretVariables {
		all = append(all, name+app.FileSuffix)
	}
	variable := regexp.MustCompile(`(EVERLEAF|TEMPORAL)_\w+\*?`)
	for _, group := range groups {
		all = append(all, variable.FindAllString(group.Description, -1)...)
	}
	for _, path := range files(t, "_test.go") {
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		all = append(all, regexp.MustCompile(`EVERLEAF_TEST_\w+`).FindAllString(string(content), -1)...)
	}
	return all
}

// knownMetrics are Everleaf's metrics with what a histogram adds, and the names in the schema.
func knownMetrics(t *testing.T) (all []string) {
	for _, metric := range ownMetrics(t) {
		all = append(all, metric[0], metric[0]+"_bucket", metric[0]+"_count")
	}
	for _, path := range files(t, ".sql") {
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		all = append(all, regexp.MustCompile(`\beverleaf_[a-z_]+`).FindAllString(string(content), -1)...)
	}
	return all
}

func knownTests(t *testing.T) (all []string) {
	for _, path := range files(t, "_test.go") {
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		declaration := regexp.MustCompile(`(?m)^func ((?:Test|Benchmark|Example|Fuzz)\w+)\(`)
		for _, match := range declaration.FindAllStringSubmatch(string(content), -1) {
			all = append(all, match[1])
		}
	}
	return all
}

func knownTargets(t *testing.T) (all []string) {
	for _, match := range regexp.MustCompile(`(?m)^([a-z]+):`).FindAllStringSubmatch(read(t, "Makefile"), -1) {
		all = append(all, match[1])
	}
	return all
}

// knownMakeVariables are those that Makefile reads, and those of the script that builds the image.
func knownMakeVariables(t *testing.T) (all []string) {
	for _, match := range regexp.MustCompile(`\$\((?:or \$\()?([A-Z]+)`).FindAllStringSubmatch(read(t, "Makefile"),
		-1) {
		all = append(all, match[1])
	}
	return all
}

func knownAlerts(t *testing.T) (all []string) {
	for _, match := range regexp.MustCompile(`alert: (\w+)`).FindAllStringSubmatch(
		read(t, "cmd/everleaf/deploy/observability/alerts.yaml"), -1) {
		all = append(all, match[1])
	}
	return append(all, "EverleafState", "EverleafIssuer", "EverleafNotAfter", "EverleafNextRenewal", "EverleafNames")
}

// What Makefile runs by name exists, too.
func TestMakefileNamesTestsThatExist(t *testing.T) {
	known := knownTests(t)
	for _, name := range regexp.MustCompile(`\bTest[A-Z]\w*`).FindAllString(read(t, "Makefile"), -1) {
		assert.True(t, isKnown(known, name+"…"), name) // a pattern of go test -run
	}
}

func TestEveryPresetIsInTheTable(t *testing.T) {
	page := read(t, "cmd/everleaf/docs/configuration.md")
	for _, preset := range configfile.Presets() {
		assert.Contains(t, page, "`"+preset+"`")
	}
}
