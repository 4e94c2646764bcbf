package app

import (
	"cmp"
	"context"

	"github.com/jackc/pgx/v5/pgxpool"

	"everleaf/adapters/postgres"
	"everleaf/adapters/telemetry"
)

// openPool waits for Postgres; the start timeout bounds it. Like openSealing it runs while the parts are made, since
// the others hold what it returns; lifetime closes it.
func openPool(ctx context.Context, config Config) (*pgxpool.Pool, error) {
	ctx, cancel := context.WithTimeout(ctx, config.StartTimeout)
	defer cancel()
	return postgres.Open(ctx, config.Postgres)
}

// listenersPool is what the listeners ask: whatever comes to them from outside takes no connection from the workers.
type listenersPool struct{ *pgxpool.Pool }

// openListenersPool has a pool of its own only beside workers. lifetime closes it.
func openListenersPool(ctx context.Context, config Config, pool *pgxpool.Pool) (listenersPool, error) {
	if len(config.polling()) == 0 || !config.has(RoleResponder) && !config.pulls() {
		return listenersPool{pool}, nil
	}
	config.Postgres.MaxConns = cmp.Or(config.ListenerConnections, DefaultListenerConnections)
	own, err := openPool(ctx, config)
	if err != nil {
		pool.Close()
	}
	return listenersPool{own}, err
}

// connections are for the metrics.
func connections(pool *pgxpool.Pool) telemetry.Connections {
	return func() (used, idle, most int) {
		stat := pool.Stat()
		return int(stat.AcquiredConns()), int(stat.IdleConns()), int(stat.MaxConns())
	}
}
