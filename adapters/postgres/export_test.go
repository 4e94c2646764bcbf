package postgres

import (
	"context"
	"time"

	"everleaf/ports"
)

// FleetStatsByPages is FleetStats with pages of another size.
func (c *Catalog) FleetStatsByPages(ctx context.Context, now time.Time, page int) (ports.FleetStats, error) {
	return c.fleetStats(ctx, now, page)
}
