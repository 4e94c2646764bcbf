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

// orderColumns are what scanOrder reads, of orders o and versions v.
const orderColumns = `o.id::text, o.certificate, o.issuance_key, o.state, o.issuer, o.spec, o.csr, coalesce(o.url, ''), o.created_at, ` +
	versionColumns

func scanOrder(row pgx.Row) (ports.StoredOrder, error) {
	var order ports.StoredOrder
	var version versionRow
	err := row.Scan(append([]any{&order.ID, &order.Certificate, &order.Key, &order.State, &order.Issuer, &order.Spec,
		&order.CSR, &order.URL, &order.OpenedAt}, version.fields()...)...)
	order.Issued = version.issued()
	order.OpenedAt = order.OpenedAt.UTC()
	return order, err
}

// FindOrder implements ports.Orders.
func (o *Orders) FindOrder(ctx context.Context, certificate, key string) (*ports.StoredOrder, error) {
	order, err := scanOrder(o.pool.QueryRow(ctx, `
		SELECT `+orderColumns+`
		FROM orders o LEFT JOIN versions v ON v.order_id = o.id
		WHERE o.certificate = $1 AND o.state <> 'abandoned'
		  AND (o.issuance_key = $2 OR o.state IN ('planned', 'placed'))
		ORDER BY o.issuance_key = $2 DESC
		LIMIT 1`, certificate, key))
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, interpret(err)
	}
	return &order, nil
}

// openAttempts bounds how often OpenOrder looks again: each time, the order it lost to was gone when it looked.
const openAttempts = 3

// OpenOrder implements ports.Orders.
func (o *Orders) OpenOrder(ctx context.Context, order ports.NewOrder) (ports.StoredOrder, error) {
	for range openAttempts {
		id, opened, err := o.insertOrder(ctx, order)
		if err == nil {
			return ports.StoredOrder{ID: id, Certificate: order.Certificate, Key: order.Key, State: ports.OrderPlanned,
				Issuer: order.Issuer, Spec: order.Spec, CSR: order.CSR, OpenedAt: opened.UTC()}, nil
		}
		if !errors.Is(err, pgx.ErrNoRows) {
			return ports.StoredOrder{}, interpret(err)
		}
		stored, err := o.conflicting(ctx, order)
		if err == nil && stored.Certificate != order.Certificate {
			freed, err := o.abandonExpired(ctx, stored.ID)
			if err != nil {
				return ports.StoredOrder{}, interpret(err)
			}
			if !freed {
				return ports.StoredOrder{}, sameNames("the certificate "+stored.Certificate, nil)
			}
			continue
		}
		if !errors.Is(err, pgx.ErrNoRows) {
			return stored, interpret(err)
		}
	}
	return ports.StoredOrder{}, domain.NewFault(domain.FaultWait, "DatabaseUnavailable", nil,
		"the certificate %s had an order opened and closed by others at the same time", order.Certificate)
}

// insertOrder gives pgx.ErrNoRows, and stores nothing, if one of the unique indexes has the order's place taken.
func (o *Orders) insertOrder(ctx context.Context, order ports.NewOrder) (id string, opened time.Time, err error) {
	var keyOf *string
	if order.KeyOf != "" {
		keyOf = &order.KeyOf
	}
	err = o.pool.QueryRow(ctx, `
		WITH opened AS (
			INSERT INTO orders (certificate, issuance_key, issuer, profile, spec, names, name_set, csr, key_id)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, coalesce(
				(SELECT kept.key_id FROM versions v JOIN orders kept ON kept.id = v.order_id WHERE v.id = $10::uuid), gen_random_uuid()))
			ON CONFLICT DO NOTHING
			RETURNING id, certificate, spec, key_id, created_at
		), sealed AS (
			INSERT INTO keys (id, sealed) SELECT key_id, $9 FROM opened WHERE $9::bytea IS NOT NULL
		), certificate AS (
			INSERT INTO certificates (name, spec, phase) SELECT certificate, spec, 'Issuing' FROM opened
			-- What is in service keeps its spec until the new one is issued.
			ON CONFLICT (name) DO UPDATE SET phase = 'Issuing', released_at = NULL, updated_at = now(),
				spec = CASE WHEN certificates.current_version IS NULL THEN EXCLUDED.spec ELSE certificates.spec END
		)
		SELECT id::text, created_at FROM opened`,
		order.Certificate, order.Key, order.Issuer, order.Spec.Profile, order.Spec, order.Spec.Names,
		nameSet(order.Spec.Names), order.CSR, order.SealedKey, keyOf).Scan(&id, &opened)
	return id, opened, err
}

