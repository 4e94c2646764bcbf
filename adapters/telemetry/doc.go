// Package telemetry serves monitoring: Prometheus by a scrape, a trace backend by OTLP, and people by the log.
//
// Metrics are always kept; traces are off, and cost nothing, unless an OTLP endpoint is set
// (OTEL_EXPORTER_OTLP_ENDPOINT). Neither has a label or an attribute for each certificate where that would make a
// series for each of a million, nor anything secret. Logs stay with slog: this package only adds to a line whose it is.
package telemetry
