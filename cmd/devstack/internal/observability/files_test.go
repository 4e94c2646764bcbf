package observability

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// known is what the end-to-end test looks for in these files: a metric that it did not recognize would go unchecked.
var known = regexp.MustCompile(`^(everleaf|temporal|go|process)_[a-z0-9_]+$`)

func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "everleaf", "deploy", "observability", name))
	require.NoError(t, err)
	return text
}

var promQL = parser.NewParser(parser.Options{})

// requireQuery parses PromQL; every metric must be named outright and be known, and be Everleaf's alone: by its name,
// or by a join where other programs export the same.
func requireQuery(t *testing.T, query string) {
	t.Helper()
	parsed, err := promQL.ParseExpr(query)
	require.NoError(t, err, query)
	metrics := 0
	parser.Inspect(parsed, func(node parser.Node, above []parser.Node) error {
		selector, ok := node.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		metrics++
		require.Regexp(t, known, selector.Name, query)
		require.True(t, strings.HasPrefix(selector.Name, "everleaf_") || slices.ContainsFunc(above, keepsEverleaf),
			"%s counts other programs' %s", query, selector.Name)
		for _, matcher := range selector.LabelMatchers {
			require.True(t, matcher.Name != model.MetricNameLabel || matcher.Type == labels.MatchEqual, query)
		}
		return nil
	})
	require.NotZero(t, metrics, query)
}

// keepsEverleaf reports whether node keeps only what Everleaf's processes export.
func keepsEverleaf(node parser.Node) bool {
	both, ok := node.(*parser.BinaryExpr)
	if !ok || both.Op != parser.LAND || !both.VectorMatching.On ||
		!slices.Equal(both.VectorMatching.MatchingLabels, []string{"job", "instance"}) {
		return false
	}
	by, ok := both.RHS.(*parser.VectorSelector)
	return ok && by.Name == "everleaf_build_info"
}

type rule struct {
	Alert, Expr, For    string
	Labels, Annotations map[string]string
}

// alerts are the rules by their names.
func alerts(t *testing.T) map[string]rule {
	t.Helper()
	var file struct {
		Groups []struct{ Rules []rule }
	}
	require.NoError(t, yaml.Unmarshal(read(t, "alerts.yaml"), &file))
	all := map[string]rule{}
	for _, group := range file.Groups {
		for _, r := range group.Rules {
			require.NotContains(t, all, r.Alert, "it is there twice")
			all[r.Alert] = r
		}
	}
	return all
}

func TestAlerts(t *testing.T) {
	t.Parallel()
	all := alerts(t)
	for name, rule := range all {
		require.Regexp(t, `^Everleaf[A-Z][A-Za-z]+$`, name)
		requireQuery(t, rule.Expr)
		require.Contains(t, []string{"page", "ticket"}, rule.Labels["severity"], name)
		require.NotEmpty(t, rule.Annotations["summary"], name)
		require.Greater(t, len(rule.Annotations["description"]), 50, "%s does not say what to do", name)
	}
	// An alert that a text refers to must be there.
	for _, name := range regexp.MustCompile(`Everleaf[A-Z][A-Za-z]+`).FindAllString(string(read(t, "alerts.yaml")),
		-1) {
		require.Contains(t, all, name)
	}
}

// What an alert has its reader look for in the log is what a worker logs of a failure; and what would keep a retired
// certificate in service again is not advised without saying so.
func TestAlertsAboutFailures(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("../../../../adapters/activities/issuing/record_failure.go")
	require.NoError(t, err)
	lines := regexp.MustCompile(`"([a-z]+ failed)"`)
	logged := lines.FindAllString(string(source), -1)
	require.Contains(t, logged, `"removal failed"`)
	all := alerts(t)
	for name, rule := range all {
		text := rule.Annotations["description"]
		require.Subset(t, logged, lines.FindAllString(text, -1), name)
		if regexp.MustCompile(`cert (ensure|change)`).MatchString(text) {
			require.Contains(t, text, "Retiring", name)
		}
	}
	require.Contains(t, all["EverleafTargetRefuses"].Annotations["description"], "removal failed")
}

func TestDashboard(t *testing.T) {
	t.Parallel()
	type source struct{ Type, UID string }
	var board struct {
		Title, UID string
		Templating struct {
			List []struct{ Name, Type, Query any }
		}
		Panels []struct {
			ID                       int
			Title, Type, Description string
			Datasource               source
			GridPos                  struct{ X, Y, W, H int }
			Targets                  []struct {
				Expr       string
				Datasource source
			}
		}
	}
	require.NoError(t, json.Unmarshal(read(t, "dashboard.json"), &board))
	require.Equal(t, "everleaf", board.UID)
	require.Equal(t, "datasource", board.Templating.List[0].Type, "who imports it chooses the data source")
	ids, cells := map[int]bool{}, map[[2]int]string{}
	for _, panel := range board.Panels {
		require.False(t, ids[panel.ID], panel.Title)
		ids[panel.ID] = true
		require.Equal(t, source{"prometheus", "${datasource}"}, panel.Datasource, panel.Title)
		require.NotEmpty(t, panel.Targets, panel.Title)
		for _, target := range panel.Targets {
			require.Equal(t, "${datasource}", target.Datasource.UID, panel.Title)
			// Grafana fills its variables in before Prometheus sees the query.
			requireQuery(t, strings.NewReplacer("$__rate_interval", "5m", "$issuer", ".*", "$job",
				".*").Replace(target.Expr))
		}
		require.LessOrEqual(t, panel.GridPos.X+panel.GridPos.W, 24, panel.Title)
		for x := panel.GridPos.X; x < panel.GridPos.X+panel.GridPos.W; x++ {
			for y := panel.GridPos.Y; y < panel.GridPos.Y+panel.GridPos.H; y++ {
				require.Empty(t, cells[[2]int{x, y}], "%s lies on another panel", panel.Title)
				cells[[2]int{x, y}] = panel.Title
			}
		}
	}
}
