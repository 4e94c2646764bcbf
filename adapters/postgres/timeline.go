package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"everleaf/ports"
)

var (
	_ ports.Timelines = (*Timelines)(nil)
	_ ports.Audit     = (*Timelines)(nil)
)

// Timelines reads what is known of certificates, and records who exported their keys.
type Timelines struct{ pool *pgxpool.Pool }

// NewTimelines reads from the pool's database.
func NewTimelines(pool *pgxpool.Pool) *Timelines { return &Timelines{pool: pool} }

// RecordExport implements ports.Audit. An export that failed has an event beside the one that announced it.
func (s *Timelines) RecordExport(ctx context.Context, export ports.KeyExport) error {
	export.By, export.Reason = text(export.By), text(export.Reason)
	kind := "exported"
	if export.Failed != nil {
		failed := *export.Failed
		failed.Message = text(failed.Message)
		export.Failed, kind = &failed, "export_failed"
	}
	_, err := s.pool.Exec(ctx, `INSERT INTO events (certificate, type, detail) VALUES ($1, $2, $3)`,
		export.Certificate, kind, export)
	return interpret(err)
}

// Timeline implements ports.Timelines. It is a snapshot of one instant.
func (s *Timelines) Timeline(ctx context.Context, certificate string, events int) (ports.Timeline, error) {
	var timeline ports.Timeline
	err := pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly},
		func(tx pgx.Tx) (err error) {
			if timeline, err = scanTimeline(ctx, tx, certificate); err != nil {
				return err
			}
			timeline.Events, err = newest(ctx, tx, certificate, events+1)
			return err
		})
	if errors.Is(err, pgx.ErrNoRows) {
		return ports.Timeline{}, unknownCertificateFault(certificate)
	}
	if err != nil {
		return ports.Timeline{}, interpret(err)
	}
	if len(timeline.Events) > events {
		timeline.Events, timeline.Earlier = timeline.Events[:events], true
	}
	return timeline, nil
}

func scanTimeline(ctx context.Context, tx pgx.Tx, certificate string) (timeline ports.Timeline, err error) {
	timeline.CertificateRecord, err = scanRecord(tx.QueryRow(ctx, `
		SELECT `+recordColumns+`,
			(SELECT o.spec FROM orders o WHERE o.certificate = c.name AND o.state <> 'abandoned'
				AND (v.created_at IS NULL OR o.created_at > v.created_at) ORDER BY o.created_at DESC LIMIT 1) AS "orders.spec",
			(SELECT jsonb_build_object('issuer', o.issuer, 'url', coalesce(o.url, ''), 'since', o.created_at)
				FROM orders o WHERE o.certificate = c.name AND o.state IN ('planned', 'placed')) AS orders,
			v.revoked_at, v.next_check, coalesce(v.check_failure, '') AS check_failure, `+pendingJSON+` AS "versions.revoking", (
			SELECT jsonb_agg(jsonb_build_object('target', d.target, 'version', coalesce(d.version::text, ''), 'at',
				d.delivered_at, 'contacted', d.contacted, 'failure', d.failure) ORDER BY d.target)
			FROM deliveries d WHERE d.certificate = c.name) AS "deliveries.failure"
		FROM certificates c LEFT JOIN versions v ON v.id = c.current_version
		WHERE c.name = $1`, certificate), &timeline.Wanted, &timeline.Order, &timeline.RevokedAt, &timeline.NextCheck,
		&timeline.CheckFailure, &timeline.Revoking, &timeline.Deliveries)
	inUTC(timeline.Revoking, timeline.Deliveries)
	if timeline.Order != nil {
		timeline.Order.Since = timeline.Order.Since.UTC()
	}
	if err == nil && timeline.Wanted != nil && timeline.Wanted.Same(timeline.Spec) {
		timeline.Wanted = nil
	}
	return timeline, err
}

// newest returns the events that were recorded last. A failure has the instant at which it happened.
func newest(ctx context.Context, tx pgx.Tx, certificate string, limit int) ([]ports.Event, error) {
	rows, err := tx.Query(ctx, `SELECT id, at, type, detail FROM events WHERE certificate = $1 ORDER BY at DESC, id DESC LIMIT $2`,
		certificate, max(limit, 0))
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanEvent)
}

func scanEvent(row pgx.CollectableRow) (e ports.Event, err error) {
	err = row.Scan(&e.ID, &e.At, &e.Type, &e.Detail)
	e.At = e.At.UTC()
	return e, err
}
