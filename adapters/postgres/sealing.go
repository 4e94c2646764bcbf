package postgres

import (
	"bytes"
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"everleaf/domain"
	"everleaf/ports"
)

// knownText is what the sealing key is tried on. It is no secret.
var knownText = []byte("everleaf sealing check")

// CheckSealing says whether the sealing key is the one that sealed this database's keys. The first caller's key is
// taken as that one. Faults: Operator "SealingKeyWrong"; Wait, if Postgres or the key service is out of reach.
func CheckSealing(ctx context.Context, pool *pgxpool.Pool, sealer ports.Sealer) error {
	sealed, err := storedCheck(ctx, pool)
	if errors.Is(err, pgx.ErrNoRows) {
		if sealed, err = sealer.Seal(ctx, knownText); err != nil {
			return err
		}
		// Two replicas may get here with different keys: what is stored decides.
		if _, err = pool.Exec(ctx, `INSERT INTO sealing_check (sealed) VALUES ($1) ON CONFLICT DO NOTHING`, sealed); err == nil {
			sealed, err = storedCheck(ctx, pool)
		}
	}
	if err != nil {
		return interpret(err)
	}
	opened, err := sealer.Open(ctx, sealed)
	if err != nil && domain.AsFault(err).Reason != "SealingKeyWrong" {
		return err
	}
	if err != nil || !bytes.Equal(opened, knownText) {
		return domain.NewFault(domain.FaultOperator, "SealingKeyWrong", nil,
			"--sealing-key (EVERLEAF_SEALING_KEY) names another key than the one that sealed this database's keys: give that one")
	}
	return nil
}

func storedCheck(ctx context.Context, pool *pgxpool.Pool) (sealed []byte, err error) {
	err = pool.QueryRow(ctx, `SELECT sealed FROM sealing_check`).Scan(&sealed)
	return sealed, err
}
