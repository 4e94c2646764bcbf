package telemetry

import (
	"context"
	"log/slog"
)

// Telemetry is what a process reports about itself. It is made before all other parts and shut down after them.
type Telemetry struct {
	*Metrics
	*Traces
}

// New makes the metrics, and the traces if an endpoint is set for them; see NewTraces for the fault. No one is
// contacted: spans are sent in the background.
func New(ctx context.Context, logger *slog.Logger) (*Telemetry, error) {
	traces, err := NewTraces(ctx, logger)
	if err != nil {
		return nil, err
	}
	metrics, err := NewMetrics(logger)
	if err != nil {
		return nil, err
	}
	return &Telemetry{Metrics: metrics, Traces: traces}, nil
}
