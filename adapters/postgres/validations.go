package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"everleaf/domain"
	"everleaf/ports"
)

var _ ports.Validations = (*Validations)(nil)

// Validations remembers which validations failed at CAs.
type Validations struct{ pool *pgxpool.Pool }

// NewValidations remembers in the pool's database.
func NewValidations(pool *pgxpool.Pool) *Validations { return &Validations{pool: pool} }

// RecordFailedValidation implements ports.Validations.
func (v *Validations) RecordFailedValidation(ctx context.Context, issuer, name, authorizationURL string,
	at time.Time) error {
	_, err := v.pool.Exec(ctx, `
		WITH forgotten AS (
			-- Others that forget at the same time are left to it.
			DELETE FROM failed_validations WHERE ctid = ANY (ARRAY(
				SELECT ctid FROM failed_validations WHERE failed_at < $5 LIMIT 1000 FOR UPDATE SKIP LOCKED))
		)
		INSERT INTO failed_validations (issuer, name, authorization_url, failed_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT DO NOTHING`, issuer, name, text(authorizationURL), at, at.Add(-domain.ValidationsWindow))
	return interpret(err)
}

// FailedValidations implements ports.Validations.
func (v *Validations) FailedValidations(ctx context.Context, issuer string, names []string,
	since time.Time) (map[string][]time.Time, error) {
	rows, err := v.pool.Query(ctx, `
		SELECT name, failed_at FROM failed_validations WHERE issuer = $1 AND name = ANY ($2) AND failed_at > $3
		ORDER BY failed_at DESC`, issuer, names, since)
	if err != nil {
		return nil, interpret(err)
	}
	type failure struct {
		Name string
		At   time.Time
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[failure])
	failures := map[string][]time.Time{}
	for _, f := range found {
		failures[f.Name] = append(failures[f.Name], f.At.UTC())
	}
	return failures, interpret(err)
}
