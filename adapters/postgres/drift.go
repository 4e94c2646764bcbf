package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"everleaf/ports"
)

// RecordDrifted implements ports.Deliveries.
func (d *Deliveries) RecordDrifted(ctx context.Context, drifts []ports.Drift) error {
	certificates, targets := make([]string, len(drifts)), make([]string, len(drifts))
	versions, what := make([]string, len(drifts)), make([]string, len(drifts))
	for i, drift := range drifts {
		certificates[i], targets[i], versions[i], what[i] = drift.Certificate, drift.Target, drift.Version,
			text(drift.What)
	}
	_, err := d.pool.Exec(ctx, `
		WITH drifted AS (
			SELECT d.certificate, d.target, d.version, found.what
			FROM unnest($1::text[], $2::text[], $3::uuid[], $4::text[]) AS found (certificate, target, version, what)
			JOIN deliveries d ON d.certificate = found.certificate AND d.target = found.target AND d.version = found.version
			ORDER BY d.certificate, d.target
			FOR UPDATE OF d
		), cleared AS (
			UPDATE deliveries d SET version = NULL, updated_at = now()
			FROM drifted WHERE d.certificate = drifted.certificate AND d.target = drifted.target
		)
		INSERT INTO events (certificate, type, detail)
		SELECT certificate, 'drifted', jsonb_build_object('target', target, 'version', version, 'drift', what) FROM drifted`,
		certificates, targets, versions, what)
	return interpret(err)
}

// Delivered implements ports.Deliveries. The page is cut before anything is joined to it: however many of a host's
// deliveries need no look, a page costs no more than its rows. One that was delivered, and that neither has a version
// nor has failed, has drifted: a removal takes delivered_at away as well.
func (d *Deliveries) Delivered(ctx context.Context, host string, after ports.DeliveredTo,
	limit int) (ports.DeliveredPage, error) {
	rows, err := d.pool.Query(ctx, `
		SELECT d.certificate, d.target, coalesce(d.version::text, ''),
			(d.version IS NULL OR d.version = c.current_version) AND c.released_at IS NULL
		FROM (
			SELECT certificate, target, version FROM deliveries
			WHERE host = $1 AND (certificate, target) > ($2, $3) AND failure IS NULL AND delivered_at IS NOT NULL
			ORDER BY certificate, target
			LIMIT $4
		) d JOIN certificates c ON c.name = d.certificate
		ORDER BY d.certificate, d.target`, host, after.Certificate, after.Target, limit)
	if err != nil {
		return ports.DeliveredPage{}, interpret(err)
	}
	page := ports.DeliveredPage{After: after}
	read, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (look bool, err error) {
		if err = row.Scan(&page.After.Certificate, &page.After.Target, &page.After.Version, &look); look {
			page.Deliveries = append(page.Deliveries, page.After)
		}
		return look, err
	})
	page.Done = len(read) < limit
	return page, interpret(err)
}
