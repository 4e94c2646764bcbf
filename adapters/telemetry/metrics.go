package telemetry

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
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

	"everleaf/ports"
)

const (
	// scrapeTimeout bounds one scrape; maxScrapes those at the same time.
	scrapeTimeout = 10 * time.Second
	maxScrapes    = 4

	temporalScope = "temporal-sdk-go"
)

// Metrics are this process's figures, in their own registry.
type Metrics struct {
	registry *prometheus.Registry
	provider *sdk.MeterProvider
	own      metric.Meter
	errors   *slog.Logger
}

// NewMetrics makes them, with those of the Go runtime, the process and the build.
func NewMetrics(logger *slog.Logger) (*Metrics, error) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	// Neither scope labels nor target_info: they would be the same on every series.
	reader, err := exporter.New(exporter.WithRegisterer(registry), exporter.WithoutScopeInfo(),
		exporter.WithoutTargetInfo())
	if err != nil {
		return nil, err
	}
	provider := sdk.NewMeterProvider(sdk.WithReader(reader), sdk.WithView(temporalView))
	m := &Metrics{registry: registry, provider: provider, own: provider.Meter("everleaf"), errors: logger}
	return m, m.buildInfo()
}

// temporalView gives the SDK's timers buckets in seconds; OpenTelemetry's own are meant for milliseconds. The time of
// each try of a request is left out: that of the whole request says enough, for half the series.
func temporalView(i sdk.Instrument) (sdk.Stream, bool) {
	if i.Kind != sdk.InstrumentKindHistogram || i.Scope.Name != temporalScope {
		return sdk.Stream{}, false
	}
	stream := sdk.Stream{Name: i.Name, Description: i.Description, Unit: i.Unit}
	const minute, hour, day = 60, 3600, 86400
	switch {
	case strings.HasSuffix(i.Name, "_latency_attempt"):
		stream.Aggregation = sdk.AggregationDrop{}
	case i.Name == "temporal_workflow_endtoend_latency": // a run lasts from one certificate to the next
		stream.Aggregation = sdk.AggregationExplicitBucketHistogram{NoMinMax: true,
			Boundaries: []float64{1, 10, minute, 10 * minute, hour, 6 * hour, day, 7 * day, 30 * day, 90 * day}}
	default:
		stream.Aggregation = sdk.AggregationExplicitBucketHistogram{NoMinMax: true,
			Boundaries: []float64{.001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, minute, 5 * minute}}
	}
	return stream, true
}

func (m *Metrics) buildInfo() error {
	info, err := m.own.Int64Gauge(buildInfo.name, metric.WithDescription(buildInfo.help))
	if err != nil {
		return err
	}
	b := ThisBuild()
	info.Record(context.Background(), 1, metric.WithAttributes(attribute.String("version", b.Version),
		attribute.String("revision", b.Revision), attribute.String("goversion", b.GoVersion)))
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

// Temporal is the handler for the SDK's own metrics, all named temporal_…, of a client in this namespace whose workers
// poll this task queue.
func (m *Metrics) Temporal(namespace, taskQueue string) client.MetricsHandler {
	handler := opentelemetry.NewMetricsHandler(opentelemetry.MetricsHandlerOptions{
		Meter: m.provider.Meter(temporalScope),
		// A metric that cannot be made must not end the worker, which is the default.
		OnError:              func(err error) { m.errors.Warn("metric not created", "error", err) },
		UseMonotonicCounters: true, // exported as …_total
	})
	fromZero(handler, namespace, taskQueue)
	return handler
}

// fromZero lets the counters of trouble begin at zero, with the tags that the SDK will give them where those are known.
// A series that began with the first trouble would show no increase.
func fromZero(handler client.MetricsHandler, namespace, taskQueue string) {
	client := handler.WithTags(map[string]string{
		"namespace": namespace, "client_name": "temporal_go", "worker_type": "none", "workflow_type": "none",
		"activity_type": "none",
		"task_queue":    "none",
	})
	for workflow, queue := range map[string]string{ports.CertificateWorkflow: taskQueue,
		ports.NexusWorkflow: ports.NexusTaskQueue(taskQueue)} {
		for _, reason := range []string{"NonDeterminismError", "WorkflowError"} {
			client.WithTags(map[string]string{"task_queue": queue, "workflow_type": workflow,
				"failure_reason": reason}).
				Counter("temporal_workflow_task_execution_failed").Inc(0)
		}
	}
	for _, name := range []string{
		"temporal_unregistered_activity_invocation", "temporal_request_failure", "temporal_long_request_failure",
		"temporal_request_resource_exhausted",
	} {
		client.Counter(name).Inc(0)
	}
}
