package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"everleaf/ports"
)

// LostSecrets are those that none of some sealing keys has sealed.
type LostSecrets struct {
	// Keys counts the private keys of certificates. Certificates are the kept ones whose key in service is among them.
	Keys         int
	Certificates []string
	// Accounts are the issuers whose account's key is lost, or the one that it was to change to.
	Accounts []string
	// Orders counts the orders at work that have such a key or account.
	Orders int
	// Check reports whether the sealing check is, so that no worker starts.
	Check bool
}

const (
	// lostAccount and lostOrder are written for the marks of the known keys in $1.
	lostAccount = `substring(sealed_key FROM 1 FOR 9) <> ALL ($1::bytea[])`
	lostNext    = `substring(next_sealed_key FROM 1 FOR 9) <> ALL ($1::bytea[])`
	lostKey     = `substring(k.sealed FROM 1 FOR 9) <> ALL ($1::bytea[])`
	lostOrder   = `o.state IN ('planned', 'placed') AND (
		EXISTS (SELECT FROM keys k WHERE k.id = o.key_id AND ` + lostKey + `)
		OR EXISTS (SELECT FROM accounts a WHERE a.issuer = o.issuer AND ` + lostAccount + `))`
)

// FindLost says what the keys of these marks have not sealed, and gives one sample for each key that did: some key
// service may open it all the same, by another URL.
func FindLost(ctx context.Context, pool *pgxpool.Pool, marks [][]byte) (lost LostSecrets,
	samples []ports.SealedSecret, err error) {
	err = pool.QueryRow(ctx, `
		SELECT (SELECT count(*) FROM keys k WHERE `+lostKey+`),
			ARRAY(SELECT c.name FROM certificates c JOIN versions v ON v.id = c.current_version
				JOIN orders o ON o.id = v.order_id JOIN keys k ON k.id = o.key_id
				WHERE c.released_at IS NULL AND `+lostKey+` ORDER BY 1),
			ARRAY(SELECT DISTINCT issuer FROM accounts WHERE `+lostAccount+` OR `+lostNext+` ORDER BY 1),
			(SELECT count(*) FROM orders o WHERE `+lostOrder+`),
			EXISTS (SELECT FROM sealing_check k WHERE `+lostKey+`)`, marks).
		Scan(&lost.Keys, &lost.Certificates, &lost.Accounts, &lost.Orders, &lost.Check)
	if err != nil {
		return lost, nil, interpret(err)
	}
	rows, err := pool.Query(ctx, `
		(SELECT DISTINCT ON (substring(sealed FROM 1 FOR 9)) 'key', id::text, certificate, sealed
		FROM keys k WHERE `+lostKey+`)
		UNION ALL SELECT 'account', issuer, directory, sealed_key FROM accounts WHERE `+lostAccount, marks)
	if err != nil {
		return lost, nil, interpret(err)
	}
	samples, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (s ports.SealedSecret, err error) {
		return s, row.Scan(&s.Kind, &s.ID, &s.Owner, &s.Sealed)
	})
	return lost, samples, interpret(err)
}

// ForgetLost drops what the keys of these marks have not sealed: the private keys, the accounts, the orders at work
// that need them, and the mark of the sealing key that is lost. Versions stay, without a key. Idempotent.
func ForgetLost(ctx context.Context, pool *pgxpool.Pool, marks [][]byte) error {
	_, err := pool.Exec(ctx, `
		WITH abandoned AS (
			UPDATE orders o SET state = 'abandoned', reason = 'the sealing key is lost', updated_at = now() WHERE `+lostOrder+`
			RETURNING id, certificate, url, reason
		), abandoned_event AS (
			INSERT INTO events (certificate, type, detail)
			SELECT certificate, 'abandoned', jsonb_build_object('order', id, 'url', url, 'reason', reason) FROM abandoned
		), tokens AS (
			DELETE FROM http_tokens WHERE order_id IN (SELECT id FROM abandoned)
		), forgotten AS (
			UPDATE keys k SET sealed = NULL WHERE `+lostKey+` RETURNING 1
		), dropped AS (
			DELETE FROM accounts WHERE `+lostAccount+` RETURNING 1
		), unplanned AS (
			UPDATE accounts SET next_sealed_key = NULL WHERE `+lostNext+` AND NOT `+lostAccount+` RETURNING 1
		), superseded AS (
			DELETE FROM sealing_check k WHERE `+lostKey+` RETURNING 1
		)
		INSERT INTO events (certificate, type, detail)
		SELECT '', 'sealing_key_lost', jsonb_build_object('keys', (SELECT count(*) FROM forgotten),
			'accounts', (SELECT count(*) FROM dropped), 'orders', (SELECT count(*) FROM abandoned))
		WHERE EXISTS (SELECT FROM forgotten) OR EXISTS (SELECT FROM dropped) OR EXISTS (SELECT FROM unplanned)
			OR EXISTS (SELECT FROM superseded)`, marks)
	return interpret(err)
}
