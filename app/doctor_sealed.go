package app

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"everleaf/adapters/acme"
	"everleaf/adapters/postgres"
	"everleaf/adapters/pull"
	"everleaf/adapters/sealing"
)

func (d *doctor) sealing(ctx context.Context, pool *pgxpool.Pool) (string, error) {
	keeper, err := d.keeper()
	if err != nil {
		return "", err
	}
	processes := postgres.NewProcesses(pool)
	seen, err := checkSealing(ctx, pool, keeper, processes)
	if err != nil {
		return "", err
	}
	if err := sealing.CheckShared(ctx, keeper, processes); err != nil {
		return "", err
	}
	found, err := postgres.OpenSample(ctx, pool, keeper)
	if err != nil {
		return "", err
	}
	if found {
		seen += "; it opens the newest private key"
	}
	return seen, nil
}

func (d *doctor) issuer(issuer Issuer) func(context.Context) (string, error) {
	return d.stored(func(ctx context.Context, pool *pgxpool.Pool) (string, error) {
		keeper, err := d.keeper()
		if err != nil {
			return "", caution("not looked at, for the sealing key cannot be used: correct that first")
		}
		ca, err := acme.New(issuer, postgres.NewAccounts(pool), keeper, d.logger)
		if err != nil {
			return "", err
		}
		seen, err := ca.Inspect(ctx)
		if err != nil {
			return "", err
		}
		if seen.Status != "" && seen.Status != "valid" {
			return "", fmt.Errorf("%s: nothing can be issued under it; remove its row from the table accounts to register again",
				seen)
		}
		if seen.Date.IsZero() {
			return seen.String(), nil
		}
		clock, err := apart("its clock", seen.Date, time.Now())
		return seen.String() + "; " + clock, err
	}, false)
}

// pulls looks at the listener's files: the listener itself is another process's.
func (d *doctor) pulls(_ context.Context, pool *pgxpool.Pool) (string, error) {
	keeper, err := d.keeper()
	if err != nil {
		return "", caution("not looked at, for the sealing key cannot be used: correct that first")
	}
	server, err := pull.New(pullConfig(d.config), postgres.NewPulls(pool), postgres.NewKeyTokens(pool),
		sealing.NewKeys(keeper), d.logger)
	if err != nil {
		return "", err
	}
	end, err := server.CheckCertificate()
	return "its certificate ends at " + end.Format(time.RFC3339), err
}
