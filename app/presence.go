package app

import (
	"context"
	"log/slog"
	"time"

	"go.uber.org/fx"

	"everleaf/adapters/acme"
	"everleaf/adapters/postgres"
	"everleaf/adapters/sealing"
	"everleaf/adapters/temporal"
	"everleaf/ports"
)

// presenceInterval is how often a process says that it is there: several times before it counts as gone.
const presenceInterval = 15 * time.Second

// presence keeps this process's row in the table of processes. The parts that it describes are those that its roles
// have; the others are nil.
type presence struct {
	processes ports.Processes
	config    Config
	reload    *reload
	target    *temporal.Config
	issuers   *acme.Issuers
	ring      ports.KeyRing
	logger    *slog.Logger

	cancel context.CancelFunc
	ended  chan struct{}
}

func newPresence(config Config, reload *reload, processes ports.Processes, logger *slog.Logger) *presence {
	return &presence{processes: processes, config: config, reload: reload, logger: logger, ended: make(chan struct{})}
}

// describePresence gives it the parts that the roles have.
func describePresence(config Config) fx.Option {
	var parts []fx.Option
	if config.seals() {
		parts = append(parts, fx.Invoke(func(p *presence, keeper *sealing.Keeper) { p.ring = keeper }))
	}
	if len(config.issuing()) > 0 {
		parts = append(parts, fx.Invoke(func(p *presence, issuers *acme.Issuers) { p.issuers = issuers }))
	}
	if len(config.polling()) > 0 {
		parts = append(parts, fx.Invoke(func(p *presence, target temporal.Config) { p.target = &target }))
	}
	return fx.Options(parts...)
}

// keepPresence comes before the workers, so that the row is there when they begin, and until they have drained.
func keepPresence(lifecycle fx.Lifecycle, p *presence, health *health) {
	lifecycle.Append(fx.Hook{
		OnStart: func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, p.config.StartTimeout)
			defer cancel()
			health.Starting("entering the table of processes")
			return p.start(ctx)
		},
		OnStop: p.stop,
	})
}

func (p *presence) start(ctx context.Context) error {
	if err := p.processes.RecordProcess(ctx, p.describe()); err != nil {
		p.logger.Warn("this process is not in the table of processes: what it has does not count for others", "error",
			err)
	}
	lasting, cancel := context.WithCancel(context.WithoutCancel(ctx))
	p.cancel = cancel
	go p.keep(lasting)
	return nil
}

// keep logs the first of several failures in a row: readiness shows that the database is away.
func (p *presence) keep(ctx context.Context) {
	defer close(p.ended)
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(presenceInterval):
		case <-p.reload.swapped:
		}
		bounded, cancel := context.WithTimeout(ctx, presenceInterval)
		err := p.processes.RecordProcess(bounded, p.describe())
		cancel()
		if err != nil && !failing && ctx.Err() == nil {
			p.logger.Warn("this process could not renew its entry in the table of processes, and counts as gone after a while",
				"after", ports.ProcessGone.String(), "error", err)
		}
		failing = err != nil
	}
}

// stop removes the row; where that fails, the row is ignored after ports.ProcessGone.
func (p *presence) stop(ctx context.Context) error {
	p.cancel()
	<-p.ended
	ctx, cancel := context.WithTimeout(ctx, connectionsTime/3)
	defer cancel()
	if err := p.processes.RemoveProcess(ctx, temporal.ProcessID()); err != nil {
		p.logger.Warn("this process is left in the table of processes, and counts as gone after a while", "after",
			ports.ProcessGone.String(), "error", err)
	}
	return nil
}

// describe is this process as it is now.
func (p *presence) describe() ports.Process {
	described := ports.Process{ID: temporal.ProcessID(), Host: temporal.Host(),
		Build: p.config.Workers.Versioning.BuildID, ProcessSettings: describe(p.reload.current())}
	if p.target != nil {
		described.TaskQueue, described.Namespace = p.target.TaskQueue, p.target.Client.Namespace
	}
	if p.issuers != nil {
		described.Issuers = p.issuers.Describe()
	}
	if p.ring != nil {
		described.Opens = p.ring.IDs()
		described.SealsWith = described.Opens[0]
	}
	return described
}

// describe is what a process with this config has need of by its roles, as far as the config says.
func describe(config Config) ports.ProcessSettings {
	var described ports.ProcessSettings
	for _, role := range config.Roles {
		described.Roles = append(described.Roles, string(role))
	}
	if len(config.issuing()) > 0 {
		for _, issuer := range config.Issuers {
			described.Issuers = append(described.Issuers, issuer.Describe())
		}
		for _, zone := range config.DNS01.Zones {
			if described.ZoneSettings == nil {
				described.ZoneSettings = map[string]ports.Settings{}
			}
			described.Zones = append(described.Zones, zone.Zone)
			described.ZoneSettings[zone.Zone] = zone.Shown()
		}
	}
	host := ""
	if config.has(RoleDelivery) {
		host = config.DeliveryHost
	}
	for _, target := range config.Targets {
		described.Targets = append(described.Targets, ports.ProcessTarget{Name: target.Name, Host: host,
			Settings: target.Shown()})
	}
	return described
}

// ListProcesses reads the running processes from Postgres. It reads config.Postgres and config.StartTimeout.
func ListProcesses(ctx context.Context, config Config) ([]Process, error) {
	pool, err := openChecked(ctx, config)
	if err != nil {
		return nil, err
	}
	defer pool.Close()
	return postgres.NewProcesses(pool).Processes(ctx)
}
