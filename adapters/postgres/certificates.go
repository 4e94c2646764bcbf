package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"everleaf/domain"
	"everleaf/ports"
)

var _ ports.Certificates = (*Certificates)(nil)

// Certificates records what became of issuances.
type Certificates struct{ pool *pgxpool.Pool }

// NewCertificates records in the pool's database.
func NewCertificates(pool *pgxpool.Pool) *Certificates { return &Certificates{pool: pool} }

// RecordIssued implements ports.Certificates. An order that was abandoned meanwhile is an Operator fault
// "OrderAbandoned": its certificate must not replace a newer one.
func (c *Certificates) RecordIssued(ctx context.Context, orderID string, issued domain.Issued, chainPEM []byte) (domain.Issued, error) {
	if _, err := uuid.Parse(orderID); err != nil {
		return domain.Issued{}, unknownOrder(orderID)
	}
	var stored versionRow
	err := c.pool.QueryRow(ctx, `
		WITH done AS (
			-- The row's lock puts concurrent calls in a queue; those after the first find the state changed.
			UPDATE orders SET state = 'issued', updated_at = now()
			WHERE id = $1::uuid AND state IN ('planned', 'placed')
			RETURNING id, certificate,
				-- What was taken away from a target since it was placed does not come back.
				CASE WHEN spec ? 'deliveries' THEN jsonb_set(spec, '{deliveries}', (spec -> 'deliveries') - ARRAY(
					SELECT detail ->> 'target' FROM events e
					WHERE e.certificate = orders.certificate AND e.type = 'removed' AND e.at > orders.created_at))
				ELSE spec END AS spec
		), version AS (
			INSERT INTO versions (certificate, order_id, issuer, issuer_cn, names, serial, not_before, not_after, ari_id,
				account_url, chain_pem, key_type, profile)
			SELECT certificate, id, $2, $3, $4, $5, $6, $7, $8, $9, $10, coalesce(spec ->> 'keyType', ''),
				coalesce(spec ->> 'profile', '') FROM done
			RETURNING *
		), certificate AS (
			UPDATE certificates SET phase = 'Ready', current_version = version.id, failure = NULL, spec = done.spec,
				released_at = NULL, updated_at = now()
			FROM version, done WHERE certificates.name = done.certificate
		), tokens AS (
			DELETE FROM http_tokens WHERE order_id = $1::uuid
		), event AS (
			INSERT INTO events (certificate, type, detail)
			SELECT certificate, 'issued', jsonb_build_object('order', order_id, 'version', id, 'issuer', issuer,
				'issuerCN', issuer_cn, 'serial', serial, 'notAfter', not_after) FROM version
		)
		SELECT `+versionColumns+` FROM version v
		UNION ALL
		SELECT `+versionColumns+` FROM versions v WHERE v.order_id = $1::uuid`,
		orderID, issued.Issuer, text(issued.IssuerCN), issued.Names, issued.Serial, issued.NotBefore, issued.NotAfter,
		issued.ARIID, issued.AccountURL, text(string(chainPEM))).Scan(stored.fields()...)
	if errors.Is(err, pgx.ErrNoRows) {
		return c.issuedBefore(ctx, orderID)
	}
	if err != nil {
		return domain.Issued{}, interpret(err)
	}
	return *stored.issued(), nil
}

// issuedBefore answers for an order that was not in flight and whose version was not yet to be seen.
func (c *Certificates) issuedBefore(ctx context.Context, orderID string) (domain.Issued, error) {
	order, err := NewOrders(c.pool).Order(ctx, orderID)
	if err != nil {
		return domain.Issued{}, err
	}
	if order.Issued == nil {
		return domain.Issued{}, orderAbandoned(orderID)
	}
	return *order.Issued, nil
}

// Chain implements ports.Certificates. An unknown version is an Operator fault "UnknownVersion".
func (c *Certificates) Chain(ctx context.Context, version string) ([]byte, error) {
	if _, err := uuid.Parse(version); err != nil {
		return nil, unknownVersion(version)
	}
	var chain string
	err := c.pool.QueryRow(ctx, `SELECT chain_pem FROM versions WHERE id = $1::uuid`, version).Scan(&chain)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, unknownVersion(version)
	}
	if err != nil {
		return nil, interpret(err)
	}
	return []byte(chain), nil
}

// RecordRenewal implements ports.Certificates. An unknown version is an Operator fault "UnknownVersion".
func (c *Certificates) RecordRenewal(ctx context.Context, version string, plan domain.RenewalPlan, next time.Time) (domain.RenewalPlan, error) {
	if _, err := uuid.Parse(version); err != nil {
		return domain.RenewalPlan{}, unknownVersion(version)
	}
	plan = storable(plan)
	var stored *domain.RenewalPlan
	err := c.pool.QueryRow(ctx, `
		WITH planned AS (
			UPDATE versions SET renewal = $2, renew_at = $3, next_look = $4
			WHERE id = $1::uuid AND renewal IS NULL
			RETURNING id, certificate, renewal
		), certificate AS (
			UPDATE certificates SET updated_at = now() FROM planned WHERE certificates.name = planned.certificate
		), event AS (
			INSERT INTO events (certificate, type, detail)
			SELECT certificate, 'renewal_planned', jsonb_build_object('version', id, 'plan', renewal) FROM planned
		)
		SELECT renewal FROM planned
		UNION ALL
		SELECT renewal FROM versions WHERE id = $1::uuid AND renewal IS NOT NULL`,
		version, plan, plan.At, orNull(next)).Scan(&stored)
	if errors.Is(err, pgx.ErrNoRows) {
		// Unknown, or planned by another call while this one waited for the row.
		err = c.pool.QueryRow(ctx, `SELECT renewal FROM versions WHERE id = $1::uuid`, version).Scan(&stored)
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return domain.RenewalPlan{}, unknownVersion(version)
	}
	if err != nil {
		return domain.RenewalPlan{}, interpret(err)
	}
	return *stored, nil
}

