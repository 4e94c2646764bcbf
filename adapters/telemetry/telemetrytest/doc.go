// Package telemetrytest is for tests only: it receives spans as an OpenTelemetry collector does (OTLP by gRPC or by
// HTTP with protobuf), and keeps them for looking at.
package telemetrytest
