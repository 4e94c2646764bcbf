package telemetry

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/workflow"
)

type stage struct {
	recorder *tracetest.SpanRecorder
	spans    trace.Tracer
}

func newStage() stage {
	recorder := tracetest.NewSpanRecorder()
	return stage{recorder, sdk.NewTracerProvider(sdk.WithSpanProcessor(recorder)).Tracer("test")}
}

// run is one that began so long ago, continuing another if continued.
func (s stage) run(age time.Duration, continued bool) *run {
	info := &workflow.Info{WorkflowStartTime: time.Now().Add(-age)}
	if continued {
		info.ContinuedExecutionRunID = "the run before"
	}
	return newRun(s.spans, info)
}

// caller is a span of somebody else's.
func (s stage) caller(t *testing.T) trace.SpanContext {
	_, span := s.spans.Start(t.Context(), "caller")
	return span.SpanContext()
}

func (s stage) links(of trace.SpanContext) (linked []trace.SpanContext) {
	for _, span := range s.recorder.Ended() {
		if span.SpanContext().SpanID() == of.SpanID() {
			for _, link := range span.Links() {
				linked = append(linked, link.SpanContext)
			}
		}
	}
	return linked
}

func TestTheFirstRunIsItsCallers(t *testing.T) {
	t.Parallel()
	s := newStage()
	caller, r := s.caller(t), s.run(time.Second, false)
	r.started(caller)
	require.Empty(t, s.recorder.Ended(), "no step, no mark")
	first := r.span()
	require.Equal(t, caller.TraceID(), first.TraceID())
	require.Empty(t, s.links(first))
	require.Equal(t, first, r.span(), "steps of one stretch have one parent")
	require.Len(t, s.recorder.Ended(), 1, "the mark is sent at once, and not when the run ends")
}

func TestALaterRunBeginsItsOwnTraceWithALink(t *testing.T) {
	t.Parallel()
	s := newStage()
	before, r := s.caller(t), s.run(time.Second, true)
	r.started(before)
	got := r.span()
	require.NotEqual(t, before.TraceID(), got.TraceID())
	require.Equal(t, []trace.SpanContext{before}, s.links(got))
}

// A first run that fails for days is replayed, and tries again, when its caller is long gone.
func TestAnOldCallerIsOnlyLinkedTo(t *testing.T) {
	t.Parallel()
	s := newStage()
	caller, r := s.caller(t), s.run(48*time.Hour, false)
	r.started(caller)
	got := r.span()
	require.NotEqual(t, caller.TraceID(), got.TraceID())
	require.Equal(t, []trace.SpanContext{caller}, s.links(got))

	r.touched = time.Now().Add(-2 * quiet) // as if it had slept since
	again := r.span()
	require.NotEqual(t, got.TraceID(), again.TraceID(), "each stretch of work is its own trace")
	require.Equal(t, []trace.SpanContext{got}, s.links(again))
}

func TestWorkThatACallerAsksForIsInItsTrace(t *testing.T) {
	t.Parallel()
	s := newStage()
	r := s.run(time.Hour, true)
	r.started(s.caller(t))
	before, caller := r.span(), s.caller(t)
	r.asked(trace.SpanContext{}) // by somebody who traces nothing
	require.Equal(t, before, r.span())
	r.asked(caller)
	got := r.span()
	require.Equal(t, caller.TraceID(), got.TraceID())
	require.Equal(t, []trace.SpanContext{before}, s.links(got))
}

func TestNoTraceAtAllIsNoTrouble(t *testing.T) {
	t.Parallel()
	r := newStage().run(time.Second, false)
	r.started(trace.SpanContext{})
	require.True(t, r.span().IsValid())
	require.Empty(t, carrierOf(trace.SpanContext{}))
}