// RecordChange implements ports.Certificates.
func (c *Certificates) RecordChange(ctx context.Context, certificate string, changes []string, at time.Time, spec *domain.Spec) error {
	_, err := c.pool.Exec(ctx, `
		WITH changed AS (
			UPDATE certificates SET spec = coalesce($4::jsonb, spec), released_at = NULL, updated_at = now(),
				-- A spec that needs no certificate leaves nothing to fail.
				phase = CASE WHEN $4::jsonb IS NOT NULL AND current_version IS NOT NULL THEN 'Ready' ELSE phase END,
				failure = CASE WHEN $4::jsonb IS NOT NULL AND current_version IS NOT NULL THEN NULL ELSE failure END
			WHERE name = $1
			RETURNING name
		)
		INSERT INTO events (certificate, at, type, detail)
		SELECT name, $3, 'changed', jsonb_build_object('changes', $2::text[]) FROM changed
		ON CONFLICT (certificate, at, type) WHERE type IN ('changed', 'fell_back') DO NOTHING`, certificate, changes, at, spec)
	return interpret(err)
}

// RecordFallback implements ports.Certificates.
func (c *Certificates) RecordFallback(ctx context.Context, certificate, orderID, next string, failure domain.Failure) error {
	var order *string
	if orderID != "" {
		if _, err := uuid.Parse(orderID); err != nil {
			return unknownOrder(orderID)
		}
		order = &orderID
	}
	failure.Fault.Message = text(failure.Fault.Message)
	_, err := c.pool.Exec(ctx, `
		WITH tokens AS (
			DELETE FROM http_tokens WHERE order_id = $5::uuid
		)
		INSERT INTO events (certificate, at, type, detail)
		VALUES ($1, $2, 'fell_back', $3::jsonb || jsonb_build_object('next', $4::text))
		ON CONFLICT (certificate, at, type) WHERE type IN ('changed', 'fell_back') DO NOTHING`,
		certificate, failure.At, failure, next, order)
	return interpret(err)
}

// RecordRevoked implements ports.Certificates. An unknown version is an Operator fault "UnknownVersion".
func (c *Certificates) RecordRevoked(ctx context.Context, version string, reason domain.RevocationReason, at time.Time) error {
	if _, err := uuid.Parse(version); err != nil {
		return unknownVersion(version)
	}
	var known bool
	err := c.pool.QueryRow(ctx, `
		WITH revoked AS (
			UPDATE versions SET revoked_at = $2, revocation_reason = $3 WHERE id = $1::uuid AND revoked_at IS NULL
			RETURNING id, certificate, serial, revoked_at, revocation_reason
		), event AS (
			INSERT INTO events (certificate, type, detail)
			SELECT certificate, 'revoked', jsonb_build_object('version', id, 'serial', serial, 'reason', revocation_reason,
				'at', revoked_at) FROM revoked
		)
		SELECT EXISTS (SELECT FROM versions WHERE id = $1::uuid)`, version, at, string(reason)).Scan(&known)
	if err == nil && !known {
		return unknownVersion(version)
	}
	return interpret(err)
}

// RecordReleased implements ports.Certificates.
func (c *Certificates) RecordReleased(ctx context.Context, certificate string) ([]domain.Delivery, error) {
	rows, err := c.pool.Query(ctx, `
		WITH released AS (
			UPDATE certificates SET released_at = now(), updated_at = now() WHERE name = $1 AND released_at IS NULL
			RETURNING name
		), event AS (
			INSERT INTO events (certificate, type, detail) SELECT name, 'released', '{}' FROM released
		)
		SELECT target, version::text, delivered_at, failure FROM deliveries
		WHERE certificate = $1 AND version IS NOT NULL ORDER BY target`, certificate)
	if err != nil {
		return nil, interpret(err)
	}
	delivered, err := pgx.CollectRows(rows, scanDelivery)
	return delivered, interpret(err)
}

// RecordFailure implements ports.Certificates.
func (c *Certificates) RecordFailure(ctx context.Context, certificate string, spec domain.Spec, orderID string, failure domain.Failure) error {
	var order *string
	if orderID != "" {
		if _, err := uuid.Parse(orderID); err != nil {
			return unknownOrder(orderID)
		}
		order = &orderID
	}
	failure.Fault.Message = text(failure.Fault.Message)
	_, err := c.pool.Exec(ctx, `
		WITH event AS (
			INSERT INTO events (certificate, at, type, detail) VALUES ($1, $4, 'failed', $3)
			ON CONFLICT (certificate, at) WHERE type = 'failed' DO NOTHING
			RETURNING certificate, detail
		), certificate AS (
			INSERT INTO certificates (name, spec, phase, failure) SELECT certificate, $2, 'Failing', detail FROM event
			ON CONFLICT (name) DO UPDATE SET phase = 'Failing', failure = EXCLUDED.failure, released_at = NULL, updated_at = now(),
				spec = CASE WHEN certificates.current_version IS NULL THEN EXCLUDED.spec ELSE certificates.spec END
		)
		DELETE FROM http_tokens WHERE order_id = $5::uuid`,
		certificate, spec, failure, failure.At, order)
	return interpret(err)
}

func unknownVersion(version string) error {
	return domain.NewFault(domain.FaultOperator, "UnknownVersion", nil,
		"no certificate version %q is stored: the database is not the one that this workflow used before", version)
}
