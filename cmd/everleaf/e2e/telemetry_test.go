package e2e

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"everleaf/adapters/acme/acmetest"
	"everleaf/adapters/telemetry/telemetrytest"
	"everleaf/app/lifecycle"
	"everleaf/ports"
)

// What happens to a certificate is reported three times: by one trace from the caller down to SQL and CA, by log lines
// that carry its ids, and by every metric that the alerts and the dashboard ask for. The receiver stands in for a
// collector. A certificate is issued, renewed by its timer and by a caller, and another fails.
func TestTelemetryTellsTheStory(t *testing.T) {
	t.Parallel()
	// A certificate that is not renewed in less than 40 s, unless the CA asks for it: then after 20 s.
	s := newStackWith(t, acmetest.Profile{Description: "two minutes", ValidityPeriod: 120})
	receiver := telemetrytest.Start(t)
	for name, value := range map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.GRPC, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
		"EVERLEAF_LOG_FORMAT":           "json",
		"EVERLEAF_FLEET_STATS_INTERVAL": "1s",
	} {
		s.set(name, value)
	}
	w := s.worker()
	s.must("cert", "ensure", s.name, "--name", "watched.example.test")
	s.must("cert", "renew", s.name)
	s.must("cert", "renew", s.name)
	// With the fourth certificate, the run is long enough to continue as new when the timer wakes it.
	s.renewsSoon(1)
	s.must("cert", "renew", s.name)
	s.eventually("the renewal by its timer", func() bool { return s.scalar(`SELECT count(*) FROM versions`) > 4 })
	s.proxy.on(&rule{path: pathFinalize, left: -1, instead: problem(403, "rejectedIdentifier", "not today")})
	s.cli("cert", "ensure", s.name+"-failing", "--name", "failing.example.test").exits(t, 1)
	s.exports(s.opsURL()+"/metrics", metricNames(t))
	w.stop() // which sends the last spans

	got := traces{t: t, spans: receiver.Spans()}
	first := got.root("UpdateWithStartWorkflow:Ensure", ports.WorkflowID(s.name))
	got.requirePath(first, "SELECT", "RunActivity:ReserveOrder", "StartActivity:ReserveOrder",
		"RunWorkflow:Certificate")
	got.requirePath(first, "HTTP POST 127.0.0.1", "RunActivity:ObtainCertificate", "StartActivity:ObtainCertificate",
		"RunWorkflow:Certificate")
	got.requirePath(first, "HTTP GET watched.example.test",
		"RunActivity:ObtainCertificate", "StartActivity:ObtainCertificate", "RunWorkflow:Certificate")
	got.requirePath(first, "HandleUpdate:Ensure")
	byCaller := got.last("UpdateWorkflow:Renew", ports.WorkflowID(s.name))
	got.requirePath(byCaller, "HTTP POST 127.0.0.1", "RunActivity:ObtainCertificate",
		"StartActivity:ObtainCertificate", "RunWorkflow:Certificate")
	got.requireRenewalOfItsOwn(byCaller)
	got.requireNoSecrets(s)
	s.requireLines(first.TraceID)
	require.Regexp(t, `"level":"WARN","msg":"attempt failed",.*"certificate":"`+s.name+
		`-failing",.*"reason":"NameRejected"`, s.log.String())
	s.requireReplayWithoutTraces()
}

// traces are what the receiver got.
type traces struct {
	t     *testing.T
	spans []telemetrytest.Span
}

// root is the caller's own span.
func (s traces) root(name, workflowID string) telemetrytest.Span {
	s.t.Helper()
	return s.roots(name, workflowID)[0]
}

// last is the span of the last of several callers.
func (s traces) last(name, workflowID string) telemetrytest.Span {
	s.t.Helper()
	all := s.roots(name, workflowID)
	return all[len(all)-1]
}

func (s traces) roots(name, workflowID string) (found []telemetrytest.Span) {
	s.t.Helper()
	for _, span := range s.spans {
		if span.Name == name && span.Attributes["temporalWorkflowID"] == workflowID {
			require.Empty(s.t, span.ParentID, "the caller's span begins the trace")
			require.Equal(s.t, "everleaf", span.Service)
			found = append(found, span)
		}
	}
	require.NotEmpty(s.t, found, "spans %s of %s", name, workflowID)
	return found
}

// requirePath wants a span of the first name, with the server of a request, whose ancestors are the others, up to root.
func (s traces) requirePath(root telemetrytest.Span, names ...string) {
	s.t.Helper()
	byID := map[string]telemetrytest.Span{}
	for _, span := range s.spans {
		byID[span.SpanID] = span
	}
	names = append(names, root.Name)
	for _, span := range s.spans {
		var path []string
		at, ok := span, true
		for ; ok; at, ok = byID[at.ParentID] {
			path = append(path, strings.TrimSpace(at.Name+" "+at.Attributes["server.address"]))
		}
		if span.TraceID == root.TraceID && strings.Join(path, " < ") == strings.Join(names, " < ") {
			return
		}
	}
	require.Failf(s.t, "no such path in the trace", "%s", strings.Join(names, " < "))
}

