package postgres

import (
	"context"
	"time"

	"everleaf/ports"
)

// Census implements ports.Catalog: one statement, which reads each certificate that is kept once.
func (c *Catalog) Census(ctx context.Context, now time.Time) (ports.Census, error) {
	thresholds := make([]time.Time, len(ports.ExpiryBounds))
	for i, bound := range ports.ExpiryBounds {
		thresholds[i] = now.Add(bound)
	}
	rows, err := c.pool.Query(ctx, `
		SELECT c.phase, coalesce(v.issuer, ''), width_bucket(v.not_after, $1::timestamptz[]), count(*), min(v.not_after)
		FROM certificates c LEFT JOIN versions v ON v.id = c.current_version
		WHERE c.released_at IS NULL
		GROUP BY 1, 2, 3
		ORDER BY 1, 2`, thresholds)
	if err != nil {
		return ports.Census{}, interpret(err)
	}
	defer rows.Close()
	census := ports.Census{Expiring: make([]int, len(ports.ExpiryBounds))}
	for rows.Next() {
		var group ports.CensusGroup
		var passed *int // how many thresholds not_after lies behind; NULL before the first certificate
		var next *time.Time
		if err := rows.Scan(&group.Phase, &group.Issuer, &passed, &group.Count, &next); err != nil {
			return ports.Census{}, interpret(err)
		}
		if last := len(census.Groups) - 1; last >= 0 && census.Groups[last].Phase == group.Phase && census.Groups[last].Issuer == group.Issuer {
			census.Groups[last].Count += group.Count
		} else {
			census.Groups = append(census.Groups, group)
		}
		if passed == nil {
			continue
		}
		for i := *passed; i < len(census.Expiring); i++ {
			census.Expiring[i] += group.Count
		}
		if census.NextExpiry.IsZero() || next.Before(census.NextExpiry) {
			census.NextExpiry = next.UTC()
		}
	}
	return census, interpret(rows.Err())
}
