package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"everleaf/domain"
	"everleaf/ports"
)

var _ ports.KeyTokens = (*KeyTokens)(nil)

// KeyTokens keeps the one-time tokens of webhooks. All instants are the database's, so that no two hosts' clocks have
// to agree.
type KeyTokens struct{ pool *pgxpool.Pool }

// NewKeyTokens keeps tokens in the pool's database.
func NewKeyTokens(pool *pgxpool.Pool) *KeyTokens { return &KeyTokens{pool: pool} }

// PutToken implements ports.KeyTokens. A version that is not the certificate's is an Operator fault "UnknownVersion".
func (k *KeyTokens) PutToken(ctx context.Context, token ports.KeyToken) (time.Time, error) {
	unknown := domain.NewFault(domain.FaultOperator, domain.ReasonUnknownVersion, nil,
		"the certificate %s has no version %s: was the database restored from a backup?", token.Certificate,
		token.Version)
	if _, err := uuid.Parse(token.Version); err != nil {
		return time.Time{}, unknown
	}
	var expires time.Time
	err := k.pool.QueryRow(ctx, `
		INSERT INTO delivery_tokens (certificate, target, version, digest, expires)
		SELECT certificate, $2, id, $4, now() + make_interval(secs => $5)
		FROM versions WHERE certificate = $1 AND id = $3::uuid
		ON CONFLICT (certificate, target) DO UPDATE
		SET version = EXCLUDED.version, digest = EXCLUDED.digest, expires = EXCLUDED.expires, used_at = NULL
		RETURNING expires`,
		token.Certificate, token.Target, token.Version, token.Digest[:], token.Life.Seconds()).Scan(&expires)
	if errors.Is(err, pgx.ErrNoRows) {
		return time.Time{}, unknown
	}
	return expires.UTC(), interpret(err)
}

// TakeToken implements ports.KeyTokens. Of two that take one token at once, the row's lock lets one see it unused.
func (k *KeyTokens) TakeToken(ctx context.Context, digest ports.TokenDigest) (ports.KeyPair, error) {
	pair, err := scanPair(k.pool.QueryRow(ctx, `
		WITH taken AS (
			UPDATE delivery_tokens SET used_at = now()
			WHERE digest = $1 AND used_at IS NULL AND expires > now()
			RETURNING certificate, target, version
		), noted AS (
			INSERT INTO events (certificate, type, detail)
			SELECT certificate, 'exported', jsonb_build_object('by', target, 'version', version, 'through', 'token') FROM taken
		)
		SELECT `+recordColumns+`, `+pairColumns+`
		FROM taken
		JOIN versions v ON v.certificate = taken.certificate AND v.id = taken.version
		JOIN certificates c ON c.name = v.certificate
		JOIN orders o ON o.id = v.order_id
		JOIN keys k ON k.id = o.key_id`, digest[:]))
	if errors.Is(err, pgx.ErrNoRows) {
		return ports.KeyPair{}, domain.NewFault(domain.FaultSpec, domain.ReasonTokenInvalid, nil,
			"the token is unknown, used, expired or replaced by that of a later delivery")
	}
	if err != nil {
		return ports.KeyPair{}, interpret(err)
	}
	return pair, nil
}

// VoidToken implements ports.KeyTokens.
func (k *KeyTokens) VoidToken(ctx context.Context, certificate, target string) error {
	_, err := k.pool.Exec(ctx, `DELETE FROM delivery_tokens WHERE certificate = $1 AND target = $2`, certificate,
		target)
	return interpret(err)
}
