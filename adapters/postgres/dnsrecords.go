package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"everleaf/ports"
)

var _ ports.DNSRecords = (*DNSRecords)(nil)

// DNSRecords keeps which TXT records orders have put into DNS.
type DNSRecords struct{ pool *pgxpool.Pool }

// NewDNSRecords keeps them in the pool's database.
func NewDNSRecords(pool *pgxpool.Pool) *DNSRecords { return &DNSRecords{pool: pool} }

// PutRecords implements ports.DNSRecords.
func (d *DNSRecords) PutRecords(ctx context.Context, orderID string, records []ports.DNSRecord) error {
	if _, err := uuid.Parse(orderID); err != nil {
		return unknownOrderFault(orderID)
	}
	if len(records) == 0 {
		return nil
	}
	zones, names, values := columns(records)
	var known bool
	err := d.pool.QueryRow(ctx, `
		WITH put AS (
			INSERT INTO dns_records (order_id, zone, name, value)
			SELECT DISTINCT orders.id, put.zone, put.name, put.value
			FROM unnest($2::text[], $3::text[], $4::text[]) AS put (zone, name, value), orders
			WHERE orders.id = $1::uuid
			ORDER BY 3, 4, 1, 2 -- as part locks them
			-- A new mark: who removes what was put before must not forget this.
			ON CONFLICT (order_id, name, value, zone) DO UPDATE SET created_at = now()
		)
		SELECT EXISTS (SELECT FROM orders WHERE id = $1::uuid)`, orderID, zones, names, values).Scan(&known)
	if err != nil {
		return interpret(err)
	}
	if !known {
		return unknownOrderFault(orderID)
	}
	return nil
}

// dnsRecordColumns are those of a record r. Its mark is the transaction that wrote the row.
const dnsRecordColumns = `r.zone, r.name, r.value, r.xmin::text`

// others is the condition that another order has put record r as well, into the same zone.
const others = `EXISTS (SELECT FROM dns_records o WHERE o.name = r.name AND o.value = r.value AND o.zone = r.zone AND o.order_id <> r.order_id)`

// OrderRecords implements ports.DNSRecords. Hardly ever is a record shared, and then one statement is all.
func (d *DNSRecords) OrderRecords(ctx context.Context, orderID string) (all, shared []ports.DNSRecord, err error) {
	if _, err := uuid.Parse(orderID); err != nil {
		return nil, nil, unknownOrderFault(orderID)
	}
	rows, err := d.pool.Query(ctx, `SELECT `+dnsRecordColumns+`, `+others+
		` FROM dns_records r WHERE r.order_id = $1::uuid ORDER BY r.zone, r.name, r.value`, orderID)
	if err != nil {
		return nil, nil, interpret(err)
	}
	parts := false
	all, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (record ports.DNSRecord, err error) {
		var shared bool
		err = row.Scan(&record.Zone, &record.Name, &record.Value, &record.Mark, &shared)
		parts = parts || shared
		return record, err
	})
	if err == nil && parts {
		all, shared, err = d.part(ctx, orderID)
	}
	return all, shared, interpret(err)
}

// part leaves to other orders what they have put as well. The rows of a record are locked before they are looked at: of
// two orders that go at the same time, the second sees that the first has gone, and removes what both had.
func (d *DNSRecords) part(ctx context.Context, orderID string) (all, shared []ports.DNSRecord, err error) {
	err = pgx.BeginFunc(ctx, d.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `
			SELECT FROM dns_records
			WHERE (name, value) IN (SELECT name, value FROM dns_records WHERE order_id = $1::uuid)
			ORDER BY name, value, order_id, zone
			FOR UPDATE`, orderID); err != nil {
			return err
		}
		if shared, err = recordsOf(ctx, tx, `DELETE FROM dns_records r WHERE r.order_id = $1::uuid AND `+others+
			` RETURNING `+
			dnsRecordColumns, orderID); err != nil {
			return err
		}
		all, err = recordsOf(ctx, tx, `SELECT `+dnsRecordColumns+
			` FROM dns_records r WHERE r.order_id = $1::uuid ORDER BY r.zone, r.name, r.value`, orderID)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	return append(all, shared...), shared, nil
}

// ForgetRecords implements ports.DNSRecords.
func (d *DNSRecords) ForgetRecords(ctx context.Context, orderID string, records []ports.DNSRecord) error {
	if _, err := uuid.Parse(orderID); err != nil {
		return unknownOrderFault(orderID)
	}
	zones, names, values := columns(records)
	marks := make([]string, len(records))
	for i, record := range records {
		marks[i] = record.Mark
	}
	_, err := d.pool.Exec(ctx, `
		DELETE FROM dns_records r USING unnest($2::text[], $3::text[], $4::text[], $5::text[]) AS gone (zone, name, value,
			mark)
		WHERE r.order_id = $1::uuid AND r.zone = gone.zone AND r.name = gone.name AND r.value = gone.value AND gone.mark IN ('', r.xmin::text)`,
		orderID, zones, names, values, marks)
	return interpret(err)
}

// orphaned are the orders o at $1 that nobody works on and that have DNS records. It begins with the records, which are
// few. The next attempt after a failure puts its records again, and must not meet their removal.
var orphaned = `
	FROM (SELECT DISTINCT order_id FROM dns_records) r JOIN orders o ON o.id = r.order_id
	WHERE (o.state IN ('issued', 'abandoned') OR ` + idleAt(`$1::timestamptz`) + `)`

// OrphanedOrders implements ports.DNSRecords. A limit below one gives none.
func (d *DNSRecords) OrphanedOrders(ctx context.Context, now time.Time, after string, limit int) ([]string, error) {
	if after == "" {
		after = uuid.Nil.String()
	}
	if _, err := uuid.Parse(after); err != nil {
		return nil, unknownOrderFault(after)
	}
	rows, err := d.pool.Query(ctx, `SELECT o.id::text`+orphaned+` AND o.id > $2::uuid ORDER BY o.id LIMIT $3`, now,
		after,
		max(limit, 0))
	if err != nil {
		return nil, interpret(err)
	}
	orderIDs, err := pgx.CollectRows(rows, pgx.RowTo[string])
	return orderIDs, interpret(err)
}

func recordsOf(ctx context.Context, tx pgx.Tx, statement, orderID string) ([]ports.DNSRecord, error) {
	rows, err := tx.Query(ctx, statement, orderID)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[ports.DNSRecord])
}

// columns are the records as arrays of equal length.
func columns(records []ports.DNSRecord) (zones, names, values []string) {
	zones, names, values = make([]string, len(records)), make([]string, len(records)), make([]string, len(records))
	for i, record := range records {
		zones[i], names[i], values[i] = record.Zone, record.Name, record.Value
	}
	return zones, names, values
}
