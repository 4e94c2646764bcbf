package postgres

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"everleaf/domain"
	"everleaf/ports"
)

// InService implements ports.Certificates.
func (c *Certificates) InService(ctx context.Context, certificate string) (*ports.CertificateRecord, error) {
	var revoked bool
	record, err := scanRecord(c.pool.QueryRow(ctx, `
		SELECT `+recordColumns+`, v.revoked_at IS NOT NULL
		FROM certificates c JOIN versions v ON v.id = c.current_version
		WHERE c.name = $1`, certificate), &revoked)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, interpret(err)
	}
	record.Issued.Revoked = revoked
	return &record, nil
}

// Left implements ports.Certificates. It costs one round trip.
func (c *Certificates) Left(ctx context.Context, certificate string) (left ports.Left, err error) {
	batch := &pgx.Batch{}
	batch.Queue(pendingQuery, certificate).Query(func(rows pgx.Rows) (err error) {
		left.Revoking, err = pgx.CollectRows(rows, scanPending)
		return err
	})
	batch.Queue(deliveriesQuery, certificate).Query(func(rows pgx.Rows) (err error) {
		left.Deliveries, err = pgx.CollectRows(rows, scanDelivery)
		return err
	})
	if err := c.pool.SendBatch(ctx, batch).Close(); err != nil {
		return ports.Left{}, interpret(err)
	}
	return left, nil
}

// RecordAdopted implements ports.Certificates. Who looks after it is told by an event if nobody did.
func (c *Certificates) RecordAdopted(ctx context.Context, certificate, version string, spec domain.Spec) error {
	if _, err := uuid.Parse(version); err != nil {
		return unknownVersion(version)
	}
	_, err := c.pool.Exec(ctx, `
		WITH adopted AS (
			UPDATE certificates SET phase = 'Ready', failure = NULL, released_at = NULL, spec = $3, updated_at = now()
			WHERE name = $1 AND current_version = $2::uuid
			  AND (released_at IS NOT NULL OR failure IS NOT NULL OR phase <> 'Ready' OR spec <> $3::jsonb)
			RETURNING name
		)
		INSERT INTO events (certificate, type, detail)
		SELECT name, 'adopted', jsonb_build_object('version', $2::text) FROM adopted`, certificate, version, spec)
	return interpret(err)
}
