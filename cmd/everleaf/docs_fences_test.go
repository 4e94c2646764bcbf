package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"everleaf/cmd/everleaf/docstest"
)

// fences are the kinds of fences, with what is done with each. "sh", "text" and "query" are run in e2e, "sql" is prepared
// there. "history" is generated. Kustomizations are built in cmd/devstack.
var fences = map[string]func(*testing.T, docstest.Page, docstest.Block){
	"sh": nil, "text": nil, "query": nil, "sql": nil, "history": nil,
	"go": compiles, "json": fits, "mermaid": draws,
	"yaml": func(t *testing.T, p docstest.Page, b docstest.Block) {
		_, err := yaml.YAMLToJSONStrict([]byte(b.Text))
		assert.NoError(t, err, "%s:\n%s", p.Path, b.Text)
	},
	"zone": func(t *testing.T, p docstest.Page, b docstest.Block) {
		zone := dns.NewZoneParser(strings.NewReader(b.Text), ".", "")
		zone.SetDefaultTTL(1)
		for _, ok := zone.Next(); ok; _, ok = zone.Next() {
		}
		assert.NoError(t, zone.Err(), "%s:\n%s", p.Path, b.Text)
	},
}

// Every fence has a kind, and what it shows is right for its kind. A block that is only indented has commands.
func TestSnippetsWork(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range pages(t) {
		for _, b := range p.Blocks {
			if !b.Fenced {
				continue
			}
			work, known := fences[b.Kind]
			if !assert.True(t, known, "%s: the kind of a fence is one of %v, not %q:\n%s", p.Path,
				slices.Sorted(maps.Keys(fences)), b.Kind, b.Text) {
				continue
			}
			assert.True(t, b.Kind != "text" || b.Note != "", "%s: say behind \"text\" what prints it:\n%s", p.Path, b.Text)
			seen[b.Kind] = true
			if work != nil {
				work(t, p, b)
			}
		}
	}
	require.Len(t, seen, len(fences), "a kind that no page has is taken off the list")
}

// compiles builds a snippet as a package of this module. "…" stands for what the page leaves out. A whole file is quoted
// from one that is built anyway: TestPagesQuoteWhatIsTested.
func compiles(t *testing.T, p docstest.Page, b docstest.Block) {
	t.Helper()
	if strings.Contains("\n"+b.Text, "\npackage ") {
		return
	}
	folder := t.TempDir()
	file, overlay := filepath.Join(folder, "snippet.go"), filepath.Join(folder, "overlay.json")
	require.NoError(t, os.WriteFile(file, []byte(whole(b.Text)), 0o600))
	here, err := filepath.Abs("snippet/snippet.go")
	require.NoError(t, err)
	replace, err := json.Marshal(map[string]any{"Replace": map[string]string{here: file}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(overlay, replace, 0o600))
	out, err := exec.CommandContext(t.Context(), "go", "build", "-overlay", overlay, "./snippet").CombinedOutput()
	assert.NoError(t, err, "%s:\n%s%s", p.Path, whole(b.Text), out)
}

// whole makes a file of statements: with the imports that they need, with what the text around them has introduced as
// parameters, and with a use of what they assign.
func whole(statements string) string {
	statements = strings.ReplaceAll(statements, "…", "")
	paths := map[string]string{"caller": "everleaf/adapters/caller", "workflow": "go.temporal.io/sdk/workflow",
		"client": "go.temporal.io/sdk/client", "errors": "errors", "context": "context",
		"os": "os"}
	parameters := "ctx context.Context, c client.Client"
	if strings.Contains(statements, "workflow.") {
		parameters = "ctx workflow.Context, options workflow.NexusOperationOptions"
	}
	var file strings.Builder
	file.WriteString("package snippet\n\n")
	for name, path := range paths {
		if strings.Contains(statements+parameters, name+".") {
			fmt.Fprintf(&file, "import %q\n", path)
		}
	}
	fmt.Fprintf(&file, "\nfunc _(%s) {\n%s\n", parameters, statements)
	for _, assigned := range regexp.MustCompile(`(?m)^(\w+(?:, \w+)*) :=`).FindAllStringSubmatch(statements, -1) {
		for name := range strings.SplitSeq(assigned[1], ", ") {
			fmt.Fprintf(&file, "_ = %s\n", name)
		}
	}
	file.WriteString("}\n")
	return file.String()
}

// draws reports names of phases in a diagram that there are not.
func draws(t *testing.T, p docstest.Page, b docstest.Block) {
	t.Helper()
	if !strings.HasPrefix(b.Text, "stateDiagram") {
		assert.Regexp(t, `^(flowchart|timeline|gantt|sequenceDiagram)\b`, b.Text, p.Path)
		return
	}
	phases := constantsOf(t, "everleaf/domain", prefixed("Phase"))[0].rows
	for _, name := range regexp.MustCompile(`[A-Z]\w+ -->|--> [A-Z]\w+`).FindAllString(b.Text, -1) {
		name = "`" + strings.Trim(name, "-> ") + "`"
		assert.True(t, slices.ContainsFunc(phases, func(row []string) bool { return row[0] == name }), "%s draws %s",
			p.Path, name)
	}
}
