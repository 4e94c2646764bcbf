package postgres

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"everleaf/domain"
	"everleaf/ports"
)

var _ ports.Orders = (*Orders)(nil)

// Orders keeps orders.
type Orders struct{ pool *pgxpool.Pool }

// NewOrders keeps orders in the pool's database.
func NewOrders(pool *pgxpool.Pool) *Orders { return &Orders{pool: pool} }

// orderColumns are what orderRow reads, of orders o; all empty or NULL where a LEFT JOIN found none.
const orderColumns = `coalesce(o.id::text, ''), coalesce(o.certificate, ''), coalesce(o.issuance_key, ''), coalesce(o.state, ''),
	coalesce(o.issuer, ''), coalesce(o.spec, '{}'), o.csr, coalesce(o.url, ''), coalesce(o.created_at, '0001-01-01Z'),
		EXISTS (
	SELECT FROM versions kept JOIN orders k ON k.id = kept.order_id WHERE kept.certificate = o.certificate AND k.key_id = o.key_id)`

// orderRow is an order that may be absent.
type orderRow struct{ order ports.StoredOrder }

// fields are where to scan orderColumns.
func (r *orderRow) fields() []any {
	o := &r.order
	return []any{&o.ID, &o.Certificate, &o.Key, &o.State, &o.Issuer, &o.Spec, &o.CSR, &o.URL, &o.OpenedAt, &o.ReusedKey}
}

// stored is nil for an absent order.
func (r *orderRow) stored() *ports.StoredOrder {
	if r.order.ID == "" {
		return nil
	}
	r.order.OpenedAt = r.order.OpenedAt.UTC()
	return &r.order
}

// FindOrder implements ports.Orders.
func (o *Orders) FindOrder(ctx context.Context, certificate string) (domain.Record, *ports.StoredOrder, error) {
	var order orderRow
	record, err := scanState(o.pool.QueryRow(ctx, `
		WITH resumed AS (
			UPDATE certificates SET phase = 'Issuing', updated_at = now()
			WHERE name = $1 AND phase = 'Failing' AND EXISTS (SELECT FROM orders WHERE certificate = $1 AND state IN ('planned',
				'placed'))
		)
		SELECT `+stateColumns+`, `+orderColumns+stateFrom+`
		LEFT JOIN orders o ON o.certificate = c.name AND o.state IN ('planned', 'placed')
		WHERE c.name = $1`, certificate), certificate, order.fields()...)
	record, err = known(record, err)
	return record, order.stored(), err
}

// openAttempts bounds the tries of OpenOrder: each time, the order that it conflicted with was gone when it was read.
const openAttempts = 3

// OpenOrder implements ports.Orders.
func (o *Orders) OpenOrder(ctx context.Context, order ports.NewOrder) (ports.StoredOrder, error) {
	if _, err := uuid.Parse(order.KeyOf); err != nil && order.KeyOf != "" {
		return ports.StoredOrder{}, unknownVersionFault(order.KeyOf)
	}
	for range openAttempts {
		id, opened, err := o.insertOrder(ctx, order)
		if err == nil {
			return ports.StoredOrder{ID: id, Certificate: order.Certificate, Key: order.Key, State: ports.OrderPlanned,
				Issuer: order.Issuer,
				Spec:   order.Spec, CSR: order.CSR, ReusedKey: order.KeyOf != "", OpenedAt: opened.UTC()}, nil
		}
		if !errors.Is(err, pgx.ErrNoRows) {
			return ports.StoredOrder{}, interpret(err)
		}
		stored, err := o.conflicting(ctx, order)
		switch {
		case err != nil && !errors.Is(err, pgx.ErrNoRows):
			return ports.StoredOrder{}, interpret(err)
		case err != nil: // gone meanwhile
		case stored.Certificate == order.Certificate:
			return *stored, nil
		default:
			freed, err := o.abandonExpired(ctx, stored.ID)
			if err != nil {
				return ports.StoredOrder{}, interpret(err)
			}
			if !freed {
				return ports.StoredOrder{}, sameNamesFault("the certificate "+stored.Certificate, nil)
			}
		}
	}
	return ports.StoredOrder{}, domain.NewFault(domain.FaultWait, domain.ReasonDatabaseUnavailable, nil,
		"the certificate %s had an order opened and closed by others at the same time", order.Certificate)
}

