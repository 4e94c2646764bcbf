package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"everleaf/domain"
	"everleaf/ports"
)

// rights are what a worker needs on each table.
var rights = map[string]string{
	"certificates": "SELECT INSERT UPDATE", "keys": "SELECT INSERT UPDATE", "orders": "SELECT INSERT UPDATE",
	"versions": "SELECT INSERT UPDATE", "accounts": "SELECT INSERT UPDATE",
	"http_tokens": "SELECT INSERT UPDATE DELETE",
	"dns_records": "SELECT INSERT UPDATE DELETE", "failed_validations": "SELECT INSERT UPDATE DELETE",
	"deliveries": "SELECT INSERT UPDATE DELETE", "delivery_sequences": "SELECT INSERT UPDATE",
	"delivery_tokens": "SELECT INSERT UPDATE DELETE", "events": "SELECT INSERT",
	"sealing_check": "SELECT INSERT UPDATE",
	"processes":     "SELECT INSERT UPDATE DELETE", "everleaf_schema": "SELECT", "everleaf_compatibility": "SELECT",
}

// CheckRights reports whether the user of the pool may do what a worker does. The fault is Operator "DatabaseRefused";
// it names what is missing as a statement for somebody who may grant it.
func CheckRights(ctx context.Context, pool *pgxpool.Pool) (seen string, err error) {
	var tables, privileges []string
	for table, needed := range rights {
		for _, privilege := range strings.Fields(needed) {
			tables, privileges = append(tables, table), append(privileges, privilege)
		}
	}
	rows, err := pool.Query(ctx, `
		SELECT needed.table_name, string_agg(needed.privilege, ', ' ORDER BY needed.privilege), current_user::text
		FROM unnest($1::text[], $2::text[]) AS needed (table_name, privilege)
		WHERE NOT has_table_privilege(needed.table_name, needed.privilege)
		GROUP BY 1 ORDER BY 1`, tables, privileges)
	if err != nil {
		return "", interpret(err)
	}
	grants, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (grant string, err error) {
		var table, missing, user string
		err = row.Scan(&table, &missing, &user)
		return fmt.Sprintf("GRANT %s ON %s TO %s", missing, table, pgx.Identifier{user}.Sanitize()), err
	})
	if err != nil {
		return "", interpret(err)
	}
	if len(grants) > 0 {
		return "", domain.NewFault(domain.FaultOperator, domain.ReasonDatabaseRefused, nil,
			"the user of %s lacks rights: let the tables' owner run %s", setting, strings.Join(grants, "; "))
	}
	return fmt.Sprintf("the user may read and write %d tables as a worker does", len(rights)), nil
}

// Now is the database's clock.
func Now(ctx context.Context, pool *pgxpool.Pool) (now time.Time, err error) {
	err = pool.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&now)
	return now.UTC(), interpret(err)
}

// OpenSample opens the newest private key that is stored. found is false where there is none. Faults: those of
// ports.Sealer.
func OpenSample(ctx context.Context, pool *pgxpool.Pool, sealer ports.Sealer) (found bool, err error) {
	var certificate, id string
	var sealed []byte
	err = pool.QueryRow(ctx, `
		SELECT certificate, id::text, sealed FROM keys WHERE sealed IS NOT NULL ORDER BY created_at DESC LIMIT 1`).
		Scan(&certificate, &id, &sealed)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, interpret(err)
	}
	opened, err := sealer.Open(ctx, domain.CertificateKeyPlace(certificate, id), sealed)
	clear(opened)
	return true, domain.About(err, fmt.Sprintf("the newest private key, of certificate %q", certificate))
}

// PutProbe stores a token of no order, which the responders answer until RemoveProbe. One that a killed process left is
// removed after an hour.
func (h *HTTPTokens) PutProbe(ctx context.Context, token, keyAuthorization string) error {
	_, err := h.pool.Exec(ctx, `
		WITH left_over AS (
			DELETE FROM http_tokens WHERE order_id IS NULL AND created_at < now() - interval '1 hour'
		)
		INSERT INTO http_tokens (token, key_authorization) VALUES ($1, $2)`, token, keyAuthorization)
	return interpret(err)
}

// RemoveProbe removes what PutProbe stored. Idempotent.
func (h *HTTPTokens) RemoveProbe(ctx context.Context, token string) error {
	_, err := h.pool.Exec(ctx, `DELETE FROM http_tokens WHERE token = $1 AND order_id IS NULL`, token)
	return interpret(err)
}
