package postgres

import (
	"context"

	"github.com/google/uuid"

	"everleaf/domain"
)

// tokensInFlight removes the HTTP tokens of the orders in flight of the certificate in current: no CA looks at them
// after a failure that is recorded, whichever try has put them there.
const tokensInFlight = `tokens AS (
		DELETE FROM http_tokens WHERE order_id IN (
			SELECT id FROM orders WHERE certificate = (SELECT name FROM current) AND state IN ('planned', 'placed'))
	)`

// failedLast is certificate $1, unless something is stored that is later than a failure at $2: another failure, or the
// version in service. One that is not to be seen yet was stored while the statement waited for the row.
const failedLast = `current AS (
		SELECT name FROM certificates c
		WHERE name = $1 AND coalesce((failure ->> 'at')::timestamptz <= $2, true) AND (current_version IS NULL
			OR EXISTS (SELECT FROM versions v WHERE v.id = c.current_version AND v.created_at <= $2))
		FOR NO KEY UPDATE
	)`

// onceFailed is how an event of a failure conflicts with itself.
const onceFailed = ` ON CONFLICT (certificate, at, type) WHERE type IN ('failed', 'fell_back') DO NOTHING`

// RecordFailure implements ports.Certificates.
func (c *Certificates) RecordFailure(ctx context.Context, certificate string, spec domain.Spec,
	failure domain.Failure) error {
	failure.Fault.Message = text(failure.Fault.Message)
	_, err := c.pool.Exec(ctx, `
		WITH event AS (
			INSERT INTO events (certificate, at, type, detail) VALUES ($1, $2, 'failed', $3)`+onceFailed+`
			RETURNING certificate, detail
		), `+failedLast+`, `+tokensInFlight+`
		INSERT INTO certificates (name, spec, phase, failure) SELECT certificate, $4, 'Failing', detail FROM event
		WHERE EXISTS (SELECT FROM current) OR NOT EXISTS (SELECT FROM certificates WHERE name = $1)
		ON CONFLICT (name) DO UPDATE SET phase = 'Failing', failure = EXCLUDED.failure, updated_at = now(),
			spec = CASE WHEN certificates.current_version IS NULL THEN EXCLUDED.spec ELSE certificates.spec END`,
		certificate, failure.At, failure, spec)
	return interpret(err)
}

// RecordFallback implements ports.Certificates.
func (c *Certificates) RecordFallback(ctx context.Context, certificate, next string, failure domain.Failure) error {
	failure.Fault.Message = text(failure.Fault.Message)
	_, err := c.pool.Exec(ctx, `
		WITH `+failedLast+`, `+tokensInFlight+`
		INSERT INTO events (certificate, at, type, detail)
		VALUES ($1, $2, 'fell_back', $3::jsonb || jsonb_build_object('next', $4::text))`+onceFailed,
		certificate, failure.At, failure, next)
	return interpret(err)
}

// RecordUnrevoked implements ports.Certificates.
func (c *Certificates) RecordUnrevoked(ctx context.Context, certificate, version string, failure domain.Failure) error {
	if _, err := uuid.Parse(version); err != nil {
		return unknownVersionFault(version)
	}
	failure.Fault.Message = text(failure.Fault.Message)
	_, err := c.pool.Exec(ctx, `
		UPDATE versions SET revoking = revoking || jsonb_build_object('failure', $3::jsonb)
		WHERE id = $2::uuid AND certificate = $1 AND revoking IS NOT NULL AND revoked_at IS NULL
			AND coalesce((revoking -> 'failure' ->> 'at')::timestamptz <= $4, true)`, certificate, version, failure,
		failure.At)
	return interpret(err)
}
