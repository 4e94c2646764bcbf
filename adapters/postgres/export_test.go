package postgres

import (
	"context"
	"time"

	"everleaf/ports"
)

// CensusByPages is Census with pages of another size.
func (c *Catalog) CensusByPages(ctx context.Context, now time.Time, page int) (ports.Census, error) {
	return c.census(ctx, now, page)
}
