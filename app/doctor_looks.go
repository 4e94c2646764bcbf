package app

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"everleaf/adapters/http01"
	"everleaf/adapters/postgres"
	"everleaf/adapters/sealing"
	"everleaf/domain"
)

// doctor holds the connections that looks share, each made at most once.
type doctor struct {
	config Config
	logger *slog.Logger

	mu      sync.Mutex
	closers []func()
	pool    func() (*pgxpool.Pool, error)
	schema  func() error
	keeper  func() (*sealing.Keeper, error)
}

func (d *doctor) closing(closer func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closers = append(d.closers, closer)
}

func (d *doctor) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, closer := range d.closers {
		closer()
	}
}

// looks are all that the roles depend on.
func (d *doctor) looks(responderName string) []look {
	d.pool = sync.OnceValues(func() (*pgxpool.Pool, error) {
		ctx, cancel := context.WithTimeout(context.Background(), lookLimit/2)
		defer cancel()
		pool, err := postgres.Open(ctx, d.config.Postgres)
		if err == nil {
			d.closing(pool.Close)
		}
		return pool, err
	})
	d.schema = sync.OnceValue(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), lookLimit/2)
		defer cancel()
		pool, err := d.pool()
		if err != nil {
			return err
		}
		return postgres.CheckSchema(ctx, pool)
	})
	d.keeper = sync.OnceValues(func() (*sealing.Keeper, error) {
		keeper, err := sealing.Open(context.Background(), d.config.Sealing)
		if err == nil {
			d.closing(func() { _ = keeper.Close() }) // nothing was written through it
		}
		return keeper, err
	})
	looks := []look{
		{"postgres", d.stored(func(ctx context.Context, pool *pgxpool.Pool) (string, error) {
			return postgres.Readiness(ctx, pool)
		}, true)},
		{"postgres rights", d.rights},
		{"postgres clock", d.stored(func(ctx context.Context, pool *pgxpool.Pool) (string, error) {
			now, err := postgres.Now(ctx, pool)
			if err != nil {
				return "", err
			}
			return apart("the database's clock", now, time.Now())
		}, false)},
	}
	if len(d.config.polling()) > 0 || d.config.pulls() {
		looks = append(looks, look{"processes", d.stored(func(ctx context.Context, pool *pgxpool.Pool) (string, error) {
			processes, err := postgres.NewProcesses(pool).Processes(ctx)
			if err != nil {
				return "", err
			}
			own := describe(d.config)
			if target, err := d.config.temporalConfig(); err == nil {
				own.TaskQueue, own.Namespace = target.TaskQueue, target.Client.Namespace
			}
			return compare(processes, own)
		}, false)}, look{"certificates", d.stored(d.uses, false)})
	}
	if d.config.seals() {
		looks = append(looks, look{"sealing key", d.stored(d.sealing, false)})
	}
	if len(d.config.polling()) > 0 {
		looks = append(looks, d.temporal()...)
	}
	if len(d.config.issuing()) > 0 {
		for _, issuer := range d.config.Issuers {
			looks = append(looks, look{"issuer " + issuer.Issuer, d.issuer(issuer)})
		}
	}
	if d.config.has(RoleAuthorization) {
		for _, zone := range d.config.DNS01.Zones {
			looks = append(looks, look{"DNS zone " + zone.Zone, d.zone(zone)})
		}
	}
	for _, target := range d.config.Targets {
		looks = append(looks, look{"target " + target.Name, d.target(target)})
	}
	if d.config.pulls() {
		looks = append(looks, look{"pull listener", d.stored(d.pulls, false)})
	}
	if responderName != "" {
		looks = append(looks, look{"responder", d.stored(func(ctx context.Context, pool *pgxpool.Pool) (string, error) {
			return http01.Probe(ctx, d.config.HTTP01, responderName, postgres.NewHTTPTokens(pool))
		}, false)})
	}
	return looks
}

// stored is a look that needs the database and its tables. Their absence is the first one's to report.
func (d *doctor) stored(run func(context.Context, *pgxpool.Pool) (string, error),
	first bool) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		pool, err := d.pool()
		switch {
		case err != nil && first:
			return "", err
		case err != nil:
			return "", caution("not looked at, for Postgres is out of reach: correct that first")
		case !first && d.schema() != nil && d.lacksRights(ctx, pool):
			return "", caution("not looked at, for the database's user lacks rights: correct that first")
		case !first && d.schema() != nil:
			return "", caution("not looked at, for the database's tables are not those of this build: correct that first")
		}
		return run(ctx, pool)
	}
}

// rights are looked at also where the schema's version cannot be read, since that is what rights may be missing for.
func (d *doctor) rights(ctx context.Context) (string, error) {
	look := func(ctx context.Context, pool *pgxpool.Pool) (string, error) { return postgres.CheckRights(ctx, pool) }
	pool, err := d.pool()
	return d.stored(look, err == nil && d.lacksRights(ctx, pool))(ctx)
}

// lacksRights reports whether the tables are there, and the user may not do with them what a worker does.
func (d *doctor) lacksRights(ctx context.Context, pool *pgxpool.Pool) bool {
	_, err := postgres.CheckRights(ctx, pool)
	return err != nil && domain.AsFault(err).Reason == domain.ReasonDatabaseRefused
}