// conflicting finds the order whose place insertOrder found taken: the certificate's own first.
func (o *Orders) conflicting(ctx context.Context, order ports.NewOrder) (ports.StoredOrder, error) {
	return scanOrder(o.pool.QueryRow(ctx, `
		SELECT `+orderColumns+`
		FROM orders o LEFT JOIN versions v ON v.order_id = o.id
		WHERE o.state <> 'abandoned' AND (
			o.certificate = $1 AND (o.issuance_key = $2 OR o.state IN ('planned', 'placed'))
			OR o.issuer = $3 AND o.profile = $4 AND o.name_set = $5 AND o.state IN ('planned', 'placed'))
		ORDER BY o.certificate = $1 DESC, o.issuance_key = $2 DESC
		LIMIT 1`, order.Certificate, order.Key, order.Issuer, order.Spec.Profile, nameSet(order.Spec.Names)))
}

// abandonExpired gives up an order that the CA has let expire, so that a certificate that is kept no more does not hold
// its names for ever.
func (o *Orders) abandonExpired(ctx context.Context, orderID string) (bool, error) {
	var freed int
	err := o.pool.QueryRow(ctx, `
		WITH abandoned AS (
			UPDATE orders SET state = 'abandoned', reason = 'expired, or nobody is at work on it', updated_at = now()
			-- One that the CA never answered has no expiry: no CA keeps a pending order for longer than a week.
			WHERE id = $1::uuid AND state IN ('planned', 'placed')
			  AND (coalesce(expires, updated_at + interval '7 days') < now() OR EXISTS (
				-- Nobody is at work on it: its certificate was given up, or waits after a failure and places another then.
				SELECT FROM certificates c WHERE c.name = orders.certificate AND (c.released_at IS NOT NULL
					OR c.phase = 'Failing' AND (c.failure ->> 'retryAt')::timestamptz > now())))
			RETURNING id, certificate, url, reason
		), event AS (
			INSERT INTO events (certificate, type, detail)
			SELECT certificate, 'abandoned', jsonb_build_object('order', id, 'url', url, 'reason', reason) FROM abandoned
		), tokens AS (
			DELETE FROM http_tokens WHERE order_id IN (SELECT id FROM abandoned)
		)
		SELECT count(*) FROM abandoned`, orderID).Scan(&freed)
	return freed > 0, err
}

// RecordPlaced implements ports.Orders. The first URL stays: a late second call changes nothing.
func (o *Orders) RecordPlaced(ctx context.Context, orderID, url string, expires time.Time) (storedURL string, err error) {
	before, err := o.change(ctx, orderID, `
		WITH placed AS (
			UPDATE orders SET state = 'placed', url = $2, expires = $3, updated_at = now()
			WHERE id = $1::uuid AND state = 'planned'
			RETURNING id, certificate, issuer, url, expires
		), event AS (
			INSERT INTO events (certificate, type, detail)
			SELECT certificate, 'placed',
				jsonb_build_object('order', id, 'issuer', issuer, 'url', url, 'expires', expires) FROM placed
		)
		SELECT state, coalesce((SELECT url FROM placed), url, '') FROM orders WHERE id = $1::uuid`,
		&storedURL, text(url), orNull(expires))
	if err == nil && before != ports.OrderAbandoned && storedURL == "" {
		// Changed by another worker while this statement waited for the row: its snapshot is older.
		var stored ports.StoredOrder
		stored, err = o.Order(ctx, orderID)
		before, storedURL = stored.State, stored.URL
	}
	if err == nil && before == ports.OrderAbandoned {
		err = orderAbandoned(orderID)
	}
	return storedURL, err
}

