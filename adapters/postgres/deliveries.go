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

// Deliveries records what was delivered. Its statements lock a certificate's row first, then delivery_sequences, then
// deliveries.
type Deliveries struct{ pool *pgxpool.Pool }

// NewDeliveries records in the pool's database.
func NewDeliveries(pool *pgxpool.Pool) *Deliveries { return &Deliveries{pool: pool} }

// deliveriesJSON are the domain.Deliveries of certificate c: the targets that it may be at, in order of name. One that
// failed before any step contacted it has a row as well, so that its failure is seen, but nothing is known to be there.
//
// A spec names 20 at the most, and each change of it may leave some to be cleared. More than 200 at a time are no
// caller's doing: those that nobody asks for have their turn when others are cleared, and no workflow chokes on them.
const deliveriesJSON = `(
	SELECT jsonb_agg(jsonb_build_object('target', d.target, 'version', coalesce(d.version::text, ''), 'at', d.delivered_at,
		'failure', d.failure, 'contacted', true) ORDER BY d.target)
	FROM (
		SELECT * FROM deliveries WHERE certificate = c.name AND contacted
		ORDER BY coalesce(coalesce(c.wanted, c.spec) -> 'deliveries' ? target, false) DESC, target
		LIMIT 200
	) d)`

// forgetUncontacted forgets the targets of the certificate in stored that no step has contacted and that its spec, $4,
// does not name.
const forgetUncontacted = `unmet AS (
		DELETE FROM deliveries d USING stored
		WHERE d.certificate = stored.name AND NOT d.contacted AND NOT coalesce($4::jsonb -> 'deliveries', '[]') ? d.target
	)`

// Bundle implements ports.Deliveries.
func (d *Deliveries) Bundle(ctx context.Context, certificate, version string) (ports.KeyPair, error) {
	if _, err := uuid.Parse(version); err != nil {
		return ports.KeyPair{}, unknownVersionFault(version)
	}
	var replaced bool
	pair, err := scanPair(d.pool.QueryRow(ctx, `
		SELECT `+recordColumns+`, `+pairColumns+`, c.current_version IS DISTINCT FROM v.id
		FROM versions v
		JOIN certificates c ON c.name = v.certificate
		JOIN orders o ON o.id = v.order_id
		JOIN keys k ON k.id = o.key_id
		WHERE v.id = $2::uuid AND v.certificate = $1`, certificate, version), &replaced)
	if errors.Is(err, pgx.ErrNoRows) {
		return ports.KeyPair{}, unknownVersionFault(version)
	}
	if err != nil {
		return ports.KeyPair{}, interpret(err)
	}
	pair.Replaced = replaced
	return pair, nil
}

// RecordDelivered implements ports.Deliveries. A version that is delivered again, since it had drifted, gets no second
// event. The stored spec may be that of an order which was placed before a caller added the target: clients that pull
// find what is named there.
func (d *Deliveries) RecordDelivered(ctx context.Context, certificate, target string, sequence int64,
	confirmation string) (cleared bool, err error) {
	var last bool
	err = d.pool.QueryRow(ctx, `
		WITH kept AS (
			SELECT name FROM certificates WHERE name = $1 FOR NO KEY UPDATE
		), delivered AS (
			SELECT v.certificate, v.id, v.serial
			FROM kept JOIN delivery_sequences s ON s.certificate = kept.name
			JOIN versions v ON v.certificate = s.certificate AND v.id = s.version
			WHERE s.target = $2 AND s.sequence = $3
			FOR UPDATE OF s -- what is asked for later waits
		), row AS (
			INSERT INTO deliveries (certificate, target, contacted, version, confirmation, delivered_at)
			SELECT certificate, $2, true, id, $4, now() FROM delivered
			ON CONFLICT (certificate, target) DO UPDATE SET contacted = true, version = EXCLUDED.version,
				confirmation = EXCLUDED.confirmation, delivered_at = EXCLUDED.delivered_at, failure = NULL, updated_at = now()
		), named AS (
			UPDATE certificates SET spec = jsonb_set(spec, '{deliveries}', coalesce(spec -> 'deliveries',
				'[]') || to_jsonb($2::text))
			FROM delivered WHERE name = delivered.certificate AND released_at IS NULL
				AND NOT coalesce(spec -> 'deliveries', '[]') ? $2::text
		), event AS (
			INSERT INTO events (certificate, type, detail)
			SELECT certificate, 'delivered', jsonb_build_object('target', $2::text, 'version', id, 'serial', serial,
				'confirmation', $4::text) FROM delivered
			ON CONFLICT (certificate, (detail ->> 'target'), (detail ->> 'version')) WHERE type = 'delivered' DO NOTHING
		)
		SELECT EXISTS (SELECT FROM delivered), EXISTS (
			SELECT FROM delivery_sequences WHERE certificate = $1 AND target = $2 AND version IS NULL)`,
		certificate, target, sequence, text(confirmation)).Scan(&last, &cleared)
	if err == nil && !last {
		return cleared, overtakenFault(certificate, target)
	}
	return false, interpret(err)
}

