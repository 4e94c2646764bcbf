package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"everleaf/domain"
)

// RecordRevoked implements ports.Certificates.
func (c *Certificates) RecordRevoked(ctx context.Context, certificate, version string, reason domain.RevocationReason,
	at time.Time) (domain.Record, error) {
	if _, err := uuid.Parse(version); err != nil {
		return domain.Record{}, unknownVersionFault(version)
	}
	var found bool
	record, err := c.after(ctx, certificate, func(row pgx.Row) error { return row.Scan(&found) }, `
		WITH revoked AS (
			UPDATE versions SET revoked_at = $3, revocation_reason = $4 WHERE id = $2::uuid AND certificate = $1
				AND revoked_at IS NULL
			RETURNING id, certificate, serial, revoked_at, revocation_reason
		), event AS (
			INSERT INTO events (certificate, type, detail)
			SELECT certificate, 'revoked', jsonb_build_object('version', id, 'serial', serial, 'reason', revocation_reason,
				'at', revoked_at) FROM revoked
		)
		SELECT EXISTS (SELECT FROM versions WHERE id = $2::uuid AND certificate = $1)`, certificate, version, at,
		string(reason))
	if err == nil && !found {
		return domain.Record{}, unknownVersionFault(version)
	}
	return record, err
}
