package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"everleaf/ports"
)

var (
	_ ports.Stories = (*Stories)(nil)
	_ ports.Audit   = (*Stories)(nil)
)

// Stories tells what is known of certificates, and writes down who looked at their keys.
type Stories struct{ pool *pgxpool.Pool }

// NewStories tells from the pool's database.
func NewStories(pool *pgxpool.Pool) *Stories { return &Stories{pool: pool} }

// RecordExport implements ports.Audit.
func (s *Stories) RecordExport(ctx context.Context, export ports.KeyExport) error {
	export.By, export.Reason = text(export.By), text(export.Reason)
	_, err := s.pool.Exec(ctx, `INSERT INTO events (certificate, type, detail) VALUES ($1, 'exported', $2)`, export.Certificate, export)
	return interpret(err)
}

// Story implements ports.Stories. It is a snapshot of one instant.
func (s *Stories) Story(ctx context.Context, certificate string, events int) (ports.Story, error) {
	var story ports.Story
	err := pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) (err error) {
		if story, err = tale(ctx, tx, certificate); err != nil {
			return err
		}
		story.Events, err = newest(ctx, tx, certificate, events+1)
		return err
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return ports.Story{}, unknownCertificate(certificate)
	}
	if err != nil {
		return ports.Story{}, interpret(err)
	}
	if len(story.Events) > events {
		story.Events, story.Earlier = story.Events[:events], true
	}
	return story, nil
}

func tale(ctx context.Context, tx pgx.Tx, certificate string) (story ports.Story, err error) {
	story.CertificateRecord, err = scanRecord(tx.QueryRow(ctx, `
		SELECT `+recordColumns+`,
			(SELECT o.spec FROM orders o WHERE o.certificate = c.name AND o.state <> 'abandoned'
				AND (v.created_at IS NULL OR o.created_at > v.created_at) ORDER BY o.created_at DESC LIMIT 1),
			v.revoked_at, v.next_look, coalesce(v.look_failure, ''), `+pendingJSON+`, (
			SELECT jsonb_agg(jsonb_build_object('target', d.target, 'version', coalesce(d.version::text, ''), 'at', d.delivered_at,
				'failure', d.failure) ORDER BY d.target)
			FROM deliveries d WHERE d.certificate = c.name)
		FROM certificates c LEFT JOIN versions v ON v.id = c.current_version
		WHERE c.name = $1`, certificate), &story.Wanted, &story.RevokedAt, &story.NextLook, &story.LookFailure, &story.Revoking, &story.Deliveries)
	inUTC(story.Revoking, story.Deliveries)
	if err == nil && story.Wanted != nil && story.Wanted.Same(story.Spec) {
		story.Wanted = nil
	}
	return story, err
}

// newest are the events that were told last. A failure is told with the instant at which it happened.
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
