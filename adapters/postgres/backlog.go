package postgres

import (
	"context"
	"time"

	"everleaf/ports"
)

var _ ports.Backlog = (*Advice)(nil)

// deliveryHosts are the hosts with deliveries of certificates that are kept. The index deliveries_host is left for the
// next host as soon as one delivery is found: there are few hosts, and many deliveries.
const deliveryHosts = `
	WITH RECURSIVE hosts (host) AS (
		(SELECT host FROM deliveries WHERE failure IS NULL ORDER BY host LIMIT 1)
		UNION ALL
		SELECT (SELECT d.host FROM deliveries d WHERE d.failure IS NULL AND d.host > hosts.host ORDER BY d.host LIMIT 1)
		FROM hosts WHERE hosts.host IS NOT NULL
	)
	SELECT host FROM hosts CROSS JOIN LATERAL (
		-- In the index's order, and with the certificate as a value: the planner is to stop at the first.
		SELECT FROM deliveries d
		WHERE d.host = hosts.host AND d.failure IS NULL AND d.delivered_at IS NOT NULL
			AND (SELECT c.released_at IS NULL FROM certificates c WHERE c.name = d.certificate)
		ORDER BY d.certificate, d.target
		LIMIT 1
	) kept ORDER BY host`

// Backlog implements ports.Backlog. It also clears the next look of versions that their CA is never to be asked about
// again, "after the certificate has expired or is considered replaced" (RFC 9773 §4.3, in our words), so that the index
// has in it only what is in service.
func (a *Advice) Backlog(ctx context.Context, now time.Time) (ports.BeginSweepOutput, error) {
	var found ports.BeginSweepOutput
	err := a.pool.QueryRow(ctx, `
		WITH due AS (
			SELECT v.id, v.moved, `+planned+` AND c.released_at IS NULL AS asked,
				c.current_version IS DISTINCT FROM v.id OR v.revoked_at IS NOT NULL OR v.not_after <= $1 AS over
			FROM versions v JOIN certificates c ON c.name = v.certificate
			WHERE v.next_check <= $1
		), stopped AS (
			UPDATE versions v SET next_check = NULL, moved = false FROM due WHERE v.id = due.id AND due.over
		)
		SELECT (SELECT count(*) FROM due WHERE asked AND NOT over AND NOT moved)
				+ (SELECT count(*) FROM versions v JOIN `+inService+` WHERE v.moved),
			ARRAY(`+deliveryHosts+`), (SELECT count(*)`+orphaned+`)`, now).Scan(&found.Renewals, &found.Hosts,
		&found.Records)
	return found, interpret(err)
}
