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

// Certificates records what is asked for and what came of it.
type Certificates struct{ pool *pgxpool.Pool }

// NewCertificates records in the pool's database.
func NewCertificates(pool *pgxpool.Pool) *Certificates { return &Certificates{pool: pool} }

// RecordIssued implements ports.Certificates.
func (c *Certificates) RecordIssued(ctx context.Context, certificate, orderID string, issued domain.Issued,
	chainPEM []byte) (domain.Issued, error) {
	if _, err := uuid.Parse(orderID); err != nil {
		return domain.Issued{}, unknownOrderFault(orderID)
	}
	var stored versionRow
	err := c.pool.QueryRow(ctx, `
		WITH done AS (
			-- The row's lock puts concurrent calls in a queue; those after the first find the state changed.
			UPDATE orders SET state = 'issued', updated_at = now()
			WHERE id = $1::uuid AND certificate = $2 AND state IN ('planned', 'placed')
			RETURNING id, certificate, key_id,
				-- What was taken away from a target since it was placed does not come back.
				CASE WHEN spec ? 'deliveries' THEN jsonb_set(spec, '{deliveries}', (spec -> 'deliveries') - ARRAY(
					SELECT detail ->> 'target' FROM events e
					WHERE e.certificate = orders.certificate AND e.type = 'removed' AND e.at > orders.created_at))
				ELSE spec END AS spec
		), version AS (
			INSERT INTO versions (certificate, order_id, issuer, issuer_cn, names, serial, not_before, not_after, ari_id,
				account_url, chain_pem, key_type, profile, revoking)
			SELECT certificate, id, $3, $4, $5, $6, $7, $8, $9, $10, $11, coalesce(spec ->> 'keyType', ''),
				coalesce(spec ->> 'profile', ''), (
				-- Its key may have been called compromised since it was placed.
				SELECT jsonb_strip_nulls(jsonb_build_object('reason', $12::text, 'signedBy', v.revoking ->> 'signedBy'))
				FROM versions v JOIN orders o ON o.id = v.order_id
				WHERE v.certificate = done.certificate AND o.key_id = done.key_id AND $12 IN (v.revoking ->> 'reason',
					v.revocation_reason)
				LIMIT 1)
			FROM done
			RETURNING *
		), certificate AS (
			UPDATE certificates SET phase = 'Ready', current_version = version.id, failure = NULL, spec = done.spec,
				updated_at = now()
			FROM version, done WHERE certificates.name = done.certificate
		), replaced AS (
			-- What is replaced is revoked when the targets have the new one, or have had time enough.
			UPDATE versions SET revoking = revoking || jsonb_build_object('after',
				least(now() + make_interval(secs => CASE revoking ->> 'reason' WHEN $12 THEN $13::float8 ELSE $14::float8 END),
					not_after))
			FROM done
			WHERE versions.certificate = done.certificate AND revoking IS NOT NULL AND revoked_at IS NULL
				AND NOT revoking ? 'after'
				AND done.spec -> 'deliveries' <> '[]'
		), deliveries AS (
			UPDATE deliveries SET failure = NULL, updated_at = now() FROM done
			WHERE deliveries.certificate = done.certificate AND failure IS NOT NULL
		), tokens AS (
			DELETE FROM http_tokens USING done WHERE order_id = done.id
		), event AS (
			INSERT INTO events (certificate, type, detail)
			SELECT certificate, 'issued', jsonb_build_object('order', order_id, 'version', id, 'issuer', issuer,
				'issuerCN', issuer_cn, 'serial', serial, 'notAfter', not_after) FROM version
		)
		SELECT `+versionColumns+` FROM version v
		UNION ALL
		SELECT `+versionColumns+` FROM versions v WHERE v.order_id = $1::uuid AND v.certificate = $2`,
		orderID, certificate, issued.Issuer, text(issued.IssuerCN), issued.Names, issued.Serial, issued.NotBefore,
		issued.NotAfter,
		issued.ARIID, issued.AccountURL, text(string(chainPEM)), string(domain.RevokedKeyCompromise),
		domain.RevokedKeyCompromise.DeliveryWait().Seconds(), domain.RevokedUnspecified.DeliveryWait().Seconds()).
		Scan(stored.fields()...)
	if errors.Is(err, pgx.ErrNoRows) {
		return c.issuedBefore(ctx, certificate, orderID)
	}
	if err != nil {
		return domain.Issued{}, interpret(err)
	}
	return *stored.issued(), nil
}

