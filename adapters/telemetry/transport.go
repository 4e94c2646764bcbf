package telemetry

import (
	"net/http"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Transport makes a span of each request within a trace: method, URL without its query, status; no header, no body.
// Nothing of the trace is sent along: the other side is not ours. Without traces it is base itself.
func (t *Traces) Transport(base http.RoundTripper) http.RoundTripper {
	if !t.On() {
		return base
	}
	return otelhttp.NewTransport(withoutQuery{base}, otelhttp.WithTracerProvider(inside{t.provider}),
		otelhttp.WithMeterProvider(noMetrics), otelhttp.WithPropagators(propagation.NewCompositeTextMapPropagator()))
}

// withoutQuery takes the query out of the span's URL, which has it from otelhttp.
type withoutQuery struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (w withoutQuery) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.URL.RawQuery != "" {
		shown := *request.URL
		shown.User, shown.RawQuery = nil, ""
		trace.SpanFromContext(request.Context()).SetAttributes(attribute.String("url.full", shown.String()))
	}
	return w.next.RoundTrip(request)
}