// insertOrder gives pgx.ErrNoRows, and stores nothing, if one of the unique indexes has the order's place taken.
func (o *Orders) insertOrder(ctx context.Context, order ports.NewOrder) (id string, opened time.Time, err error) {
	err = o.pool.QueryRow(ctx, `
		WITH opened AS (
			INSERT INTO orders (certificate, issuance_key, issuer, profile, spec, names, name_set, csr, key_id)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, CASE WHEN $10::uuid IS NULL THEN $12::uuid ELSE (
				SELECT kept.key_id FROM versions v JOIN orders kept ON kept.id = v.order_id WHERE v.id = $10::uuid
					AND v.certificate = $1) END)
			ON CONFLICT DO NOTHING
			RETURNING id, certificate, spec, key_id, created_at
		), sealed AS (
			INSERT INTO keys (id, certificate, sealed) SELECT key_id, certificate, $9 FROM opened WHERE $9::bytea IS NOT NULL
		), lost AS (
			INSERT INTO events (certificate, type, detail)
			SELECT certificate, 'key_lost', jsonb_build_object('order', id, 'reason', $11::text) FROM opened
				WHERE $11::text <> ''
		), certificate AS (
			INSERT INTO certificates (name, spec, phase) SELECT certificate, spec, 'Issuing' FROM opened
			-- What is in service keeps its spec until the new one is issued.
			ON CONFLICT (name) DO UPDATE SET phase = 'Issuing', updated_at = now(),
				spec = CASE WHEN certificates.current_version IS NULL THEN EXCLUDED.spec ELSE certificates.spec END
		)
		SELECT id::text, created_at FROM opened`,
		order.Certificate, order.Key, order.Issuer, order.Spec.Profile, order.Spec, order.Spec.Names,
		nameSet(order.Spec.Names), order.CSR, order.SealedKey.Sealed, orNone(order.KeyOf), text(order.KeyLost),
		orNone(order.SealedKey.ID)).
		Scan(&id, &opened)
	return id, opened, err
}

// conflicting finds the order whose place insertOrder found taken: the certificate's own first.
func (o *Orders) conflicting(ctx context.Context, order ports.NewOrder) (*ports.StoredOrder, error) {
	var found orderRow
	err := o.pool.QueryRow(ctx, `
		SELECT `+orderColumns+`
		FROM orders o
		WHERE o.state <> 'abandoned' AND (
			o.certificate = $1 AND (o.issuance_key = $2 OR o.state IN ('planned', 'placed'))
			OR o.issuer = $3 AND o.profile = $4 AND o.name_set = $5 AND o.state IN ('planned', 'placed'))
		ORDER BY o.certificate = $1 DESC, o.issuance_key = $2 DESC
		LIMIT 1`, order.Certificate, order.Key, order.Issuer, order.Spec.Profile,
		nameSet(order.Spec.Names)).Scan(found.fields()...)
	return found.stored(), err
}

// RecordPlaced implements ports.Orders. The first URL stays: a late second call changes nothing.
func (o *Orders) RecordPlaced(ctx context.Context, certificate, orderID, url string,
	expires time.Time) (storedURL string, err error) {
	before, err := o.change(ctx, certificate, orderID, `
		WITH placed AS (
			UPDATE orders SET state = 'placed', url = $3, expires = $4, updated_at = now()
			WHERE id = $1::uuid AND certificate = $2 AND state = 'planned'
			RETURNING id, certificate, issuer, url, expires
		), event AS (
			INSERT INTO events (certificate, type, detail)
			SELECT certificate, 'placed',
				jsonb_build_object('order', id, 'issuer', issuer, 'url', url, 'expires', expires) FROM placed
		)
		SELECT state, coalesce((SELECT url FROM placed), url, '') FROM orders WHERE id = $1::uuid AND certificate = $2`,
		&storedURL, text(url), orNull(expires))
	if err == nil && before != ports.OrderAbandoned && storedURL == "" {
		// Changed by another worker while this statement waited for the row: its snapshot is older.
		before, err = o.change(ctx, certificate, orderID,
			`SELECT state, coalesce(url, '') FROM orders WHERE id = $1::uuid AND certificate = $2`, &storedURL)
	}
	if err == nil && before == ports.OrderAbandoned {
		err = orderAbandonedFault(orderID)
	}
	return storedURL, err
}

// change runs a statement that answers with the state that the order had before it, and its URL.
func (o *Orders) change(ctx context.Context, certificate, orderID, statement string, url *string,
	args ...any) (before ports.OrderState, err error) {
	if _, err := uuid.Parse(orderID); err != nil {
		return "", unknownOrderFault(orderID)
	}
	err = o.pool.QueryRow(ctx, statement, append([]any{orderID, certificate}, args...)...).Scan(&before, url)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", unknownOrderFault(orderID)
	}
	return before, interpret(err)
}

func unknownOrderFault(orderID string) error {
	return domain.NewFault(domain.FaultOperator, domain.ReasonUnknownOrder, nil,
		"no order %q is stored: the database is not the one that this workflow used before", orderID)
}

// nameSet identifies a set of names, whatever their order.
func nameSet(names []string) []byte {
	sorted := slices.Clone(names)
	slices.Sort(sorted)
	sum := sha256.Sum256([]byte(strings.Join(slices.Compact(sorted), ",")))
	return sum[:]
}
