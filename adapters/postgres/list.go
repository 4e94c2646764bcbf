package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"everleaf/domain"
	"everleaf/ports"
)

// listedDetail is a listedRow of certificate c with its version in service v. It is JSON, so that a row
// that somebody has edited can't be decoded alone and does not end the list.
const listedDetail = `jsonb_build_object('phase', c.phase, 'state', ` + stateColumn + `, 'spec', c.spec, 'asked', c.wanted,
	'generation', c.generation, 'failure', c.failure, 'updatedAt', c.updated_at,
	'releasedAt', c.released_at, 'retirement', ` + retirementColumn + `, 'revokedAt', v.revoked_at,
	'renewal', v.renewal, 'unrevoked', ` + unrevokedFailure + `, 'deliveries', ` + listedDeliveries + `,
	'issued', CASE WHEN v.id IS NOT NULL THEN jsonb_build_object('version', v.id, 'issuer', v.issuer, 'issuerCN',
		v.issuer_cn, 'names', v.names, 'serial', v.serial, 'notBefore', v.not_before, 'notAfter', v.not_after, 'ariID',
		v.ari_id, 'accountURL', v.account_url, 'keyType', v.key_type, 'profile', v.profile,
		'revoked', v.revoked_at IS NOT NULL) END)`

// stateColumn is the state of certificate c with its version in service v.
const stateColumn = `everleaf_state(c.phase, c.retirement, c.released_at, v.revoked_at)`

// unrevokedFailure is why a certificate of c that is to be revoked is not, NULL if no revocation has failed.
const unrevokedFailure = `(
		SELECT r.revoking -> 'failure' FROM versions r
		WHERE r.certificate = c.name AND r.revoking IS NOT NULL AND r.revoked_at IS NULL AND r.not_after > now()
			AND r.revoking ? 'failure'
		ORDER BY r.created_at LIMIT 1)`

// listedDeliveries are certificate c's deliveries, counted.
const listedDeliveries = `(
		SELECT jsonb_build_object(
			'current', count(*) FILTER (WHERE d.version = c.current_version AND c.spec -> 'deliveries' ? d.target),
			'failing', count(*) FILTER (WHERE d.failure IS NOT NULL),
			'failure', (array_agg(jsonb_build_object('target', d.target, 'failure', d.failure) ORDER BY d.target)
				FILTER (WHERE d.failure IS NOT NULL))[1])
		FROM deliveries d WHERE d.certificate = c.name)`

// List implements ports.Catalog. A limit below one gives none.
func (c *Catalog) List(ctx context.Context, filter ports.CertificateFilter, after string,
	limit int) (page ports.CertificatePage, err error) {
	limit = max(limit, 0)
	source, conditions, args := listed(filter, []any{after, limit})
	rows, err := c.pool.Query(ctx, `
		SELECT c.name, matches, CASE WHEN matches THEN `+listedDetail+` END
		FROM (`+source+` ORDER BY c.name LIMIT $2) c
		LEFT JOIN versions v ON v.id = c.current_version
		CROSS JOIN LATERAL (SELECT `+conditions+` AS matches) m
		ORDER BY c.name`, args...)
	if err != nil {
		return page, interpret(err)
	}
	looked, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (name string, err error) {
		var matches bool
		var detail []byte
		if err = row.Scan(&name, &matches, &detail); err == nil && matches {
			if c := listedCertificate(name, detail); filter.Tenant == "" || domain.TenantOf(c.Spec) == filter.Tenant {
				page.Certificates = append(page.Certificates, c)
			}
		}
		return name, err
	})
	if err != nil {
		return ports.CertificatePage{}, interpret(err)
	}
	if limit > 0 && len(looked) == limit {
		page.Next = looked[limit-1]
	}
	return page, nil
}

