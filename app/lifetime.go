package app

import (
	"context"
	"log/slog"
	"slices"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.temporal.io/sdk/client"
	"go.uber.org/fx"

	"everleaf/adapters/postgres"
	"everleaf/adapters/sealing"
	"everleaf/adapters/telemetry"
	"everleaf/adapters/temporal"
	"everleaf/domain"
	"everleaf/ports"
)

// openSealing gives the key service a context that does not end: some clients keep it to refresh their tokens.
func openSealing(ctx context.Context, config sealing.Config) (*sealing.Keeper, error) {
	return sealing.Open(context.WithoutCancel(ctx), config)
}

// lifetime says in which order the parts start; they stop in reverse. The workers come last: they poll only when all
// they need is known to be there, and everything is still there while they drain.
func lifetime(config Config) fx.Option {
	order := []fx.Option{fx.Invoke(keepTelemetry)}
	polls := len(config.polling()) > 0
	seals := config.seals()
	// Made first, since it only reads settings: a bad one is reported before the wait for Postgres.
	if seals {
		order = append(order, fx.Invoke(func(*sealing.Keeper) {}))
	}
	if polls {
		order = append(order, fx.Invoke(func(temporal.Config, client.Client) {}))
	}
	order = append(order, fx.Invoke(keepDatabase))
	if seals {
		order = append(order, fx.Invoke(keepSealing))
	}
	if polls {
		order = append(order, fx.Invoke(keepTemporal))
	}
	if config.has(RoleWorkflows) {
		order = append(order, fx.Invoke(keepFleet))
	}
	order = append(order, reloadParts(config), describePresence(config),
		fx.Invoke(keepReload, keepPresence, keepListeners))
	if config.has(RoleResponder) {
		order = append(order, fx.Invoke(keepResponder))
	}
	if config.pulls() {
		order = append(order, fx.Invoke(keepPull))
	}
	if polls {
		order = append(order, fx.Invoke(keepWorkers))
	}
	if config.has(RoleWorkflows) && config.SweepInterval > 0 {
		order = append(order, fx.Invoke(keepSweeps))
	}
	order = append(order, fx.Invoke(keepHealth))
	return fx.Options(order...)
}

// keepTelemetry comes first, and so is the last to go: it hears of all the others.
func keepTelemetry(lifecycle fx.Lifecycle, t *telemetry.Telemetry, health *health, logger *slog.Logger) {
	health.Metrics(t.Handler())
	lifecycle.Append(fx.StopHook(func(ctx context.Context) { flush(ctx, t.Traces, logger) }))
}

// keepFleet counts the certificates for as long as there is a database; one role's processes are enough to look.
func keepFleet(lifecycle fx.Lifecycle, fleet *telemetry.Fleet) {
	lifecycle.Append(fx.Hook{OnStart: fleet.Start, OnStop: fleet.Stop})
}

// keepDatabase refuses to work on a schema that this process cannot read.
func keepDatabase(lifecycle fx.Lifecycle, config Config, pool *pgxpool.Pool, listeners listenersPool,
	t *telemetry.Telemetry, health *health) error {
	pools := map[string]telemetry.Connections{"main": connections(pool)}
	if listeners.Pool != pool {
		pools["listeners"] = connections(listeners.Pool)
	}
	health.check("schema", func(ctx context.Context) (string, error) { return postgres.Readiness(ctx, pool) })
	lifecycle.Append(fx.Hook{
		OnStart: func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, config.StartTimeout)
			defer cancel()
			health.Starting("checking the schema")
			return postgres.CheckSchema(ctx, pool)
		},
		OnStop: func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, connectionsTime/3)
			defer cancel()
			bounded(ctx, func() { // it waits for connections in use
				if listeners.Pool != pool {
					listeners.Close()
				}
				pool.Close()
			})
			return nil
		},
	})
	return telemetry.ShowConnections(t.Metrics, pools)
}

