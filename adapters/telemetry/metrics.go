package telemetry

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/attribute"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/opentelemetry"
)

const (
	// scrapeTimeout bounds one scrape; maxScrapes those at the same time.
	scrapeTimeout = 10 * time.Second
	maxScrapes    = 4

	temporalScope = "temporal-sdk-go"
)

// Metrics are this process's figures, in a registry of their own.
type Metrics struct {
	registry *prometheus.Registry
	provider *sdk.MeterProvider
	own      metric.Meter
	errors   *slog.Logger
}

// NewMetrics makes them, with those of the Go runtime, the process and the build.
func NewMetrics(logger *slog.Logger) (*Metrics, error) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	// Neither scope labels nor target_info: they would be the same on every series.
	reader, err := exporter.New(exporter.WithRegisterer(registry), exporter.WithoutScopeInfo(), exporter.WithoutTargetInfo())
	if err != nil {
		return nil, err
	}
	provider := sdk.NewMeterProvider(sdk.WithReader(reader), sdk.WithView(latencies()...))
	m := &Metrics{registry: registry, provider: provider, own: provider.Meter("everleaf"), errors: logger}
	return m, m.buildInfo()
}

// latencies gives the SDK's timers buckets in seconds; OpenTelemetry's own are meant for milliseconds. A workflow runs
// from one certificate to the next, so its length has buckets of its own.
func latencies() []sdk.View {
	buckets := func(instrument string, bounds ...float64) sdk.View {
		return sdk.NewView(sdk.Instrument{Name: instrument, Kind: sdk.InstrumentKindHistogram},
			sdk.Stream{Aggregation: sdk.AggregationExplicitBucketHistogram{Boundaries: bounds, NoMinMax: true}})
	}
	const minute, hour, day = 60, 3600, 86400
	quick := []float64{.001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, minute, 5 * minute}
	views := []sdk.View{buckets("temporal_workflow_endtoend_latency", 1, 10, minute, 10*minute, hour, 6*hour, day, 7*day, 30*day, 90*day)}
	// A wildcard would match the workflow's length too, and two views of one instrument are two streams of one name.
	for _, timer := range []string{
		"workflow_task_replay", "workflow_task_schedule_to_start", "workflow_task_execution", "activity_schedule_to_start",
		"activity_execution", "activity_succeed_endtoend", "local_activity_execution", "local_activity_succeed_endtoend", "request",
		"long_request", "nexus_task_schedule_to_start", "nexus_task_execution", "nexus_task_endtoend",
	} {
		views = append(views, buckets("temporal_"+timer+"_latency", quick...))
	}
	return views
}

func (m *Metrics) buildInfo() error {
	info, err := m.own.Int64Gauge(buildInfo.name, metric.WithDescription(buildInfo.help))
	if err != nil {
		return err
	}
	b := thisBuild()
	info.Record(context.Background(), 1, metric.WithAttributes(attribute.String("version", b.version),
		attribute.String("revision", b.revision), attribute.String("goversion", b.goVersion)))
	return nil
}

// Handler answers a scrape in Prometheus' format. What cannot be gathered is left out and logged; the rest is answered.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorLog:            slog.NewLogLogger(m.errors.Handler(), slog.LevelWarn),
		ErrorHandling:       promhttp.ContinueOnError,
		MaxRequestsInFlight: maxScrapes,
		Timeout:             scrapeTimeout,
	})
}

// Temporal is the handler for the SDK's own metrics, all named temporal_….
func (m *Metrics) Temporal() client.MetricsHandler {
	return opentelemetry.NewMetricsHandler(opentelemetry.MetricsHandlerOptions{
		Meter: m.provider.Meter(temporalScope),
		// A metric that cannot be made must not end the worker, which is the default.
		OnError:              func(err error) { m.errors.Warn("metric not kept", "error", err) },
		UseMonotonicCounters: true, // exported as …_total
	})
}
