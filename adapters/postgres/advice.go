package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"everleaf/domain"
	"everleaf/ports"
)

var (
	_ ports.Advice  = (*Advice)(nil)
	_ ports.Backlog = (*Advice)(nil)
)

// Advice records what CAs say of certificates in service.
type Advice struct{ pool *pgxpool.Pool }

// NewAdvice records in the pool's database.
func NewAdvice(pool *pgxpool.Pool) *Advice { return &Advice{pool: pool} }

// planned is a version whose plan was stored, or should have been long ago: its workflow may have had to make one without
// Postgres.
const planned = `(v.renewal IS NOT NULL OR v.created_at < now() - interval '10 minutes')`

// Backlog implements ports.Backlog. It also takes leave of versions that their CA is never to be asked about again, "after
// the certificate has expired or is considered replaced" (RFC 9773 §4.3, in our words), so that the index has in it only
// what is in service.
func (a *Advice) Backlog(ctx context.Context, now time.Time) (ports.BeginSweepOutput, error) {
	var found ports.BeginSweepOutput
	err := a.pool.QueryRow(ctx, `
		WITH due AS (
			SELECT v.id, `+planned+` AND c.released_at IS NULL AS asked,
				c.current_version IS DISTINCT FROM v.id OR v.revoked_at IS NOT NULL OR v.not_after <= $1 AS over
			FROM versions v JOIN certificates c ON c.name = v.certificate
			WHERE v.next_look <= $1
		), stopped AS (
			UPDATE versions v SET next_look = NULL FROM due WHERE v.id = due.id AND due.over
		)
		SELECT (SELECT count(*) FROM due WHERE asked AND NOT over), ARRAY(
			SELECT DISTINCT split_part(d.target, '@', 2) AS host
			FROM deliveries d JOIN certificates c ON c.name = d.certificate
			WHERE d.version IS NOT NULL AND c.released_at IS NULL
			ORDER BY host
		), (SELECT count(*)`+orphaned+`)`, now).Scan(&found.Renewals, &found.Hosts, &found.Records)
	return found, interpret(err)
}

// Due implements ports.Advice.
func (a *Advice) Due(ctx context.Context, now time.Time, after string, except []string, limit int) ([]ports.AdviceDue, error) {
	if except == nil {
		except = []string{} // NULL would leave out everything
	}
	rows, err := a.pool.Query(ctx, `
		SELECT c.name, coalesce(v.renewal, '{}'), v.chain_pem, v.look_failures, `+versionColumns+`
		FROM certificates c JOIN versions v ON v.id = c.current_version
		WHERE v.next_look <= $1 AND c.name > $2 AND v.issuer <> ALL ($3) AND `+planned+` AND c.released_at IS NULL
			AND v.revoked_at IS NULL AND v.not_after > $1
		ORDER BY c.name
		LIMIT $4`, now, after, except, max(limit, 0))
	if err != nil {
		return nil, interpret(err)
	}
	due, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (ports.AdviceDue, error) {
		var d ports.AdviceDue
		var chain string
		var version versionRow
		if err := row.Scan(append([]any{&d.Certificate, &d.Plan, &chain, &d.Failures}, version.fields()...)...); err != nil {
			return ports.AdviceDue{}, err
		}
		d.Issued, d.ChainPEM = *version.issued(), []byte(chain)
		return d, nil
	})
	return due, interpret(err)
}

// RecordAdvice implements ports.Advice.
func (a *Advice) RecordAdvice(ctx context.Context, version string, plan domain.RenewalPlan, next time.Time, failures int, failure string) error {
	if _, err := uuid.Parse(version); err != nil {
		return unknownVersion(version)
	}
	plan = storable(plan)
	_, err := a.pool.Exec(ctx, `
		WITH old AS (
			SELECT v.id, v.certificate, v.renewal
			FROM versions v JOIN certificates c ON c.current_version = v.id
			WHERE v.id = $1::uuid
			FOR UPDATE OF v
		), advised AS (
			UPDATE versions v SET renewal = $2, renew_at = $3, next_look = $4, look_failures = $5, look_failure = nullif($6, '')
			FROM old WHERE v.id = old.id
			RETURNING v.id, v.certificate, v.renewal AS plan, old.renewal AS before
		), moved AS (
			SELECT * FROM advised
			WHERE abs(extract(epoch FROM (plan ->> 'at')::timestamptz - (before ->> 'at')::timestamptz)) >= 1
				OR plan #>> '{window,explanationURL}' IS DISTINCT FROM before #>> '{window,explanationURL}'
		), certificate AS (
			UPDATE certificates SET updated_at = now() FROM moved WHERE certificates.name = moved.certificate
		)
		INSERT INTO events (certificate, type, detail)
		SELECT certificate, 'renewal_moved', jsonb_build_object('version', id, 'from', before -> 'at', 'plan', plan) FROM moved`,
		version, plan, plan.At, orNull(next), failures, text(failure))
	return interpret(err)
}

// storable is a plan with what the CA sent made storable.
func storable(plan domain.RenewalPlan) domain.RenewalPlan {
	plan.Message = text(plan.Message)
	if plan.Window != nil {
		window := *plan.Window
		window.ExplanationURL = text(window.ExplanationURL)
		plan.Window = &window
	}
	return plan
}
