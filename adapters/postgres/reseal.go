package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"everleaf/ports"
)

var _ ports.Secrets = (*Secrets)(nil)

// Secrets finds what an earlier sealing key has sealed.
type Secrets struct{ pool *pgxpool.Pool }

// NewSecrets finds in the pool's database.
func NewSecrets(pool *pgxpool.Pool) *Secrets { return &Secrets{pool: pool} }

const (
	// isCurrent is the condition that the key of mark $1 is the current one: else another worker's configuration is the
	// newer one.
	isCurrent = `EXISTS (SELECT FROM sealing_check WHERE substring(sealed FROM 1 FOR 9) = $1)`
	// staleKey is written so that an index on the mark finds it.
	staleKey = `(substring(sealed FROM 1 FOR 9) < $1 OR substring(sealed FROM 1 FOR 9) > $1)`

	staleAccounts = `
		SELECT '` + ports.SecretAccount + `' AS kind, issuer AS id, directory AS owner, sealed_key AS sealed FROM accounts
		WHERE substring(sealed_key FROM 1 FOR 9) <> $1
		UNION ALL
		SELECT '` + ports.SecretNextAccount + `', issuer, directory, next_sealed_key FROM accounts
		WHERE substring(next_sealed_key FROM 1 FOR 9) <> $1`
)

// CountStale implements ports.Secrets.
func (s *Secrets) CountStale(ctx context.Context, mark []byte) (count int, err error) {
	err = s.pool.QueryRow(ctx, `
		SELECT CASE WHEN `+isCurrent+` THEN
			(SELECT count(*) FROM keys WHERE `+staleKey+`) + (SELECT count(*) FROM (`+staleAccounts+`) accounts)
		ELSE 0 END`, mark).Scan(&count)
	return count, interpret(err)
}

// ListStale implements ports.Secrets.
func (s *Secrets) ListStale(ctx context.Context, mark []byte, after string, limit int) ([]ports.SealedSecret, error) {
	rows, err := s.pool.Query(ctx, `
		WITH page AS (
			SELECT id, certificate, sealed FROM keys
			WHERE `+isCurrent+` AND `+staleKey+` AND ($2::uuid IS NULL OR id > $2::uuid)
			ORDER BY id LIMIT $3
		)
		SELECT kind, id, owner, sealed FROM (`+staleAccounts+`) accounts WHERE $2::uuid IS NULL AND `+isCurrent+`
		UNION ALL
		SELECT '`+ports.SecretKey+`', id::text, certificate, sealed FROM page
		ORDER BY 1, 2`, mark, orNone(after), max(limit, 0))
	if err != nil {
		return nil, interpret(err)
	}
	secrets, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (secret ports.SealedSecret, err error) {
		err = row.Scan(&secret.Kind, &secret.ID, &secret.Owner, &secret.Sealed)
		return secret, err
	})
	return secrets, interpret(err)
}

// orNone stores an empty ID as NULL.
func orNone(id string) *string {
	if id == "" {
		return nil
	}
	return &id
}

// ReplaceSealed implements ports.Secrets.
func (s *Secrets) ReplaceSealed(ctx context.Context, old []ports.SealedSecret,
	sealed [][]byte) (replaced int, err error) {
	var ids []string
	var keysWas, keysIs, accountsWas, accountsIs [][]byte
	for i, secret := range old {
		if secret.Kind == ports.SecretKey {
			ids, keysWas, keysIs = append(ids, secret.ID), append(keysWas, secret.Sealed), append(keysIs, sealed[i])
			continue
		}
		accountsWas, accountsIs = append(accountsWas, secret.Sealed), append(accountsIs, sealed[i])
	}
	// No two secrets are sealed alike, so an account's is found by what it was. Rows are locked in order, since two
	// may be at work on the same ones.
	err = s.pool.QueryRow(ctx, `
		WITH stale_keys AS (
			SELECT keys.id, new.sealed
			FROM unnest($1::uuid[], $2::bytea[], $3::bytea[]) AS new (id, was, sealed)
			JOIN keys ON keys.id = new.id AND keys.sealed = new.was
			ORDER BY keys.id
			FOR UPDATE OF keys
		), replaced_keys AS (
			UPDATE keys SET sealed = stale_keys.sealed FROM stale_keys WHERE keys.id = stale_keys.id
			RETURNING 1
		), new_account AS (
			SELECT * FROM unnest($4::bytea[], $5::bytea[]) AS new (was, sealed)
		), stale_accounts AS (
			SELECT issuer, directory FROM accounts
			WHERE sealed_key IN (SELECT was FROM new_account) OR next_sealed_key IN (SELECT was FROM new_account)
			ORDER BY issuer, directory
			FOR UPDATE
		), replaced_accounts AS (
			UPDATE accounts SET
				sealed_key      = coalesce((SELECT sealed FROM new_account WHERE was = sealed_key), sealed_key),
				next_sealed_key = coalesce((SELECT sealed FROM new_account WHERE was = next_sealed_key), next_sealed_key)
			FROM stale_accounts WHERE accounts.issuer = stale_accounts.issuer AND accounts.directory = stale_accounts.directory
			RETURNING (SELECT count(*) FROM new_account WHERE sealed IN (sealed_key, next_sealed_key)) AS changed
		)
		SELECT (SELECT count(*) FROM replaced_keys) + coalesce((SELECT sum(changed) FROM replaced_accounts), 0)`,
		ids, keysWas, keysIs, accountsWas, accountsIs).Scan(&replaced)
	return replaced, interpret(err)
}

// RecordResealed implements ports.Secrets. The event is nobody's in particular: its certificate is empty.
func (s *Secrets) RecordResealed(ctx context.Context, resealed int, failed []ports.UnopenedSecret) error {
	if failed == nil {
		failed = []ports.UnopenedSecret{} // JSON's [] and not null
	}
	_, err := s.pool.Exec(ctx, `
		INSERT INTO events (certificate, type, detail)
		SELECT '', 'resealed', jsonb_build_object('resealed', $1::integer, 'failed', $2::jsonb)
		WHERE $1 > 0 OR $2::jsonb IS DISTINCT FROM (
			SELECT detail -> 'failed' FROM events WHERE certificate = '' AND type = 'resealed' ORDER BY at DESC, id DESC LIMIT 1)`,
		resealed, failed)
	return interpret(err)
}
