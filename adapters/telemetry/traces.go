package telemetry

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/exaring/otelpgx"
	"github.com/go-logr/logr"
	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.temporal.io/sdk/interceptor"
	"golang.org/x/time/rate"

	"everleaf/domain"
)

// Traces sends spans to an OTLP endpoint. The zero value, and nil, trace nothing.
type Traces struct {
	provider *sdk.TracerProvider
}

// NewTraces is set up by OpenTelemetry's own variables: endpoint, protocol (grpc or http/protobuf, the default),
// headers, TLS, sampler, batching, OTEL_SERVICE_NAME (else everleaf) and OTEL_RESOURCE_ATTRIBUTES. Without an endpoint
// it traces nothing. The fault is Operator "InvalidSetting".
func NewTraces(ctx context.Context, logger *slog.Logger) (*Traces, error) {
	if !wanted() {
		return &Traces{}, nil
	}
	if err := checkVariables(); err != nil {
		return nil, err
	}
	// What the SDK says of other variables is a line of ours.
	otel.SetLogger(logr.FromSlogHandler(logger.Handler()))
	exporter, err := newExporter(ctx)
	if err != nil {
		return nil, err
	}
	// What detectors find stands above what is said before them, so OTEL_SERVICE_NAME wins.
	described, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", "everleaf"),
			attribute.String("service.version", ThisBuild().Version)),
		resource.WithTelemetrySDK(), resource.WithHost(), resource.WithFromEnv())
	if err != nil && !errors.Is(err, resource.ErrPartialResource) {
		return nil, domain.NewFault(domain.FaultOperator, domain.ReasonInvalidSetting, err,
			"OTEL_RESOURCE_ATTRIBUTES cannot be used")
	}
	// Spans that cannot be sent are lost, and the work goes on. While a collector is away, one line a minute says so.
	logged := rate.Sometimes{Interval: time.Minute}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		logged.Do(func() { logger.Warn("traces not sent", "error", err) })
	}))
	return &Traces{provider: sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(described))}, nil
}

// wanted reports whether somebody asked for traces and nobody forbade them.
func wanted() bool {
	if strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") || os.Getenv("OTEL_TRACES_EXPORTER") == "none" {
		return false
	}
	_, address := endpoint()
	return address != ""
}

func newExporter(ctx context.Context) (sdk.SpanExporter, error) {
	variable, protocol := protocol()
	var exporter sdk.SpanExporter
	var err error
	switch protocol {
	case "grpc":
		exporter, err = otlptracegrpc.New(ctx)
	case "", "http/protobuf":
		exporter, err = otlptracehttp.New(ctx)
	default:
		return nil, invalidFault(variable, protocol, "use grpc or http/protobuf, or leave it out for http/protobuf")
	}
	if err != nil {
		return nil, domain.NewFault(domain.FaultOperator, domain.ReasonInvalidSetting, err,
			"the settings OTEL_EXPORTER_OTLP_… cannot be used")
	}
	return exporter, nil
}

// On reports whether spans are sent anywhere.
func (t *Traces) On() bool { return t != nil && t.provider != nil }

// Interceptors carry the trace through Temporal, for a client and the workers made of it; none without traces.
func (t *Traces) Interceptors() ([]interceptor.ClientInterceptor, error) {
	if !t.On() {
		return nil, nil
	}
	i, err := newInterceptor(t.provider)
	if err != nil {
		return nil, err
	}
	return []interceptor.ClientInterceptor{i}, nil
}

// Database makes a span of each statement within a trace: its text, never its arguments. It is nil without traces.
func (t *Traces) Database() pgx.QueryTracer {
	if !t.On() {
		return nil
	}
	// Nothing but the statements: what prepares them, connects or waits for a connection would be a span beside each.
	return struct{ pgx.QueryTracer }{otelpgx.NewTracer(otelpgx.WithTracerProvider(inside{t.provider}),
		otelpgx.WithMeterProvider(noMetrics), otelpgx.WithDisableConnectionDetailsInAttributes())}
}

// Shutdown sends what is left until ctx ends.
func (t *Traces) Shutdown(ctx context.Context) error {
	if !t.On() {
		return nil
	}
	return t.provider.Shutdown(ctx)
}