// keepSealing refuses to work on sealed keys that this process cannot open.
func keepSealing(lifecycle fx.Lifecycle, config Config, pool *pgxpool.Pool, keeper *sealing.Keeper,
	processes ports.Processes, health *health, logger *slog.Logger) {
	health.check("sealing", func(ctx context.Context) (string, error) {
		return checkSealing(ctx, pool, keeper, processes)
	})
	lifecycle.Append(fx.Hook{
		OnStart: func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, config.StartTimeout)
			defer cancel()
			health.Starting("trying the sealing key")
			if err := postgres.CheckSealing(ctx, pool, keeper); err != nil {
				return err
			}
			if err := sealing.CheckShared(ctx, keeper,
				processes); domain.AsFault(err).Reason == domain.ReasonSealingKeyNotShared {
				logger.Warn("this process seals what others cannot open", "error", err)
			}
			return nil
		},
		OnStop: func(context.Context) error { return keeper.Close() },
	})
}

// checkSealing reports whether this process opens what the current key has sealed, and what the running processes seal.
// The key service is asked only about a key that is not known by its ID.
func checkSealing(ctx context.Context, pool *pgxpool.Pool, ring ports.KeyRing,
	processes ports.Processes) (detail string, err error) {
	current, err := postgres.CurrentSealingKey(ctx, pool)
	if err != nil {
		return "", err
	}
	if current != "" && !slices.Contains(ring.IDs(), current) {
		if err := postgres.VerifySealing(ctx, pool, ring); err != nil {
			return "", err
		}
	}
	if err := sealing.CheckOpens(ctx, ring, processes); err != nil {
		return "", err
	}
	if current == "" {
		return "opens what the running processes seal; nothing is sealed yet", nil
	}
	return "opens what " + current + ", the current key, and the running processes seal", nil
}

func keepTemporal(lifecycle fx.Lifecycle, config Config, target temporal.Config, c client.Client, health *health,
	logger *slog.Logger) {
	health.check("temporal", func(ctx context.Context) (string,
		error) {
		return temporal.CheckReachable(ctx, c, target)
	})
	lifecycle.Append(fx.Hook{
		OnStart: func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, config.StartTimeout)
			defer cancel()
			health.Starting("waiting for Temporal at " + target.Client.HostPort)
			if err := temporal.WaitReachable(ctx, c, target, logger); err != nil {
				return err
			}
			known, err := temporal.CheckSearchAttributes(ctx, c, target)
			if err == nil && !known {
				logger.Warn("search attributes cannot be read from Temporal; workflows are blocked if Everleaf's are missing")
			}
			return err
		},
		OnStop: func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, connectionsTime/3)
			defer cancel()
			bounded(ctx, c.Close)
			return nil
		},
	})
}

func keepWorkers(lifecycle fx.Lifecycle, all *workers, c client.Client, target temporal.Config, polls *temporal.Polls,
	health *health) {
	health.checkPolls(c, target, polls, all.pollers())
	lifecycle.Append(fx.Hook{
		OnStart: func(ctx context.Context) error {
			health.Starting("starting the workers")
			return all.start(ctx)
		},
		OnStop: all.stop,
	})
}

// keepSweeps has the fleet swept. It comes after the workers, for what is scheduled then finds who does it. The
// schedule stays when this process goes.
func keepSweeps(lifecycle fx.Lifecycle, config Config, target temporal.Config, c client.Client, health *health,
	logger *slog.Logger) {
	lifecycle.Append(fx.StartHook(func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, config.StartTimeout)
		defer cancel()
		health.Starting("scheduling the sweep")
		permitted, err := temporal.ScheduleSweeps(ctx, c, target, config.SweepInterval)
		if err == nil && !permitted {
			logger.Warn("Temporal does not let this worker schedule the sweep: without it no CA is asked again when to renew; "+
				"let somebody who may make the schedule", "schedule", ports.SweepID(target.TaskQueue), "workflow",
				ports.SweepWorkflow)
		}
		return err
	}))
}

// bounded runs what takes no context, and reports whether it ended before ctx did. What did not is left behind: the
// process ends anyway.
func bounded(ctx context.Context, run func()) (finished bool) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		run()
	}()
	select {
	case <-done:
		return true
	case <-ctx.Done():
		return false
	}
}