// listed makes a filter's two parts: the certificates c that an index finds in order of name after $1, and the
// condition that each is compared with.
func listed(filter ports.CertificateFilter, args []any) (source, conditions string, more []any) {
	source = `SELECT c.* FROM certificates c WHERE c.name > $1`
	if filter.State != domain.PhaseReleased && !filter.Released {
		source += ` AND c.released_at IS NULL`
	}
	var where []string
	argument := func(value any) string {
		args = append(args, value)
		return "$" + strconv.Itoa(len(args))
	}
	// Constants, since an index of a part of the rows serves no parameter.
	switch filter.State {
	case "":
	case domain.PhaseReleased:
		source += ` AND c.released_at IS NOT NULL`
	case domain.PhaseRetiring:
		source += ` AND c.released_at IS NULL AND c.retirement IS NOT NULL`
	case domain.PhaseRevoked:
		source += ` AND c.released_at IS NULL AND c.retirement IS NULL AND EXISTS (
			SELECT FROM versions r WHERE r.certificate = c.name AND r.id = c.current_version AND r.revoked_at IS NOT NULL)`
	case domain.PhaseReady:
		source += ` AND c.released_at IS NULL AND c.phase = 'Ready'`
		where = append(where, `v.revoked_at IS NULL AND c.retirement IS NULL`)
	case domain.PhaseFailing:
		source += ` AND c.released_at IS NULL AND c.phase = 'Failing'`
		where = append(where, `v.revoked_at IS NULL AND c.retirement IS NULL`)
	default:
		source += ` AND c.released_at IS NULL AND c.phase = 'Issuing'`
		where = append(where, `c.retirement IS NULL`)
	}
	if filter.Issuer != "" {
		issuer := argument(filter.Issuer)
		where = append(where, `CASE WHEN v.id IS NULL THEN coalesce(c.spec -> 'issuers' ? `+issuer+
			`, false) ELSE v.issuer = `+
			issuer+` END`)
	}
	if filter.Tenant != "" {
		// Postgres does not know which domains are registered ones: List looks again at what this finds.
		where = append(where, fmt.Sprintf(`CASE WHEN coalesce(c.spec ->> 'tenant', '') <> '' THEN c.spec ->> 'tenant' = %[1]s
			ELSE right('.' || lower(c.spec #>> '{names,0}'), length(%[1]s) + 1) = '.' || %[1]s END`,
			argument(filter.Tenant)+"::text"))
	}
	if !filter.ExpiringBefore.IsZero() {
		where = append(where, `v.not_after <= `+argument(filter.ExpiringBefore))
	}
	if filter.Pattern != "" {
		pattern := argument(like(filter.Pattern))
		where = append(where, fmt.Sprintf(`(c.name LIKE %[1]s OR EXISTS (SELECT FROM unnest(v.names) n WHERE n LIKE %[1]s)
			OR EXISTS (SELECT FROM jsonb_path_query(coalesce(c.wanted, c.spec), 'lax $.names[*]') n
				WHERE n #>> '{}' LIKE %[1]s))`, pattern))
	}
	if len(where) == 0 {
		return source, `true`, args
	}
	return source, `coalesce(` + strings.Join(where, ` AND `) + `, false)`, args
}

// like makes a LIKE pattern of one with "*" and "?".
func like(pattern string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`, `*`, `%`, `?`, `_`).Replace(strings.ToLower(pattern))
}

// listedRow is what listedDetail makes.
type listedRow struct {
	Phase, State                                                 domain.Phase
	Generation                                                   int64
	Retirement                                                   domain.Retirement
	Spec, Asked, Issued, Renewal, Failure, Unrevoked, Deliveries json.RawMessage
	UpdatedAt, ReleasedAt, RevokedAt                             json.RawMessage
}

// listedCertificate decodes each part by itself, and notes what it can't.
func listedCertificate(name string, detail []byte) ports.ListedCertificate {
	listed := ports.ListedCertificate{}
	listed.Name = name
	var row listedRow
	var malformed []string
	decode := func(what string, text []byte, into any) {
		if len(text) == 0 {
			return
		}
		if err := json.Unmarshal(text, into); err != nil {
			malformed = append(malformed, what+": "+err.Error())
		}
	}
	decode("row", detail, &row)
	decode("spec", row.Spec, &listed.Spec)
	decode("wanted", row.Asked, &listed.Asked)
	decode("version", row.Issued, &listed.Issued)
	decode("renewal", row.Renewal, &listed.Renewal)
	decode("failure", row.Failure, &listed.Failure)
	decode("revoking", row.Unrevoked, &listed.Unrevoked)
	decode("deliveries", row.Deliveries, &listed.Delivered)
	decode("updated_at", row.UpdatedAt, &listed.UpdatedAt)
	decode("released_at", row.ReleasedAt, &listed.ReleasedAt)
	decode("revoked_at", row.RevokedAt, &listed.RevokedAt)
	switch row.Phase {
	case domain.PhaseIssuing, domain.PhaseReady, domain.PhaseFailing:
	default:
		if len(malformed) == 0 {
			malformed = append(malformed, fmt.Sprintf("phase: %q is none", row.Phase))
		}
	}
	if len(listed.Spec.Names) == 0 && len(malformed) == 0 {
		malformed = append(malformed, "spec: no names")
	}
	listed.Phase, listed.State, listed.Generation, listed.Retirement = row.Phase, row.State, row.Generation, row.Retirement
	listed.Malformed = strings.Join(malformed, "; ")
	listed.Delivered.Targets = len(listed.Spec.Deliveries)
	listed.UpdatedAt = listed.UpdatedAt.UTC()
	for _, at := range []*time.Time{listed.ReleasedAt, listed.RevokedAt} {
		if at != nil {
			*at = at.UTC()
		}
	}
	if i := listed.Issued; i != nil {
		i.NotBefore, i.NotAfter = i.NotBefore.UTC(), i.NotAfter.UTC()
	}
	return listed
}
