package postgres

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"everleaf/domain"
	"everleaf/ports"
)

var _ ports.Deliveries = (*Deliveries)(nil)

// Deliveries records what was delivered.
type Deliveries struct{ pool *pgxpool.Pool }

// NewDeliveries records in the pool's database.
func NewDeliveries(pool *pgxpool.Pool) *Deliveries { return &Deliveries{pool: pool} }

// Bundle implements ports.Deliveries.
func (d *Deliveries) Bundle(ctx context.Context, version string) (ports.KeyPair, error) {
	if _, err := uuid.Parse(version); err != nil {
		return ports.KeyPair{}, unknownVersion(version)
	}
	var pair ports.KeyPair
	var chain string
	record, err := scanRecord(d.pool.QueryRow(ctx, `
		SELECT `+recordColumns+`, v.chain_pem, k.sealed, c.current_version IS DISTINCT FROM v.id
		FROM versions v
		JOIN certificates c ON c.name = v.certificate
		JOIN orders o ON o.id = v.order_id
		JOIN keys k ON k.id = o.key_id
		WHERE v.id = $1::uuid`, version), &chain, &pair.SealedKey, &pair.Replaced)
	if errors.Is(err, pgx.ErrNoRows) {
		return ports.KeyPair{}, unknownVersion(version)
	}
	if err != nil {
		return ports.KeyPair{}, interpret(err)
	}
	pair.Record, pair.ChainPEM = record, []byte(chain)
	return pair, nil
}

// Sequence implements ports.Deliveries. The number is the instant of the request, in microseconds.
func (d *Deliveries) Sequence(ctx context.Context, request ports.DeliveryRequest) (sequence int64, err error) {
	if _, err := uuid.Parse(request.Version); err != nil && request.Version != "" {
		return 0, unknownVersion(request.Version)
	}
	err = d.pool.QueryRow(ctx, `
		INSERT INTO delivery_sequences AS last (certificate, target, version, asked, sequence)
		VALUES ($1, $2, nullif($3, '')::uuid, $4, $5)
		ON CONFLICT (certificate, target) DO UPDATE SET version = EXCLUDED.version, asked = EXCLUDED.asked,
			sequence = CASE WHEN last.version IS NOT DISTINCT FROM EXCLUDED.version THEN last.sequence
				ELSE greatest(last.sequence + 1, EXCLUDED.sequence) END
		WHERE last.asked <= EXCLUDED.asked
		RETURNING sequence`, request.Certificate, request.Target, request.Version, request.Asked, request.Asked.UnixMicro()).Scan(&sequence)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, domain.NewFault(domain.FaultWait, "VersionReplaced", nil,
			"target %s has been asked for something later about %s: this try is over", request.Target, request.Certificate).ForGood()
	}
	return sequence, interpret(err)
}

// RecordDelivered implements ports.Deliveries. A version that is delivered anew, since it had drifted, gets no second
// event. The stored spec is that of an order, which may have been placed before a caller added the target: clients that pull
// find what is named there.
func (d *Deliveries) RecordDelivered(ctx context.Context, certificate, target, version, confirmation string) error {
	if _, err := uuid.Parse(version); err != nil {
		return unknownVersion(version)
	}
	var known bool
	err := d.pool.QueryRow(ctx, `
		WITH delivered AS (
			SELECT id, certificate, serial, created_at FROM versions WHERE id = $3::uuid AND certificate = $1
		), row AS (
			INSERT INTO deliveries (certificate, target, version, confirmation, delivered_at)
			SELECT certificate, $2, id, $4, now() FROM delivered
			ON CONFLICT (certificate, target) DO UPDATE SET version = EXCLUDED.version, confirmation = EXCLUDED.confirmation,
				delivered_at = EXCLUDED.delivered_at, failure = NULL, updated_at = now()
			WHERE NOT EXISTS (
				SELECT FROM versions v, delivered WHERE v.id = deliveries.version AND v.created_at > delivered.created_at)
			RETURNING certificate
		), named AS (
			UPDATE certificates SET spec = jsonb_set(spec, '{deliveries}', coalesce(spec -> 'deliveries', '[]') || to_jsonb($2::text))
			FROM row WHERE name = row.certificate AND released_at IS NULL AND NOT coalesce(spec -> 'deliveries', '[]') ? $2::text
		), event AS (
			INSERT INTO events (certificate, type, detail)
			SELECT certificate, 'delivered', jsonb_build_object('target', $2::text, 'version', id, 'serial', serial,
				'confirmation', $4::text) FROM delivered
			ON CONFLICT (certificate, (detail ->> 'target'), (detail ->> 'version')) WHERE type = 'delivered' DO NOTHING
		)
		SELECT EXISTS (SELECT FROM delivered)`, certificate, target, version, text(confirmation)).Scan(&known)
	if err == nil && !known {
		return unknownVersion(version)
	}
	return interpret(err)
}

