package app

import (
	"context"
	"log/slog"

	"go.uber.org/fx"
	"go.uber.org/fx/fxevent"

	"everleaf/adapters/delivery"
	"everleaf/adapters/http01"
	"everleaf/adapters/postgres"
	"everleaf/adapters/pull"
	"everleaf/adapters/sealing"
	"everleaf/adapters/system"
	"everleaf/adapters/telemetry"
	"everleaf/adapters/temporal"
	"everleaf/ports"
)

// Worker is the worker process as an fx application: what it is made of, and (see lifetime) in which order it comes
// and goes. Only what the roles need is made. ctx is the process's; it bounds what is waited for while the parts are
// made.
func Worker(ctx context.Context, config Config, health *health, logger *slog.Logger) fx.Option {
	config.Postgres.Logger = logger
	return fx.Options(
		fx.StartTimeout(startStages*config.StartTimeout),
		fx.StopTimeout(config.StopBudget().Total()),
		fx.WithLogger(func() fxevent.Logger { return fxLogger(logger) }),
		fx.Supply(config, config.Sealing, health, logger,
			fx.Annotate(ctx, fx.As(new(context.Context))),
			fx.Annotate(system.Clock{}, fx.As(new(ports.Clock))),
			fx.Annotate(system.Rand{}, fx.As(new(ports.Rand))),
		),
		fx.Decorate(watched),
		fx.Provide(
			telemetry.New,
			newObserver,
			newFleet,

			openPool,
			openListenersPool,
			fx.Annotate(postgres.NewCatalog, fx.As(new(ports.Catalog))),
			fx.Annotate(postgres.NewOrders, fx.As(new(ports.Orders))),
			fx.Annotate(postgres.NewCertificates, fx.As(new(ports.Certificates))),
			fx.Annotate(postgres.NewValidations, fx.As(new(ports.Validations))),
			fx.Annotate(postgres.NewDeliveries, fx.As(new(ports.Deliveries))),
			fx.Annotate(postgres.NewAccounts, fx.As(new(ports.Accounts))),
			fx.Annotate(postgres.NewHTTPTokens, fx.As(new(ports.HTTPTokens))),
			fx.Annotate(postgres.NewDNSRecords, fx.As(new(ports.DNSRecords))),
			fx.Annotate(postgres.NewAdvice, fx.As(new(ports.Advice)), fx.As(new(ports.Backlog))),

			fx.Annotate(postgres.NewKeyTokens, fx.As(new(ports.KeyTokens))),
			newPull,

			openSealing,
			fx.Annotate(func(k *sealing.Keeper) *sealing.Keeper { return k }, fx.As(new(ports.Sealer)),
				fx.As(new(ports.KeyRing))),
			fx.Annotate(postgres.NewSecrets, fx.As(new(ports.Secrets))),
			fx.Annotate(sealing.NewResealer, fx.As(new(ports.Resealer))),
			fx.Annotate(sealing.NewKeys, fx.As(new(ports.Keys))),

			fx.Annotate(newIssuers, fx.As(new(ports.Issuers)), fx.As(fx.Self())),
			fx.Annotate(newTargets, fx.As(new(ports.Targets)), fx.As(fx.Self())),

			newResponder,

			newTemporalConfig,
			newClient,
			newCaller,
			fx.Annotate(temporal.NewNotifier, fx.As(new(ports.Notifier))),
			fx.Annotate(postgres.NewProcesses, fx.As(new(ports.Processes))),
			newReload,
			newPresence,
			newListeners,
			newWorkers,
			newOutcome,
		),
		provideSolvers(),
		provideActivities(config),
		lifetime(config),
	)
}

func newResponder(config Config, pool listenersPool, logger *slog.Logger) *http01.Responder {
	return http01.NewResponder(config.HTTP01, postgres.NewHTTPTokens(pool.Pool), logger)
}

func newPull(config Config, pool listenersPool, keys ports.Keys, logger *slog.Logger) (*pull.Server, error) {
	return pull.New(pullConfig(config), postgres.NewPulls(pool.Pool), postgres.NewKeyTokens(pool.Pool), keys, logger)
}

func newTargets(config Config, tokens ports.KeyTokens, logger *slog.Logger) (*delivery.Targets, error) {
	return delivery.New(config.Targets, delivery.Deps{Tokens: tokens, Logger: logger})
}
