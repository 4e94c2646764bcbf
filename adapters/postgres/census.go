package postgres

import (
	"context"
	"time"

	"everleaf/ports"
)

// censusPage is how many certificates one statement counts: a second's work at most, so that a fleet of a million holds
// nobody up and no statement is silent for long.
const censusPage = 100_000

// Census implements ports.Catalog. It reads each certificate that is kept once, page by page.
func (c *Catalog) Census(ctx context.Context, now time.Time) (ports.Census, error) {
	return c.census(ctx, now, censusPage)
}

func (c *Catalog) census(ctx context.Context, now time.Time, page int) (ports.Census, error) {
	census := ports.Census{Expiring: make([]int, len(ports.ExpiryBounds))}
	thresholds := make([]time.Time, len(ports.ExpiryBounds))
	for i, bound := range ports.ExpiryBounds {
		thresholds[i] = now.Add(bound)
	}
	for after := ""; ; {
		last, counted, err := c.countPage(ctx, &census, thresholds, after, page)
		if err != nil {
			return ports.Census{}, interpret(err)
		}
		if counted < page {
			break
		}
		after = last
	}
	err := c.pool.QueryRow(ctx, `
		SELECT count(*) FROM deliveries d JOIN certificates c ON c.name = d.certificate
		WHERE d.failure IS NOT NULL AND c.released_at IS NULL`).Scan(&census.Undelivered)
	return census, interpret(err)
}

// countPage adds the page after a name to the census, and returns the page's last name and size.
func (c *Catalog) countPage(ctx context.Context, census *ports.Census, thresholds []time.Time, after string, page int) (last string, counted int, err error) {
	rows, err := c.pool.Query(ctx, `
		SELECT phase, issuer, width_bucket(not_after, $1::timestamptz[]), count(*), min(not_after),
			max(max(name)) OVER () -- the page's last, by the database's own order
		FROM (
			SELECT c.name, c.phase, coalesce(v.issuer, '') AS issuer, v.not_after
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
		var group ports.CensusGroup
		var passed *int // how many thresholds not_after lies behind; NULL before the first certificate
		var next *time.Time
		if err := rows.Scan(&group.Phase, &group.Issuer, &passed, &group.Count, &next, &last); err != nil {
			return "", 0, err
		}
		counted += group.Count
		add(census, group, passed, next)
	}
	return last, counted, rows.Err()
}

// add adds certificates of one group and one span of time left.
func add(census *ports.Census, group ports.CensusGroup, passed *int, next *time.Time) {
	known := false
	for i := range census.Groups {
		if g := &census.Groups[i]; g.Phase == group.Phase && g.Issuer == group.Issuer {
			g.Count, known = g.Count+group.Count, true
		}
	}
	if !known {
		census.Groups = append(census.Groups, group)
	}
	if passed == nil {
		return
	}
	for i := *passed; i < len(census.Expiring); i++ {
		census.Expiring[i] += group.Count
	}
	if census.NextExpiry.IsZero() || next.Before(census.NextExpiry) {
		census.NextExpiry = next.UTC()
	}
}
