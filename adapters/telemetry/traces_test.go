package telemetry

import (
	"bytes"
	"context"
	"crypto/x509"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"

	"everleaf/adapters/telemetry/telemetrytest"
	"everleaf/domain"
)

// traced is set up by variables, as a process is.
func traced(t *testing.T, variables ...string) (*Traces, error) {
	t.Helper()
	for _, name := range []string{
		"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_PROTOCOL",
		"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER", "OTEL_SERVICE_NAME",
		"OTEL_TRACES_SAMPLER",
		"OTEL_TRACES_SAMPLER_ARG",
	} {
		t.Setenv(name, "")
	}
	for i := 0; i < len(variables); i += 2 {
		t.Setenv(variables[i], variables[i+1])
	}
	return NewTraces(t.Context(), silent)
}

func TestWithoutAnEndpointNothingIsTraced(t *testing.T) {
	for title, variables := range map[string][]string{
		"no endpoint": nil,
		"disabled":    {"OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1", "OTEL_SDK_DISABLED", "true"},
		"no exporter": {"OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1", "OTEL_TRACES_EXPORTER", "none"},
	} {
		t.Run(title, func(t *testing.T) {
			traces, err := traced(t, variables...)
			require.NoError(t, err)
			interceptors, err := traces.Interceptors()
			require.NoError(t, err)
			require.Empty(t, interceptors)
			require.True(t, traces.Database() == nil)
			require.Same(t, http.DefaultTransport, traces.Transport(http.DefaultTransport))
			require.NoError(t, traces.Shutdown(t.Context()))
		})
	}
}

func TestAnUnknownProtocolIsRefusedByName(t *testing.T) {
	_, err := traced(t, "OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")
	require.EqualValues(t, "InvalidSetting", domain.AsFault(err).Reason)
	require.ErrorContains(t, err, `OTEL_EXPORTER_OTLP_PROTOCOL "http/json"`)
	require.ErrorContains(t, err, "grpc")
}

func TestVariablesThatTheSDKWouldPassOverAreRefusedByName(t *testing.T) {
	const endpoint, sampler, argument = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG"
	for _, c := range []struct {
		variables []string
		says      string // empty where they are fine
	}{
		{[]string{endpoint, "127.0.0.1:4318"}, endpoint + ` "127.0.0.1:4318" cannot work: use an http or https URL`},
		{[]string{endpoint, "collector:4318"}, endpoint + ` "collector:4318"`},
		{[]string{endpoint, "http://"}, endpoint},
		{[]string{endpoint, "unix:///tmp/x"}, endpoint},
		{[]string{endpoint, "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "localhost"},
			"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT \"localhost\""},
		{[]string{endpoint, "http://127.0.0.1:1", sampler, "foo"},
			sampler + ` "foo" cannot work: use one of always_on,`},
		{[]string{endpoint, "http://127.0.0.1:1", sampler, "traceidratio", argument, "2"}, argument + ` "2"`},
		{[]string{endpoint, "http://127.0.0.1:1", sampler, " Parentbased_TraceIDRatio", argument, "0.5"}, ""},
		{[]string{endpoint, "unix:///tmp/x", "OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"}, ""},
		// The SDK trims, and leaves to gRPC what is no http or https URL.
		{[]string{endpoint, " http://127.0.0.1:1\n"}, ""},
		{[]string{endpoint, " "}, ""},
		{[]string{endpoint, "localhost:4317", "OTEL_EXPORTER_OTLP_PROTOCOL", " grpc"}, ""},
		{[]string{endpoint, "dns:///localhost:4317", "OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"}, ""},
		{[]string{endpoint, "127.0.0.1:4317", "OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"}, endpoint},
		{[]string{endpoint, "http://", "OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"}, endpoint},
	} {
		traces, err := traced(t, c.variables...)
		if c.says == "" {
			require.NoError(t, err, c.variables)
			require.NoError(t, traces.Shutdown(t.Context()))
			continue
		}
		require.ErrorContains(t, err, c.says)
		require.EqualValues(t, "InvalidSetting", domain.AsFault(err).Reason)
	}
}

// The SDK's own lines would be of another format than ours.
func TestTheSDKsOwnLinesAreOurs(t *testing.T) {
	var logged bytes.Buffer
	t.Setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "soon")
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	traces, err := NewTraces(t.Context(), slog.New(slog.NewTextHandler(&logged, nil)))
	require.NoError(t, err)
	require.NoError(t, traces.Shutdown(t.Context()))
	require.Contains(t, logged.String(), "level=ERROR")
	require.Contains(t, logged.String(), "soon")
}