// issuedBefore answers for an order that was not in flight and whose version was not yet to be seen.
func (c *Certificates) issuedBefore(ctx context.Context, certificate, orderID string) (domain.Issued, error) {
	var version versionRow
	err := c.pool.QueryRow(ctx, `
		SELECT `+versionColumns+` FROM orders o LEFT JOIN versions v ON v.order_id = o.id
		WHERE o.id = $1::uuid AND o.certificate = $2`, orderID, certificate).Scan(version.fields()...)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return domain.Issued{}, unknownOrderFault(orderID)
	case err != nil:
		return domain.Issued{}, interpret(err)
	case version.id == nil:
		return domain.Issued{}, orderAbandonedFault(orderID)
	}
	return *version.issued(), nil
}

// RecordRenewal implements ports.Certificates.
func (c *Certificates) RecordRenewal(ctx context.Context, certificate, version string, plan domain.RenewalPlan,
	next time.Time) (domain.Record, error) {
	if _, err := uuid.Parse(version); err != nil {
		return domain.Record{}, unknownVersionFault(version)
	}
	plan = storable(plan)
	var found bool
	var planned *domain.RenewalPlan
	record, err := scanState(c.pool.QueryRow(ctx, `
		WITH planned AS (
			UPDATE versions SET renewal = $3, renew_at = $4, next_check = $5
			WHERE id = $2::uuid AND certificate = $1 AND renewal IS NULL
			RETURNING id, certificate, renewal
		), certificate AS (
			UPDATE certificates SET updated_at = now() FROM planned WHERE certificates.name = planned.certificate
		), event AS (
			INSERT INTO events (certificate, type, detail)
			SELECT certificate, 'renewal_planned', jsonb_build_object('version', id, 'plan', renewal) FROM planned
		)
		SELECT `+stateColumns+`, EXISTS (SELECT FROM versions WHERE id = $2::uuid AND certificate = $1), (SELECT renewal FROM planned)
		`+stateFrom+` WHERE c.name = $1`, certificate, version, plan, plan.At, orNull(next)), certificate,
		&found, &planned)
	switch {
	case errors.Is(err, pgx.ErrNoRows) || err == nil && !found:
		return domain.Record{}, unknownVersionFault(version)
	case err != nil:
		return domain.Record{}, interpret(err)
	case planned == nil: // by another call, perhaps while this one waited for the row
		return c.Record(ctx, certificate)
	}
	if record.Issued != nil && record.Issued.Version == version { // the statement sees the row as it was before
		record.Renewal = planned
	}
	return record, nil
}

// Chain implements ports.Certificates.
func (c *Certificates) Chain(ctx context.Context, certificate, version string) ([]byte, error) {
	var chain []byte
	err := c.ofVersion(ctx, `SELECT v.chain_pem FROM versions v WHERE v.id = $1::uuid AND v.certificate = $2`,
		certificate, version, &chain)
	return chain, err
}

// SealedPair implements ports.Certificates.
func (c *Certificates) SealedPair(ctx context.Context, certificate, version string) (ports.SealedPair, error) {
	pair := ports.SealedPair{Certificate: certificate}
	err := c.ofVersion(ctx, `
		SELECT `+pairColumns+` FROM versions v JOIN orders o ON o.id = v.order_id JOIN keys k ON k.id = o.key_id
		WHERE v.id = $1::uuid AND v.certificate = $2`, certificate, version, &pair.ChainPEM, &pair.Key.ID,
		&pair.Key.Sealed)
	return pair, err
}

func (c *Certificates) ofVersion(ctx context.Context, statement, certificate, version string, fields ...any) error {
	if _, err := uuid.Parse(version); err != nil {
		return unknownVersionFault(version)
	}
	err := c.pool.QueryRow(ctx, statement, version, certificate).Scan(fields...)
	if errors.Is(err, pgx.ErrNoRows) {
		return unknownVersionFault(version)
	}
	return interpret(err)
}

// RecordReleased implements ports.Certificates.
func (c *Certificates) RecordReleased(ctx context.Context, certificate string, at time.Time,
	cancelled bool) (domain.Record, error) {
	return c.after(ctx, certificate, nil, `
		WITH current AS (
			SELECT name FROM certificates
			WHERE name = $1 AND `+isLatest("certificates", "$2")+` AND ($3 OR retirement IS NOT NULL)
			FOR NO KEY UPDATE
		), released AS (
			UPDATE certificates SET released_at = now(), updated_at = now() FROM current
			WHERE certificates.name = current.name AND released_at IS NULL
			RETURNING certificates.name
		), `+tokensInFlight+`
		INSERT INTO events (certificate, type, detail)
		SELECT name, 'released', CASE WHEN $3 THEN '{"cancelled": true}'::jsonb ELSE '{}' END FROM released`,
		certificate, at, cancelled)
}

func unknownVersionFault(version string) error {
	return domain.NewFault(domain.FaultOperator, domain.ReasonUnknownVersion, nil,
		"no version %q of the certificate is stored: the database is not the one that this workflow used before",
		version)
}