// requireRenewalOfItsOwn: what a timer begins, years after the caller, is its own trace that links to the one before.
func (s traces) requireRenewalOfItsOwn(before telemetrytest.Span) {
	s.t.Helper()
	for _, span := range s.spans {
		if span.Name == "RunWorkflow:Certificate" && span.ParentID == "" && len(span.Links) == 1 &&
			span.Links[0] == before.TraceID {
			require.NotEqual(s.t, before.TraceID, span.TraceID)
			s.requirePath(span, "RunActivity:ObtainCertificate", "StartActivity:ObtainCertificate")
			return
		}
	}
	require.Fail(s.t, "no run links to the first trace")
}

// requireNoSecrets looks through all that was sent.
func (s traces) requireNoSecrets(stack *stack) {
	s.t.Helper()
	sealingKey, err := os.ReadFile(stack.sealing)
	require.NoError(s.t, err)
	needles := append(stack.sealedKeys(), strings.TrimSpace(string(sealingKey)), "PRIVATE KEY")
	for _, span := range s.spans {
		all := []map[string]string{span.Attributes, {"name": span.Name, "error": span.Error}}
		for _, attributes := range append(all, span.Events...) {
			for key, value := range attributes {
				require.NotContains(s.t, key, "parameters", "arguments of SQL")
				require.NotContains(s.t, key, "header")
				for _, needle := range needles {
					require.NotContains(s.t, value, needle, "%s of %s", key, span.Name)
				}
			}
		}
		require.NotContains(s.t, span.Attributes["url.full"], "?")
	}
}

// requireLines looks for lines of an adapter, of a step and of the workflow, all with their ids.
func (s *stack) requireLines(traceID string) {
	s.t.Helper()
	for _, message := range []string{"account registered", "certificate in service"} {
		found := false
		for line := range strings.Lines(s.log.String()) {
			var fields map[string]any
			if json.Unmarshal([]byte(line), &fields) != nil || fields["msg"] != message ||
				fields["trace_id"] != traceID {
				continue
			}
			found = true
			require.Equal(s.t, s.name, fields["certificate"], line)
			require.Equal(s.t, ports.WorkflowID(s.name), fields["WorkflowID"], line)
			require.NotEmpty(s.t, fields["RunID"], line)
			require.NotEmpty(s.t, fields["span_id"], line)
			require.Equal(s.t, 1, strings.Count(line, `"certificate":`), line)
		}
		require.True(s.t, found, "no line %q in the trace; log:\n%s", message, s.log)
	}
}

// requireReplayWithoutTraces: traces may be turned off at any time.
func (s *stack) requireReplayWithoutTraces() {
	s.t.Helper()
	for _, run := range s.runs(s.name) {
		replayer, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{DisableRegistrationAliasing: true})
		require.NoError(s.t, err)
		lifecycle.Register(replayer)
		require.NoError(s.t, replayer.ReplayWorkflowHistoryWithOptions(sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)), run,
			worker.ReplayWorkflowHistoryOptions{OriginalExecution: workflow.Execution{ID: ports.WorkflowID(s.name)}}))
	}
}

// metricName finds a metric in PromQL. That no other kind of name is in there is what devstack's test of the same files
// makes sure of, with Prometheus' own parser.
var metricName = regexp.MustCompile(`\b(everleaf|temporal|go|process)_[a-z0-9_]+\b`)

// metricNames are those that the alerts and the dashboard ask for.
func metricNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for _, file := range []string{"alerts.yaml", "dashboard.json"} {
		text, err := os.ReadFile(filepath.Join("..", "deploy", "observability", file))
		require.NoError(t, err)
		for _, name := range metricName.FindAllString(string(text), -1) {
			names[name] = true
		}
	}
	require.Greater(t, len(names), 20)
	return names
}

// exports waits until a scrape answers every one of the names.
func (s *stack) exports(url string, names map[string]bool) {
	s.t.Helper()
	var missing []string
	defer func() {
		if s.t.Failed() {
			s.t.Logf("not exported: %v", missing)
		}
	}()
	s.eventually("every metric", func() bool {
		answer, err := http.Get(url)
		require.NoError(s.t, err)
		defer answer.Body.Close()
		parser := expfmt.NewTextParser(model.LegacyValidation)
		families, err := parser.TextToMetricFamilies(answer.Body)
		require.NoError(s.t, err)
		exported := map[string]bool{}
		for name, family := range families {
			exported[name] = true
			if family.GetType().String() == "HISTOGRAM" {
				exported[name+"_bucket"], exported[name+"_sum"], exported[name+"_count"] = true, true, true
			}
		}
		missing = nil
		for name := range names {
			if !exported[name] {
				missing = append(missing, name)
			}
		}
		return len(missing) == 0
	})
}