func TestSpansArriveByBothProtocols(t *testing.T) {
	for protocol, endpoint := range map[string]func(*telemetrytest.Receiver) string{
		"grpc":          func(r *telemetrytest.Receiver) string { return r.GRPC },
		"http/protobuf": func(r *telemetrytest.Receiver) string { return r.HTTP },
	} {
		for service, want := range map[string]string{"": "everleaf", "tls": "tls"} {
			t.Run(protocol+" "+want, func(t *testing.T) {
				receiver := telemetrytest.Start(t)
				traces, err := traced(t, "OTEL_EXPORTER_OTLP_ENDPOINT", endpoint(receiver),
					"OTEL_EXPORTER_OTLP_PROTOCOL", protocol,
					"OTEL_SERVICE_NAME", service)
				require.NoError(t, err)
				_, span := traces.provider.Tracer("test").Start(t.Context(), "hello")
				span.End()
				require.NoError(t, traces.Shutdown(t.Context()))
				require.Len(t, receiver.Spans(), 1, "shutdown sends what is left")
				require.Equal(t, want, receiver.Spans()[0].Service)
			})
		}
	}
}

// The CA sees nothing of our traces, and a span nothing of a query.
func TestRequestsAreTracedInsideATraceOnly(t *testing.T) {
	receiver := telemetrytest.Start(t)
	traces, err := traced(t, "OTEL_EXPORTER_OTLP_ENDPOINT", receiver.HTTP)
	require.NoError(t, err)
	var seen []http.Header
	ca := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Header)
		w.Header().Set("Replay-Nonce", "nonce-1")
	}))
	defer ca.Close()
	roots := x509.NewCertPool()
	roots.AddCert(ca.Certificate())
	client := &http.Client{Transport: traces.Transport(ca.Client().Transport)}
	get := func(ctx context.Context) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, ca.URL+"/order/1?token=hunter2", nil)
		require.NoError(t, err)
		response, err := client.Do(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
	}
	get(t.Context())
	ctx, span := traces.provider.Tracer("test").Start(t.Context(), "step")
	get(ctx)
	span.End()
	require.NoError(t, traces.Shutdown(t.Context()))

	spans := receiver.Spans()
	require.Len(t, spans, 2, "the request without a trace has no span")
	require.Equal(t, ca.URL+"/order/1", spans[0].Attributes["url.full"])
	require.Equal(t, spans[1].SpanID, spans[0].ParentID)
	for name, value := range spans[0].Attributes {
		require.NotContains(t, value, "hunter2", name)
		require.NotContains(t, value, "nonce-1", name)
	}
	for _, header := range seen {
		require.Empty(t, header.Get("Traceparent"))
		require.Empty(t, header.Get("Baggage"))
	}
}

// One look at a step's line says whose it is, once.
func TestLinesSayWhoseTheyAre(t *testing.T) {
	receiver := telemetrytest.Start(t)
	traces, err := traced(t, "OTEL_EXPORTER_OTLP_ENDPOINT", receiver.HTTP)
	require.NoError(t, err)
	var out bytes.Buffer
	logger := slog.New(NewLogHandler(slog.NewTextHandler(&out, nil)))
	line := func(log func()) string {
		out.Reset()
		log()
		return strings.TrimSpace(out.String())
	}
	spanned, span := traces.provider.Tracer("test").Start(t.Context(), "step")
	defer span.End()
	ids := "trace_id=" + span.SpanContext().TraceID().String() + " span_id=" + span.SpanContext().SpanID().String()

	require.NotContains(t, line(func() { logger.Info("x") }), "trace_id")
	require.Contains(t, line(func() { logger.InfoContext(spanned, "x") }), ids)

	// As the SDK does it for a workflow, and for what it logs itself.
	workflow := sdklog.With(sdklog.NewStructuredLogger(logger), "WorkflowID", "certificate/shop", "RunID", "r")
	require.Contains(t, line(func() { workflow.Info("x") }), "certificate=shop")
	require.Equal(t, 1, strings.Count(line(func() { workflow.Info("x", "certificate", "shop") }), "certificate=shop"))
	require.NotContains(t, line(func() { sdklog.With(workflow, "WorkflowID", "somebody-else").Info("x") }),
		"certificate=")
	require.Equal(t, 1, strings.Count(line(func() {
		logger.With("certificate", "shop", "WorkflowID",
			"certificate/shop").Info("x")
	}), "certificate=shop"))

	require.Contains(t, line(func() { logger.Error("Activity error.", "WorkflowID", "certificate/shop") }),
		"certificate=shop")

	// An adapter's line in a step.
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivityWithOptions(func(ctx context.Context) error {
		logger.InfoContext(ctx, "replaces refused")
		return nil
	}, activity.RegisterOptions{Name: "step"})
	got := line(func() { _, err = env.ExecuteActivity("step") })
	require.NoError(t, err)
	require.Contains(t, got, "WorkflowID=")
	require.Contains(t, got, "RunID=")
}
