package telemetry

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/contrib/opentelemetry"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/workflow"
)

const headerKey = "_tracer-data" // of all SDKs

var wire = propagation.TraceContext{}

type spanKey struct{}

// tracing is the library's interceptor with another RunWorkflow span (see run) and without two kinds of noise: a span
// for each look at a workflow's status, and one more for each update whenever a history is replayed. Nothing of it
// changes a workflow's commands but their headers, which replay does not compare.
type tracing struct {
	interceptor.Interceptor
	spans trace.Tracer
}

func newInterceptor(provider trace.TracerProvider) (interceptor.Interceptor, error) {
	spans := provider.Tracer("everleaf")
	library, err := opentelemetry.NewTracer(opentelemetry.TracerOptions{
		Tracer:                  spans,
		TextMapPropagator:       wire,
		SpanContextKey:          spanKey{},
		HeaderKey:               headerKey,
		DisableQueryTracing:     true,
		DisableBaggage:          true, // a caller's would be kept for as long as the certificate
		AllowInvalidParentSpans: true, // a header that cannot be read must not fail a certificate
	})
	if err != nil {
		return nil, err
	}
	return &tracing{Interceptor: interceptor.NewTracingInterceptor(tracer{library}), spans: spans}, nil
}

// InterceptWorkflow implements interceptor.WorkerInterceptor.
func (t *tracing) InterceptWorkflow(ctx workflow.Context,
	next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &inbound{
		WorkflowInboundInterceptor: t.Interceptor.InterceptWorkflow(ctx, next), next: next,
		run: newRun(t.spans, workflow.GetInfo(ctx)),
	}
}

// inbound is one run's.
type inbound struct {
	interceptor.WorkflowInboundInterceptor
	next interceptor.WorkflowInboundInterceptor
	run  *run
}

// ExecuteWorkflow puts the run where the library looks for the parent of a step's span.
func (i *inbound) ExecuteWorkflow(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput) (any, error) {
	i.run.started(headerSpan(ctx))
	return i.next.ExecuteWorkflow(workflow.WithValue(ctx, spanKey{}, i.run), in)
}

// ExecuteUpdate lets the work that a caller asks for belong to the caller's trace.
func (i *inbound) ExecuteUpdate(ctx workflow.Context, in *interceptor.UpdateInput) (any, error) {
	if workflow.IsReplaying(ctx) {
		return i.next.ExecuteUpdate(ctx, in)
	}
	i.run.asked(headerSpan(ctx))
	return i.WorkflowInboundInterceptor.ExecuteUpdate(ctx, in)
}

// tracer is the library's, but knows what a run is.
type tracer struct{ interceptor.Tracer }

// StartSpan implements interceptor.Tracer.
func (t tracer) StartSpan(options *interceptor.TracerStartSpanOptions) (interceptor.TracerSpan, error) {
	if r, ok := options.Parent.(*run); ok {
		parent, err := t.UnmarshalSpan(carrierOf(r.span()))
		if err != nil {
			return nil, err
		}
		options.Parent = parent
	}
	return t.Tracer.StartSpan(options)
}

// MarshalSpan implements interceptor.Tracer. A run is marshalled for the run that continues it.
func (t tracer) MarshalSpan(span interceptor.TracerSpan) (map[string]string, error) {
	if r, ok := span.(*run); ok {
		return carrierOf(r.last), nil
	}
	return t.Tracer.MarshalSpan(span)
}

// GetLogger implements interceptor.Tracer.
func (t tracer) GetLogger(logger log.Logger, ref interceptor.TracerSpanRef) log.Logger {
	var span trace.SpanContext
	switch s := ref.(type) {
	case *run:
		span = s.last
	case interface{ SpanContext() trace.SpanContext }:
		span = s.SpanContext()
	}
	if !span.IsValid() {
		return logger
	}
	return log.With(logger, traceIDKey, span.TraceID().String(), spanIDKey, span.SpanID().String())
}

func carrierOf(span trace.SpanContext) map[string]string {
	carrier := propagation.MapCarrier{}
	wire.Inject(trace.ContextWithSpanContext(context.Background(), span), carrier)
	return carrier
}
