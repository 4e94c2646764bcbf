package postgres

import (
	"context"
	"time"

	"everleaf/domain"
	"everleaf/ports"
)

// fleetStatsPage is how many certificates one statement counts: a second's work at most, so that a fleet of a million
// holds nobody up and no statement is silent for long.
const fleetStatsPage = 100_000

// FleetStats implements ports.Catalog. It reads each certificate that is kept once, page by page.
func (c *Catalog) FleetStats(ctx context.Context, now time.Time) (ports.FleetStats, error) {
	return c.fleetStats(ctx, now, fleetStatsPage)
}

func (c *Catalog) fleetStats(ctx context.Context, now time.Time, page int) (ports.FleetStats, error) {
	stats := ports.FleetStats{Expiring: make([]int, len(ports.ExpiryBounds))}
	thresholds := make([]time.Time, len(ports.ExpiryBounds))
	for i, bound := range ports.ExpiryBounds {
		thresholds[i] = now.Add(bound)
	}
	for after := ""; ; {
		last, counted, err := c.countPage(ctx, &stats, thresholds, after, page)
		if err != nil {
			return ports.FleetStats{}, interpret(err)
		}
		if counted < page {
			break
		}
		after = last
	}
	err := c.pool.QueryRow(ctx, `
		SELECT (SELECT count(*) FROM deliveries d JOIN certificates c ON c.name = d.certificate
				WHERE d.failure IS NOT NULL AND c.released_at IS NULL),
			(SELECT count(*) FROM certificates c WHERE c.retirement IS NOT NULL AND c.released_at IS NULL
				AND (c.retirement = 'Clearing' AND EXISTS (SELECT FROM deliveries d WHERE d.certificate = c.name
						AND d.failure ->> 'step' = $1)
					OR `+unrevokedFailure+` IS NOT NULL))`, domain.RemovalStep).
		Scan(&stats.Undelivered, &stats.RetirementsFailing)
	return stats, interpret(err)
}

// countPage adds the page after a name to the stats, and returns the page's last name and size.
func (c *Catalog) countPage(ctx context.Context, stats *ports.FleetStats, thresholds []time.Time, after string,
	page int) (last string, counted int, err error) {
	rows, err := c.pool.Query(ctx, `
		SELECT state, issuer, width_bucket(not_after, $1::timestamptz[]), count(*), min(not_after),
			max(max(name)) OVER () -- the page's last, by the database's own order
		FROM (
			SELECT c.name, `+stateColumn+` AS state, coalesce(v.issuer, '') AS issuer,
				-- What is retired may expire; what somebody has edited into no instant must not end the count.
				CASE WHEN c.retirement IS NULL AND isfinite(v.not_after) THEN v.not_after END AS not_after
			FROM certificates c LEFT JOIN versions v ON v.id = c.current_version
			WHERE c.name > $2 AND c.released_at IS NULL
			ORDER BY c.name
			LIMIT $3
		) kept
		GROUP BY 1, 2, 3`, thresholds, after, page)
	if err != nil {
		return "", 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var group ports.FleetGroup
		var passed *int // how many thresholds not_after lies behind; NULL where no expiry matters
		var next *time.Time
		if err := rows.Scan(&group.State, &group.Issuer, &passed, &group.Count, &next, &last); err != nil {
			return "", 0, err
		}
		counted += group.Count
		add(stats, group, passed, next)
	}
	return last, counted, rows.Err()
}

// add adds certificates of one group and one span of time left.
func add(stats *ports.FleetStats, group ports.FleetGroup, passed *int, next *time.Time) {
	known := false
	for i := range stats.Groups {
		if g := &stats.Groups[i]; g.State == group.State && g.Issuer == group.Issuer {
			g.Count, known = g.Count+group.Count, true
		}
	}
	if !known {
		stats.Groups = append(stats.Groups, group)
	}
	if passed == nil {
		return
	}
	for i := *passed; i < len(stats.Expiring); i++ {
		stats.Expiring[i] += group.Count
	}
	if stats.NextExpiry.IsZero() || next.Before(stats.NextExpiry) {
		stats.NextExpiry = next.UTC()
	}
}
