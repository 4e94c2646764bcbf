package postgres

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"everleaf/domain"
	"everleaf/ports"
)

var _ ports.Advice = (*Advice)(nil)

// Advice records what CAs say of certificates in service.
type Advice struct{ pool *pgxpool.Pool }

// NewAdvice records in the pool's database.
func NewAdvice(pool *pgxpool.Pool) *Advice { return &Advice{pool: pool} }

// inService joins a version v to its certificate c if it is the one in service. The name comes first: it is c's primary
// key, and current_version has no index.
const inService = `certificates c ON c.name = v.certificate AND c.current_version = v.id`

// planned is a version whose plan was stored, or should have been long ago: its workflow may have had to make one
// without Postgres.
const planned = `(v.renewal IS NOT NULL OR v.created_at < now() - interval '10 minutes')`

// Due implements ports.Advice. The index versions_next_check has the rows in this order, and the page is cut before
// anything is joined to it: however many are due, a page costs no more than its rows.
func (a *Advice) Due(ctx context.Context, now time.Time, after string, except []string,
	limit int) (ports.DuePage, error) {
	if except == nil {
		except = []string{} // NULL would leave out everything
	}
	look, name := placed(after)
	rows, err := a.pool.Query(ctx, `
		SELECT v.certificate, v.next_check, c.current_version IS NOT DISTINCT FROM v.id AND c.released_at IS NULL,
			coalesce(v.renewal, '{}'), v.chain_pem,
			v.check_failures, `+versionColumns+`
		FROM (
			SELECT * FROM versions v
			WHERE next_check <= $1 AND (next_check, certificate) > ($2, $3) AND issuer <> ALL ($4) AND `+planned+`
				AND revoked_at IS NULL AND not_after > $1
			ORDER BY next_check, certificate
			LIMIT $5
		) v JOIN certificates c ON c.name = v.certificate
		ORDER BY v.next_check, v.certificate`, now, look, name, except, limit)
	if err != nil {
		return ports.DuePage{}, interpret(err)
	}
	page := ports.DuePage{Page: ports.PageState{After: after}}
	read, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (asked bool, err error) {
		var d ports.AdviceDue
		var at time.Time
		var chain string
		var version versionRow
		err = row.Scan(append([]any{&d.Certificate, &at, &asked, &d.Plan, &chain, &d.Failures}, version.fields()...)...)
		page.Page.After = place(at, d.Certificate)
		if err == nil && asked {
			d.Issued, d.ChainPEM = *version.issued(), []byte(chain)
			page.Due = append(page.Due, d)
		}
		return asked, err
	})
	page.Page.Done = len(read) < limit
	return page, interpret(err)
}

// place is where the page after this certificate begins.
func place(look time.Time, certificate string) string {
	return strconv.FormatInt(look.UnixMicro(), 10) + "/" + certificate
}

// placed is what place was made of; anything else is the first page.
func placed(place string) (look pgtype.Timestamptz, certificate string) {
	micros, certificate, ok := strings.Cut(place, "/")
	if number, err := strconv.ParseInt(micros, 10, 64); ok && err == nil {
		return pgtype.Timestamptz{Time: time.UnixMicro(number), Valid: true}, certificate
	}
	return pgtype.Timestamptz{InfinityModifier: pgtype.NegativeInfinity, Valid: true}, ""
}

// RecordAdvice implements ports.Advice.
func (a *Advice) RecordAdvice(ctx context.Context, advised ports.Advised) error {
	if _, err := uuid.Parse(advised.Version); err != nil {
		return unknownVersionFault(advised.Version)
	}
	plan := storable(advised.Plan)
	_, err := a.pool.Exec(ctx, `
		WITH old AS (
			SELECT v.id, v.certificate, v.renewal
			FROM versions v JOIN `+inService+`
			WHERE v.id = $2::uuid AND v.certificate = $1
			FOR UPDATE OF v
		), advised AS (
			UPDATE versions v SET renewal = $3, renew_at = $4, next_check = $5, check_failures = $6, check_failure = nullif($7,
				''),
				moved = v.moved OR $8
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
		advised.Certificate, advised.Version, plan, plan.At, orNull(advised.Next), advised.Failures,
		text(advised.Failure),
		advised.Moved)
	return interpret(err)
}

// Moved implements ports.Advice.
func (a *Advice) Moved(ctx context.Context, after string, limit int) ([]ports.Moved, error) {
	rows, err := a.pool.Query(ctx, `
		SELECT v.certificate, v.id::text, v.renew_at FROM versions v JOIN `+inService+`
		WHERE v.moved AND v.certificate > $1
		ORDER BY v.certificate
		LIMIT $2`, after, limit)
	if err != nil {
		return nil, interpret(err)
	}
	moved, err := pgx.CollectRows(rows, pgx.RowToStructByPos[ports.Moved])
	return moved, interpret(err)
}

// RecordNotified implements ports.Advice.
func (a *Advice) RecordNotified(ctx context.Context, moved []ports.Moved) error {
	versions, instants := make([]string, len(moved)), make([]time.Time, len(moved))
	for i, m := range moved {
		versions[i], instants[i] = m.Version, m.At
	}
	_, err := a.pool.Exec(ctx, `
		WITH notified AS (
			SELECT v.id FROM unnest($1::uuid[], $2::timestamptz[]) AS notified (id, at)
			JOIN versions v ON v.id = notified.id AND v.renew_at = notified.at AND v.moved
			ORDER BY v.id
			FOR UPDATE OF v
		)
		UPDATE versions v SET moved = false FROM notified WHERE v.id = notified.id`, versions, instants)
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