// RecordUndelivered implements ports.Deliveries. An unknown certificate is no error.
func (d *Deliveries) RecordUndelivered(ctx context.Context, certificate, target, version string, failure domain.Failure) error {
	failure.Fault.Message = text(failure.Fault.Message)
	_, err := d.pool.Exec(ctx, `
		WITH event AS (
			INSERT INTO events (certificate, at, type, detail)
			SELECT name, $4, 'undelivered', $5::jsonb || jsonb_build_object('target', $2::text, 'version', $3::text)
			FROM certificates WHERE name = $1
			ON CONFLICT (certificate, at, (detail ->> 'target')) WHERE type = 'undelivered' DO NOTHING
			RETURNING certificate
		)
		INSERT INTO deliveries (certificate, target, failure)
		SELECT name, $2, $5::jsonb FROM certificates WHERE name = $1
		ON CONFLICT (certificate, target) DO UPDATE SET failure = EXCLUDED.failure, updated_at = now()
		-- Told again, the same failure may have been decided anew; but one that is over does not come back.
		WHERE EXISTS (SELECT FROM event) OR deliveries.failure ->> 'at' = EXCLUDED.failure ->> 'at'`,
		certificate, target, version, failure.At, failure)
	return interpret(err)
}

// RecordRemoved implements ports.Deliveries. The story stays in the events. A spec that waits for its certificate is not
// stored yet: the one that is must not go on naming the target, for clients pull by it.
func (d *Deliveries) RecordRemoved(ctx context.Context, certificate, target string) error {
	_, err := d.pool.Exec(ctx, `
		WITH gone AS (
			DELETE FROM deliveries WHERE certificate = $1 AND target = $2 RETURNING certificate, target, version
		), unnamed AS (
			UPDATE certificates SET spec = jsonb_set(spec, '{deliveries}', (spec -> 'deliveries') - $2::text)
			WHERE name = $1 AND spec -> 'deliveries' ? $2::text
		)
		INSERT INTO events (certificate, type, detail)
		SELECT certificate, 'removed', jsonb_build_object('target', target, 'version', version) FROM gone`, certificate, target)
	return interpret(err)
}

// Delivered implements ports.Deliveries. A limit below one gives none.
func (d *Deliveries) Delivered(ctx context.Context, host string, after ports.DeliveredTo, limit int) ([]ports.DeliveredTo, error) {
	rows, err := d.pool.Query(ctx, `
		SELECT d.certificate, d.target, d.version::text
		FROM deliveries d JOIN certificates c ON c.name = d.certificate
		WHERE d.host = $1 AND (d.certificate, d.target) > ($2, $3) AND d.version IS NOT NULL AND d.failure IS NULL
			AND d.version = c.current_version AND c.released_at IS NULL
		ORDER BY d.certificate, d.target
		LIMIT $4`, host, after.Certificate, after.Target, max(limit, 0))
	if err != nil {
		return nil, interpret(err)
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (to ports.DeliveredTo, err error) {
		return to, row.Scan(&to.Certificate, &to.Target, &to.Version)
	})
	return found, interpret(err)
}
