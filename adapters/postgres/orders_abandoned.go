package postgres

import (
	"context"

	"everleaf/domain"
)

// idleAt is the condition that nobody works on order o at an instant: it has expired, or its certificate is retired, or
// that waits after a failure and its next attempt is not about to begin. An order that the CA never answered has no
// expiry: no CA keeps a pending order for longer than a week.
func idleAt(at string) string {
	return `(coalesce(o.expires, o.updated_at + interval '7 days') < ` + at + ` OR EXISTS (
		SELECT FROM certificates c WHERE c.name = o.certificate AND (c.released_at IS NOT NULL
			OR c.phase = 'Failing' AND (c.failure ->> 'retryAt')::timestamptz > ` + at + ` + interval '10 seconds')))`
}

// abandonExpired abandons an order that the CA has let expire, so that a certificate that is retired does not hold its
// names for ever.
func (o *Orders) abandonExpired(ctx context.Context, orderID string) (bool, error) {
	var freed int
	err := o.pool.QueryRow(ctx, `
		WITH abandoned AS (
			UPDATE orders o SET state = 'abandoned', reason = 'expired, or nobody is at work on it', updated_at = now()
			WHERE id = $1::uuid AND state IN ('planned', 'placed') AND `+idleAt(`now()`)+`
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

// AbandonOrder implements ports.Orders.
func (o *Orders) AbandonOrder(ctx context.Context, certificate, orderID, reason string) error {
	var url string
	_, err := o.change(ctx, certificate, orderID, `
		WITH abandoned AS (
			UPDATE orders SET state = 'abandoned', reason = $3, updated_at = now()
			WHERE id = $1::uuid AND certificate = $2 AND state IN ('planned', 'placed')
			RETURNING id, certificate, url, reason
		), event AS (
			INSERT INTO events (certificate, type, detail)
			SELECT certificate, 'abandoned', jsonb_build_object('order', id, 'url', url, 'reason', reason) FROM abandoned
		), tokens AS (
			DELETE FROM http_tokens USING abandoned WHERE order_id = abandoned.id
		)
		SELECT state, coalesce(url, '') FROM orders WHERE id = $1::uuid AND certificate = $2`, &url, text(reason))
	return err
}

func orderAbandonedFault(orderID string) error {
	return domain.NewFault(domain.FaultWait, domain.ReasonOrderAbandoned, nil,
		"the order %s was abandoned meanwhile: a new one follows", orderID).Permanent()
}
