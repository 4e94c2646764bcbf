package postgres

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Uses are the issuers and targets that the certificates which are kept ask for, with the number of certificates.
type Uses struct {
	Issuers map[string]int
	Targets map[string]int
}

// CountUses reads each certificate once. A target counts also where a certificate is still to be cleared, and not where
// somebody has retired the certificate and leaves it there. A list that somebody has edited by hand into something else
// counts as empty.
func CountUses(ctx context.Context, pool *pgxpool.Pool) (Uses, error) {
	uses := Uses{Issuers: map[string]int{}, Targets: map[string]int{}}
	rows, err := pool.Query(ctx, `
		WITH kept AS (
			SELECT name, retirement, coalesce(wanted, spec) AS spec FROM certificates WHERE released_at IS NULL
		)
		SELECT true, coalesce(issuer, 'default'), count(*)
		FROM kept LEFT JOIN jsonb_array_elements_text(
			CASE jsonb_typeof(spec -> 'issuers') WHEN 'array' THEN spec -> 'issuers' END) AS issuer ON true
		WHERE retirement IS NULL
		GROUP BY 2
		UNION ALL
		SELECT false, target, count(*)
		FROM (
			SELECT name, target FROM kept, jsonb_array_elements_text(
				CASE jsonb_typeof(spec -> 'deliveries') WHEN 'array' THEN spec -> 'deliveries' END) AS target
			WHERE retirement IS NULL
			UNION
			SELECT name, target FROM kept JOIN deliveries d ON d.certificate = kept.name
			WHERE contacted AND coalesce(retirement, 'Clearing') = 'Clearing'
		) wanted
		GROUP BY 2`)
	if err != nil {
		return uses, interpret(err)
	}
	defer rows.Close()
	for rows.Next() {
		var issuer bool
		var name string
		var count int
		if err := rows.Scan(&issuer, &name, &count); err != nil {
			return uses, interpret(err)
		}
		if issuer {
			uses.Issuers[name] = count
		} else {
			uses.Targets[name] = count
		}
	}
	return uses, interpret(rows.Err())
}
