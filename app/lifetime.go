package app

import (
	"context"
	"log/slog"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.uber.org/fx"

	"everleaf/adapters/http01"
	"everleaf/adapters/postgres"
	"everleaf/adapters/sealing"
	"everleaf/adapters/temporal"
	"everleaf/domain"
)

// openPool waits for Postgres; the start timeout bounds it. Like openSealing it runs while the parts are made, since
// the others hold what it returns; lifetime closes it.
func openPool(ctx context.Context, config Config) (*pgxpool.Pool, error) {
	ctx, cancel := context.WithTimeout(ctx, config.StartTimeout)
	defer cancel()
	return postgres.Open(ctx, config.Postgres)
}

// openSealing gives the key service a context that does not end: some clients keep it to refresh their tokens.
func openSealing(ctx context.Context, config sealing.Config) (*sealing.Keeper, error) {
	return sealing.Open(context.WithoutCancel(ctx), config)
}

// parts are what has a beginning and an end. The order of the fields is the order in which they are made: what only
// reads settings comes before what waits for Postgres.
type parts struct {
	fx.In
	Config    Config
	Logger    *slog.Logger
	Sealing   *sealing.Keeper
	Temporal  temporal.Config
	Client    client.Client
	Pool      *pgxpool.Pool
	Responder *http01.Responder
	Worker    worker.Worker
}

// lifetime says in which order the parts start; they stop in reverse. The worker comes last: it polls only when all
// it needs is known to be there, and everything is still there while it drains.
func lifetime(lifecycle fx.Lifecycle, p parts) {
	lifecycle.Append(fx.Hook{OnStart: p.checkDatabase, OnStop: p.closeDatabase})
	lifecycle.Append(fx.Hook{OnStart: p.reachTemporal, OnStop: p.closeTemporal})
	lifecycle.Append(fx.Hook{OnStart: p.Responder.Start, OnStop: p.Responder.Stop})
	lifecycle.Append(fx.Hook{OnStart: p.startWorker, OnStop: p.stopWorker})
}

// checkDatabase refuses to work on a schema or on sealed keys that this process cannot read.
func (p parts) checkDatabase(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, p.Config.StartTimeout)
	defer cancel()
	if err := postgres.CheckSchema(ctx, p.Pool); err != nil {
		return err
	}
	return postgres.CheckSealing(ctx, p.Pool, p.Sealing)
}

func (p parts) closeDatabase(ctx context.Context) error {
	bounded(ctx, p.Pool.Close) // it waits for connections in use
	return p.Sealing.Close()
}

func (p parts) reachTemporal(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, p.Config.StartTimeout)
	defer cancel()
	if err := temporal.WaitReachable(ctx, p.Client, p.Temporal, p.Logger); err != nil {
		return err
	}
	known, err := temporal.CheckSearchAttributes(ctx, p.Client, p.Temporal)
	if err == nil && !known {
		p.Logger.Warn("Temporal does not tell its search attributes; workflows stand still if Everleaf's are missing")
	}
	return err
}

func (p parts) closeTemporal(context.Context) error {
	p.Client.Close()
	return nil
}

// startWorker is bounded here because the SDK's Start takes no context.
func (p parts) startWorker(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, p.Config.StartTimeout)
	defer cancel()
	result := make(chan error, 1)
	go func() { result <- p.Worker.Start() }()
	var err error
	select {
	case err = <-result:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		return domain.NewFault(domain.FaultOperator, "WorkerNotStarted", err,
			"the worker did not start on task queue %q of namespace %q at %s",
			p.Temporal.TaskQueue, p.Temporal.Client.Namespace, p.Temporal.Client.HostPort)
	}
	p.Logger.Info("worker started", "taskQueue", p.Temporal.TaskQueue, "namespace", p.Temporal.Client.Namespace,
		"temporal", p.Temporal.Client.HostPort, "issuer", p.Config.ACME.Issuer, "directory", p.Config.ACME.Directory)
	return nil
}

// stopWorker lets running steps finish. What does not finish in time is taken up by another worker, or by this one
// after its restart: every step is idempotent.
func (p parts) stopWorker(ctx context.Context) error {
	p.Logger.Info("worker stopping", "within", p.Config.StopTimeout.String())
	ctx, cancel := context.WithTimeout(ctx, p.Config.StopTimeout)
	defer cancel()
	if !bounded(ctx, p.Worker.Stop) {
		p.Logger.Warn("worker still busy; its steps are repeated elsewhere", "stopTimeout", p.Config.StopTimeout.String())
	}
	return nil
}

// bounded runs what takes no context, and leaves it behind when ctx ends first: the process ends anyway.
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