// AdoptOrder implements ports.Orders.
func (o *Orders) AdoptOrder(ctx context.Context, orderID, key string) error {
	if _, err := uuid.Parse(orderID); err != nil {
		return unknownOrder(orderID)
	}
	_, err := o.pool.Exec(ctx, `
		WITH adopted AS (
			UPDATE orders SET issuance_key = $2, updated_at = now()
			WHERE id = $1::uuid AND state IN ('planned', 'placed')
			RETURNING certificate
		)
		UPDATE certificates SET phase = 'Issuing', released_at = NULL, updated_at = now()
		FROM adopted WHERE certificates.name = adopted.certificate`, orderID, key)
	return interpret(err)
}

// AbandonOrder implements ports.Orders.
func (o *Orders) AbandonOrder(ctx context.Context, orderID, reason string) error {
	var url string
	_, err := o.change(ctx, orderID, `
		WITH abandoned AS (
			UPDATE orders SET state = 'abandoned', reason = $2, updated_at = now()
			WHERE id = $1::uuid AND state IN ('planned', 'placed')
			RETURNING id, certificate, url, reason
		), event AS (
			INSERT INTO events (certificate, type, detail)
			SELECT certificate, 'abandoned', jsonb_build_object('order', id, 'url', url, 'reason', reason) FROM abandoned
		), tokens AS (
			DELETE FROM http_tokens WHERE order_id = $1::uuid
		)
		SELECT state, coalesce(url, '') FROM orders WHERE id = $1::uuid`, &url, text(reason))
	return err
}

// change runs a statement that answers with the state that the order had before it, and its URL.
func (o *Orders) change(ctx context.Context, orderID, statement string, url *string, args ...any) (before ports.OrderState, err error) {
	if _, err := uuid.Parse(orderID); err != nil {
		return "", unknownOrder(orderID)
	}
	err = o.pool.QueryRow(ctx, statement, append([]any{orderID}, args...)...).Scan(&before, url)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", unknownOrder(orderID)
	}
	return before, interpret(err)
}

// Order implements ports.Orders.
func (o *Orders) Order(ctx context.Context, orderID string) (ports.StoredOrder, error) {
	if _, err := uuid.Parse(orderID); err != nil {
		return ports.StoredOrder{}, unknownOrder(orderID)
	}
	order, err := scanOrder(o.pool.QueryRow(ctx, `
		SELECT `+orderColumns+`
		FROM orders o LEFT JOIN versions v ON v.order_id = o.id
		WHERE o.id = $1::uuid`, orderID))
	if errors.Is(err, pgx.ErrNoRows) {
		return ports.StoredOrder{}, unknownOrder(orderID)
	}
	if err != nil {
		return ports.StoredOrder{}, interpret(err)
	}
	return order, nil
}

func unknownOrder(orderID string) error {
	return domain.NewFault(domain.FaultOperator, "UnknownOrder", nil,
		"no order %q is stored: the database is not the one that this workflow used before", orderID)
}

func orderAbandoned(orderID string) error {
	return domain.NewFault(domain.FaultOperator, "OrderAbandoned", nil,
		"the order %s was abandoned meanwhile: place a new one", orderID)
}

// nameSet identifies a set of names, whatever their order.
func nameSet(names []string) []byte {
	sorted := slices.Clone(names)
	slices.Sort(sorted)
	sum := sha256.Sum256([]byte(strings.Join(slices.Compact(sorted), ",")))
	return sum[:]
}