// RecordRemoved implements ports.Deliveries. What happened stays in the events, and the number, so that the next one is
// greater. A spec that waits for its certificate is not stored yet: the one that is must not go on naming the target,
// for clients pull by it.
func (d *Deliveries) RecordRemoved(ctx context.Context, certificate, target string, sequence int64) error {
	var last bool
	err := d.pool.QueryRow(ctx, `
		WITH kept AS (
			SELECT name FROM certificates WHERE name = $1 FOR NO KEY UPDATE
		), removed AS (
			SELECT s.certificate, s.target FROM kept JOIN delivery_sequences s ON s.certificate = kept.name
			WHERE s.target = $2 AND s.sequence = $3 AND s.version IS NULL
			FOR UPDATE OF s
		), gone AS (
			DELETE FROM deliveries d USING removed WHERE d.certificate = removed.certificate AND d.target = removed.target
			RETURNING d.certificate, d.target
		), unnamed AS (
			UPDATE certificates SET spec = jsonb_set(spec, '{deliveries}', (spec -> 'deliveries') - $2::text)
			FROM removed WHERE name = removed.certificate AND spec -> 'deliveries' ? $2::text
		), event AS (
			INSERT INTO events (certificate, type, detail) SELECT certificate, 'removed', jsonb_build_object('target', target)
				FROM gone
		)
		SELECT EXISTS (SELECT FROM removed)`, certificate, target, sequence).Scan(&last)
	if err == nil && !last {
		return overtakenFault(certificate, target)
	}
	return interpret(err)
}

// RecordUndelivered implements ports.Deliveries. An unknown certificate is no error.
func (d *Deliveries) RecordUndelivered(ctx context.Context, certificate, target, version string,
	failure domain.Failure) error {
	failure.Fault.Message = text(failure.Fault.Message)
	_, err := d.pool.Exec(ctx, `
		WITH event AS (
			INSERT INTO events (certificate, at, type, detail)
			SELECT name, $4, 'delivery_failed', $5::jsonb || jsonb_build_object('target', $2::text, 'version', $3::text)
			FROM certificates WHERE name = $1
			ON CONFLICT (certificate, at, (detail ->> 'target')) WHERE type = 'delivery_failed' DO NOTHING
			RETURNING certificate
		)
		INSERT INTO deliveries (certificate, target, failure)
		SELECT name, $2, $5::jsonb FROM certificates WHERE name = $1
		ON CONFLICT (certificate, target) DO UPDATE SET failure = EXCLUDED.failure, updated_at = now()
		-- Recorded again, the same failure may have been decided again; but one that is over does not come back.
		WHERE (EXISTS (SELECT FROM event) OR deliveries.failure ->> 'at' = EXCLUDED.failure ->> 'at')
			AND coalesce((deliveries.failure ->> 'at')::timestamptz <= (EXCLUDED.failure ->> 'at')::timestamptz, true)
			AND coalesce(deliveries.delivered_at <= $4, true)`,
		certificate, target, version, failure.At, failure)
	return interpret(err)
}

// overtakenFault is the end of a try: its target was asked for something else since it began.
func overtakenFault(certificate, target string) *domain.Fault {
	return domain.NewFault(domain.FaultWait, domain.ReasonVersionReplaced, nil,
		"target %s has been asked for something later about %s: this try is over", target, certificate).Permanent()
}
