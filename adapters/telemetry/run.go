package telemetry

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/workflow"
)

// quiet is how long a run may be idle before what comes next is another trace.
const quiet = 15 * time.Minute

// run is the parent of the steps' spans in one run of a workflow. The library's own would be one span for as long as
// the run lives, which is weeks of sleep, made again whenever the workflow is replayed, and in its caller's trace for
// ever, as each run hands its trace to the next. Here a trace is one stretch of work: RunWorkflow is a mark, made when
// the first step begins, in the trace of the caller who asked for the work just now, else in a new one; and it links to
// what came before. It is used by one workflow's coroutines, of which one runs at a time.
type run struct {
	spans trace.Tracer
	info  *workflow.Info

	// caller asked for work, at that time.
	caller trace.SpanContext
	at     time.Time
	// last is the latest mark, or, before the first, the span that the run was started from; touched is when it last
	// became a parent.
	last    trace.SpanContext
	touched time.Time
}

func newRun(spans trace.Tracer, info *workflow.Info) *run { return &run{spans: spans, info: info} }

// started takes the span from the header that the run was started with: its caller's, or that of the run before.
func (r *run) started(from trace.SpanContext) {
	r.last = from
	if r.info.ContinuedExecutionRunID == "" {
		r.caller, r.at = from, r.info.WorkflowStartTime
	}
}

// asked notes a caller's wish. Steps that begin from now on are done for it.
func (r *run) asked(by trace.SpanContext) {
	if by.IsValid() {
		r.caller, r.at, r.touched = by, time.Now(), time.Time{}
	}
}

// span is the parent for a step that begins now.
func (r *run) span() trace.SpanContext {
	now := time.Now()
	if now.Sub(r.touched) > quiet {
		r.mark(now)
	}
	r.touched = now
	return r.last
}

func (r *run) mark(now time.Time) {
	var parent trace.SpanContext
	if now.Sub(r.at) <= quiet {
		parent = r.caller
	}
	options := []trace.SpanStartOption{
		trace.WithTimestamp(now), trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attribute.String("temporalWorkflowID", r.info.WorkflowExecution.ID),
			attribute.String("temporalRunID", r.info.WorkflowExecution.RunID)),
	}
	if r.last.IsValid() && !r.last.Equal(parent) {
		options = append(options, trace.WithLinks(trace.Link{SpanContext: r.last}))
	}
	_, span := r.spans.Start(trace.ContextWithRemoteSpanContext(context.Background(), parent), "RunWorkflow:"+
		r.info.WorkflowType.Name, options...)
	span.End()
	r.last = span.SpanContext()
}

// Finish implements interceptor.TracerSpan. A mark has ended already.
func (*run) Finish(*interceptor.TracerFinishSpanOptions) {}

// headerSpan is the span in the header of a workflow's start or of an update; invalid if there is none.
func headerSpan(ctx workflow.Context) trace.SpanContext {
	payload := interceptor.WorkflowHeader(ctx)[headerKey]
	if payload == nil {
		return trace.SpanContext{}
	}
	carrier := propagation.MapCarrier{}
	if converter.GetDefaultDataConverter().FromPayload(payload, &carrier) != nil {
		return trace.SpanContext{} // not ours
	}
	return trace.SpanContextFromContext(wire.Extract(context.Background(), carrier))
}
