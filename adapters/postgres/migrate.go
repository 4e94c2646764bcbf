package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"everleaf/domain"
	"everleaf/migrations"
)

const (
	// versionTable is our own, so that another user of goose in the same database is not disturbed.
	versionTable = "everleaf_schema"
	// migrationLock is the advisory lock's key: "everleaf" in ASCII.
	migrationLock int64 = 0x657665726c656166
	// lockAttempts, one a second, bound the wait for another replica's migrations.
	lockAttempts = 300
)

// Migrate brings the schema to this binary's version and returns the version before and after. Any number of replicas
// may run it at once: one works, the others wait up to five minutes. It needs its own session, so not PgBouncer
// in transaction mode. Faults: those of Open, Operator "SchemaTooNew" and "MigrationFailed".
func Migrate(ctx context.Context, config Config) (from, to int64, err error) {
	parsed, err := parse(config)
	if err != nil {
		return 0, 0, err
	}
	pool, err := open(ctx, parsed, config.Logger)
	if err != nil {
		return 0, 0, err
	}
	defer pool.Close()
	if from, err = schemaVersion(ctx, pool); err != nil {
		return 0, 0, err
	}
	if from > migrations.Version() {
		return from, from, tooNewFault(from)
	}
	db := stdlib.OpenDBFromPool(pool)
	defer func() { _ = db.Close() }() // hands its connections back to the pool, which is closed next
	if err := up(ctx, db); err != nil {
		return from, from, err
	}
	if to, err = schemaVersion(ctx, pool); err != nil {
		return from, from, err
	}
	return from, to, nil
}

func up(ctx context.Context, db *sql.DB) error {
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockID(migrationLock), lock.WithLockTimeout(1, lockAttempts))
	if err != nil {
		return interpret(err)
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, migrations.FS, goose.WithTableName(versionTable),
		goose.WithSessionLocker(locker), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return interpret(err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return failedMigration(err)
	}
	return nil
}

func failedMigration(err error) error {
	fault := domain.AsFault(interpret(err))
	if partial, ok := errors.AsType[*goose.PartialError](err); ok && fault.Kind == domain.FaultOperator {
		return domain.NewFault(domain.FaultOperator, domain.ReasonMigrationFailed, fault,
			"migration %d failed and was rolled back",
			partial.Failed.Source.Version)
	}
	return fault
}

// CheckSchema returns nil if this binary may work with the database: else an Operator fault "SchemaTooOld" or
// "SchemaTooNew" names both versions and the fix. A newer schema is good enough unless it says that it is not: while
// releases are rolled out, both run on it.
func CheckSchema(ctx context.Context, pool *pgxpool.Pool) error {
	_, err := fittingSchema(ctx, pool)
	return err
}

// Readiness is CheckSchema for people who watch: detail says which version the database has, err where it was looked
// for.
func Readiness(ctx context.Context, pool *pgxpool.Pool) (detail string, err error) {
	found, err := fittingSchema(ctx, pool)
	if fault, ok := errors.AsType[*domain.Fault](err); ok && disconnected(fault) {
		err = domain.NewFault(domain.FaultWait, domain.ReasonDatabaseUnavailable, errors.Unwrap(fault),
			"Postgres at %s does not answer: start it, or correct %s", address(pool.Config()), setting)
	}
	return fmt.Sprintf("version %d", found), err
}

func fittingSchema(ctx context.Context, pool *pgxpool.Pool) (found int64, err error) {
	found, err = schemaVersion(ctx, pool)
	switch expected := migrations.Version(); {
	case err != nil:
		return found, err
	case found == 0:
		return found, domain.NewFault(domain.FaultOperator, domain.ReasonSchemaTooOld, nil,
			"the database has none of Everleaf's tables yet: run `everleaf migrate`, which makes them")
	case found < expected:
		return found, domain.NewFault(domain.FaultOperator, domain.ReasonSchemaTooOld, nil,
			"the database has schema version %d and this binary needs %d: run `everleaf migrate`", found, expected)
	case found > expected:
		var minVersion int64
		if err := pool.QueryRow(ctx, `SELECT coalesce(max(min_version), 0) FROM everleaf_compatibility`).
			Scan(&minVersion); err != nil {
			return found, interpret(err)
		}
		if minVersion > expected {
			return found, tooNewFault(found)
		}
	}
	return found, nil
}

func tooNewFault(found int64) error {
	return domain.NewFault(domain.FaultOperator, domain.ReasonSchemaTooNew, nil,
		"the database has schema version %d, which does not suit this binary; it knows %d: deploy the newer binary",
		found,
		migrations.Version())
}

// schemaVersion is 0 for a database without our schema.
func schemaVersion(ctx context.Context, pool *pgxpool.Pool) (version int64, err error) {
	err = pool.QueryRow(ctx, `SELECT coalesce(max(version_id), 0) FROM `+versionTable+
		` WHERE is_applied`).Scan(&version)
	if answer, ok := errors.AsType[*pgconn.PgError](err); ok && answer.Code == "42P01" {
		return 0, nil
	}
	return version, interpret(err)
}
