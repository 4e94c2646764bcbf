package postgres

import (
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"everleaf/domain"
	"everleaf/ports"
)

var _ ports.HTTPTokens = (*HTTPTokens)(nil)

// HTTPTokens keeps HTTP-01 tokens for every replica's responder.
type HTTPTokens struct{ pool *pgxpool.Pool }

// NewHTTPTokens keeps tokens in the pool's database.
func NewHTTPTokens(pool *pgxpool.Pool) *HTTPTokens { return &HTTPTokens{pool: pool} }

// PutTokens implements ports.HTTPTokens. An unknown order is an Operator fault "UnknownOrder".
func (h *HTTPTokens) PutTokens(ctx context.Context, orderID string, challenges []domain.Challenge) error {
	if _, err := uuid.Parse(orderID); err != nil {
		return unknownOrderFault(orderID)
	}
	if len(challenges) == 0 {
		return nil
	}
	tokens, authorizations := make([]string, len(challenges)), make([]string, len(challenges))
	for i, challenge := range challenges {
		tokens[i], authorizations[i] = challenge.Token, challenge.KeyAuthorization
	}
	tag, err := h.pool.Exec(ctx, `
		INSERT INTO http_tokens (token, order_id, key_authorization)
		SELECT DISTINCT ON (token) token, orders.id, key_authorization
		FROM unnest($2::text[], $3::text[]) AS put (token, key_authorization), orders
		WHERE orders.id = $1::uuid
		ON CONFLICT (token, order_id) DO UPDATE SET key_authorization = EXCLUDED.key_authorization`,
		orderID, tokens, authorizations)
	if err != nil {
		return interpret(err)
	}
	if tag.RowsAffected() == 0 {
		return unknownOrderFault(orderID)
	}
	return nil
}

// KeyAuthorizations implements ports.HTTPTokens.
func (h *HTTPTokens) KeyAuthorizations(ctx context.Context, tokens []string) (map[string]string, error) {
	// From the open internet: some of it Postgres would refuse.
	tokens = slices.DeleteFunc(slices.Clone(tokens), func(token string) bool { return text(token) != token })
	found := map[string]string{}
	rows, err := h.pool.Query(ctx, `
		SELECT DISTINCT ON (token) token, key_authorization FROM http_tokens WHERE token = ANY ($1)
		ORDER BY token, created_at DESC`, tokens)
	if err != nil {
		return nil, interpret(err)
	}
	defer rows.Close()
	for rows.Next() {
		var token, authorization string
		if err := rows.Scan(&token, &authorization); err != nil {
			return nil, interpret(err)
		}
		found[token] = authorization
	}
	return found, interpret(rows.Err())
}

// RemoveTokens implements ports.HTTPTokens.
func (h *HTTPTokens) RemoveTokens(ctx context.Context, orderID string) error {
	if _, err := uuid.Parse(orderID); err != nil {
		return unknownOrderFault(orderID)
	}
	_, err := h.pool.Exec(ctx, `DELETE FROM http_tokens WHERE order_id = $1::uuid`, orderID)
	return interpret(err)
}
