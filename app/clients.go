package app

import (
	"context"
	"log/slog"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.temporal.io/sdk/client"

	"everleaf/adapters/caller"
	"everleaf/adapters/postgres"
	"everleaf/adapters/telemetry"
	"everleaf/adapters/temporal"
)

// OpenKeeper connects to the workflows; call closer when done. It contacts nobody yet: the first call does, and says
// so if the server is out of reach. It reads config.Temporal.
func OpenKeeper(config Config, logger *slog.Logger) (keeper Editor, closer func(), err error) {
	settings, err := config.temporalConfig()
	if err != nil {
		return nil, nil, err
	}
	traces, err := telemetry.NewTraces(context.Background(), logger)
	if err != nil {
		return nil, nil, err
	}
	if settings, err = watchedTemporal(settings, nil, traces); err != nil {
		return nil, nil, err
	}
	c, err := temporal.NewClient(settings, logger)
	if err != nil {
		return nil, nil, err
	}
	closer = func() {
		c.Close()
		flush(context.Background(), traces, logger)
	}
	return newCaller(c, settings), closer, nil
}

// newCaller makes a caller of this configuration's own workflows.
func newCaller(c client.Client, settings temporal.Config) *caller.Client {
	return caller.New(c, caller.Options{
		TaskQueue: settings.TaskQueue, Address: settings.Client.HostPort, Namespace: settings.Client.Namespace,
	})
}

// Asker is who runs this process, as far as the system knows: user@host.
func Asker() string { return caller.Asker() }

// OpenCatalog connects to Postgres, waiting up to the start timeout, and refuses a schema that does not fit; call
// closer when done. It reads config.Postgres and config.StartTimeout.
func OpenCatalog(ctx context.Context, config Config) (catalog Catalog, closer func(), err error) {
	pool, err := openChecked(ctx, config)
	if err != nil {
		return nil, nil, err
	}
	return postgres.NewCatalog(pool), pool.Close, nil
}

func openChecked(ctx context.Context, config Config) (*pgxpool.Pool, error) {
	pool, err := openPool(ctx, config)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, config.StartTimeout)
	defer cancel()
	if err := postgres.CheckSchema(ctx, pool); err != nil {
		pool.Close()
		return nil, err
	}
	return pool, nil
}
