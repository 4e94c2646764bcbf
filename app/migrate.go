package app

import (
	"context"
	"log/slog"

	"everleaf/adapters/postgres"
	"everleaf/adapters/temporal"
)

// Migrate brings the schema to this binary's version, and returns the version before and after. It reads
// config.Postgres and config.StartTimeout; the migrations themselves may take as long as ctx lets them. Idempotent.
func Migrate(ctx context.Context, config Config) (from, to int64, err error) {
	pool, err := openPool(ctx, config)
	if err != nil {
		return 0, 0, err
	}
	pool.Close()
	return postgres.Migrate(ctx, config.Postgres)
}

// MigrateTemporal makes the search attributes known to the namespace, and returns the names of those that were not. It
// reads config.Temporal and config.StartTimeout. Idempotent.
func MigrateTemporal(ctx context.Context, config Config, logger *slog.Logger) (added []string, err error) {
	settings, err := config.temporalConfig()
	if err != nil {
		return nil, err
	}
	c, err := temporal.NewClient(settings, logger)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(ctx, config.StartTimeout)
	defer cancel()
	if err := temporal.WaitReachable(ctx, c, settings, logger); err != nil {
		return nil, err
	}
	return temporal.RegisterSearchAttributes(ctx, c, settings)
}
