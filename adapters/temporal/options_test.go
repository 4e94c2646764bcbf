package temporal

import (
	"context"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"
)

const optionsPage = "../../cmd/everleaf/docs/temporal-worker.md"

// The page on the SDK's options names each of them once, and says of each the truth: whether we pass a value.
func TestPageOnTheSDKsOptions(t *testing.T) {
	workers := passedToWorkers(t)
	var deployments, pollers, connections, limits []any
	for _, w := range workers {
		deployments = append(deployments, w.(worker.Options).DeploymentOptions)
	}
	pollers = []any{pollerOptions(20)}
	clients := passedToClients(t)
	for _, c := range clients {
		connections = append(connections, c.(client.Options).ConnectionOptions)
		limits = append(limits, c.(client.Options).PayloadLimits)
	}
	tables := tablesOf(t, optionsPage)
	for _, s := range []struct {
		title  string
		passed []any
	}{
		{"worker.Options", workers},
		{"worker.DeploymentOptions", deployments},
		{"worker.PollerBehaviorAutoscalingOptions", pollers},
		{"client.Options", clients},
		{"client.ConnectionOptions", connections},
		{"client.PayloadLimitOptions", limits},
	} {
		t.Run(s.title, func(t *testing.T) {
			page := tables[s.title]
			require.NotEmpty(t, page, "the page has no table of it")
			for _, field := range reflect.VisibleFields(reflect.TypeOf(s.passed[0])) {
				if !field.IsExported() {
					continue
				}
				says, there := page[field.Name]
				delete(page, field.Name)
				if !there {
					t.Errorf("the page has no line on %s", field.Name)
					continue
				}
				passed := false
				for _, options := range s.passed {
					passed = passed || !reflect.ValueOf(options).FieldByIndex(field.Index).IsZero()
				}
				verdict, _, _ := strings.Cut(says, ":")
				switch {
				case verdict != "Setting" && verdict != "Set" && verdict != "Default":
					t.Errorf("%s is %q: begin with Setting, Set or Default", field.Name, says)
				case passed != (verdict != "Default"):
					t.Errorf("the page says %q of %s, and we pass a value: %t", says, field.Name, passed)
				}
			}
			require.Empty(t, page, "the page names what the SDK does not have")
		})
		delete(tables, s.title)
	}
	require.Empty(t, tables, "tables of structs that this test does not know")
}

// passedToWorkers are options with everything turned on: slots exclude a tuner.
func passedToWorkers(t *testing.T) []any {
	t.Helper()
	tuner, err := NewTuner(0.8, 0.9, quiet())
	require.NoError(t, err)
	all := WorkerOptions{Role: "workflows", TaskQueue: "q", MaxPollers: 20,
		Slots:      Slots{Workflow: 2, LocalActivity: 1, Activity: 1, Nexus: 1},
		Versioning: Versioning{Enabled: true, Deployment: "everleaf", BuildID: "1"}, Drain: time.Second,
		Release: time.Second}
	fixed := all.sdk(context.Background(), func(error) {})
	all.Tuner = tuner
	return []any{fixed, all.sdk(context.Background(), func(error) {})}
}

// passedToClients are options with every setting given: TLS is on or off. Package app adds metrics and interceptors.
func passedToClients(t *testing.T) (all []any) {
	t.Helper()
	t.Setenv("TEMPORAL_GRPC_META_X_TEST", "1")
	for _, tls := range []string{"true", "false"} {
		options, err := Options(Settings{Address: "127.0.0.1:1", Namespace: "n", APIKey: "k", Authority: "a", TLS: tls})
		require.NoError(t, err)
		options.MetricsHandler = client.MetricsNopHandler
		options.Interceptors = []interceptor.ClientInterceptor{&interceptor.ClientInterceptorBase{}}
		all = append(all, Config{Client: options}.sdk(quiet()))
	}
	return all
}

var (
	heading = regexp.MustCompile(`^## (\w+\.\w+)$`)
	row     = regexp.MustCompile(`^\| (\w+) \| ([^|]+) \| [^|]+ \|$`)
)

// tablesOf gives, for each heading that is a type of the SDK, what the page says of each option.
func tablesOf(t *testing.T, path string) map[string]map[string]string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	tables, title := map[string]map[string]string{}, ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		switch match := row.FindStringSubmatch(line); {
		case strings.HasPrefix(line, "## "):
			title = line
			if named := heading.FindStringSubmatch(line); named != nil {
				title = named[1]
				tables[title] = map[string]string{}
			}
		case tables[title] == nil: // a table of something else
		case !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|---") || strings.HasPrefix(line, "| Option "):
		case match == nil:
			t.Errorf("a line of a table that cannot be read: %s", line)
		default:
			require.NotContains(t, tables[title], match[1], "twice")
			tables[title][match[1]] = match[2]
		}
	}
	return tables
}
