package app

import (
	"context"
	"log/slog"
	"slices"

	"everleaf/adapters/telemetry"
	"everleaf/adapters/temporal"
	"everleaf/ports"
)

// watched puts telemetry's ears to what the config describes. Without traces, only Temporal's metrics are listened to.
func watched(config Config, t *telemetry.Telemetry) Config {
	config.Postgres.Tracer = t.Database()
	if t.On() {
		config.HTTP01.Wrap, config.DNS01.Wrap = t.Transport, t.Transport
		config.Issuers = slices.Clone(config.Issuers) // the caller's stay as they are
		for i := range config.Issuers {
			config.Issuers[i].Wrap = t.Transport
		}
	}
	return config
}

// watchedTemporal is the client's config with metrics and traces. metrics is nil for a process that serves none.
func watchedTemporal(config temporal.Config, metrics *telemetry.Metrics,
	traces *telemetry.Traces) (temporal.Config, error) {
	interceptors, err := traces.Interceptors()
	if err != nil {
		return temporal.Config{}, err
	}
	config.Client.Interceptors = append(config.Client.Interceptors, interceptors...)
	if metrics != nil {
		config.Client.MetricsHandler = metrics.Temporal(config.Client.Namespace, config.TaskQueue)
	}
	return config, nil
}

func newTemporalConfig(config Config, t *telemetry.Telemetry) (temporal.Config, error) {
	settings, err := config.temporalConfig()
	if err != nil {
		return temporal.Config{}, err
	}
	return watchedTemporal(settings, t.Metrics, t.Traces)
}

func newObserver(config Config, t *telemetry.Telemetry) (ports.Observer, error) {
	if config.has(RoleWorkflows) {
		if err := telemetry.ShowSweepInterval(t.Metrics, config.SweepInterval); err != nil {
			return nil, err
		}
	}
	return telemetry.NewObserver(t.Metrics, config.issuerNames(), config.TargetNames)
}

func newFleet(config Config, t *telemetry.Telemetry, catalog ports.Catalog, clock ports.Clock,
	logger *slog.Logger) (*telemetry.Fleet, error) {
	return telemetry.NewFleet(t.Metrics, catalog, clock, config.FleetStatsInterval, config.issuerNames(), logger)
}

// flush sends what is left of the traces; what cannot be sent in time is lost.
func flush(ctx context.Context, traces *telemetry.Traces, logger *slog.Logger) {
	ctx, cancel := context.WithTimeout(ctx, telemetryTime)
	defer cancel()
	if err := traces.Shutdown(ctx); err != nil {
		logger.Warn("the last traces were not sent", "error", err)
	}
}
