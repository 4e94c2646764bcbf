package telemetry

import (
	"context"
	"log/slog"

	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/activity"

	"everleaf/ports"
)

// Keys that say whose a line is. WorkflowID and RunID are the SDK's own, so that all lines of a workflow are found by
// one search; trace_id and span_id are OpenTelemetry's for logs.
const (
	certificateKey = "certificate"
	workflowIDKey  = "WorkflowID"
	runIDKey       = "RunID"
	traceIDKey     = "trace_id"
	spanIDKey      = "span_id"
)

// NewLogHandler adds to each line whose it is: the certificate, workflow and run where the line is a step's or
// is logged for a workflow, and the trace where there is one.
func NewLogHandler(next slog.Handler) slog.Handler { return logHandler{next: next} }

type logHandler struct {
	next slog.Handler
	// certificate is the one of the workflow whose ID the logger was given.
	certificate string
	// named reports whether the logger was given the certificate itself.
	named bool
}

// Enabled implements slog.Handler.
func (h logHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

// WithAttrs implements slog.Handler.
func (h logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	for _, attr := range attrs {
		switch attr.Key {
		case workflowIDKey:
			h.certificate = certificateOf(attr.Value.String())
		case certificateKey:
			h.named = true
		}
	}
	h.next = h.next.WithAttrs(attrs)
	return h
}

// WithGroup implements slog.Handler.
func (h logHandler) WithGroup(name string) slog.Handler {
	h.next = h.next.WithGroup(name)
	return h
}

// Handle implements slog.Handler.
func (h logHandler) Handle(ctx context.Context, record slog.Record) error {
	certificate := h.certificate
	var more []slog.Attr
	if activity.IsActivity(ctx) {
		execution := activity.GetInfo(ctx).WorkflowExecution
		certificate = certificateOf(execution.ID)
		more = append(more, slog.String(workflowIDKey, execution.ID), slog.String(runIDKey, execution.RunID))
	}
	if certificate == "" { // some of the SDK's own lines bring the ID along themselves
		certificate = certificateOf(valueOf(record, workflowIDKey))
	}
	if certificate != "" && !h.named && !has(record, certificateKey) {
		more = append(more, slog.String(certificateKey, certificate))
	}
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		more = append(more, slog.String(traceIDKey, span.TraceID().String()),
			slog.String(spanIDKey, span.SpanID().String()))
	}
	if len(more) > 0 {
		record = record.Clone()
		record.AddAttrs(more...)
	}
	return h.next.Handle(ctx, record)
}

func has(record slog.Record, key string) (found bool) {
	record.Attrs(func(attr slog.Attr) bool {
		found = found || attr.Key == key
		return !found
	})
	return found
}

func valueOf(record slog.Record, key string) (value string) {
	record.Attrs(func(attr slog.Attr) bool {
		if attr.Key == key {
			value = attr.Value.String()
		}
		return value == ""
	})
	return value
}

// certificateOf is empty for a workflow that keeps no certificate.
func certificateOf(workflowID string) string {
	if name, ok := ports.CertificateName(workflowID); ok {
		return name
	}
	return ""
}
