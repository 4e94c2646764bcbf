package postgres

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"everleaf/domain"
	"everleaf/ports"
)

var _ ports.Pulls = (*Pulls)(nil)

// Pulls reads certificates for clients that fetch them.
type Pulls struct{ pool *pgxpool.Pool }

// NewPulls reads from the pool's database.
func NewPulls(pool *pgxpool.Pool) *Pulls { return &Pulls{pool: pool} }

// pullable is true for certificates c that may go to the targets $1. A delivery may be on a host ("target@host"). Of
// what was released, the deliveries that were not removed still have their row.
const pullable = `EXISTS (
	SELECT FROM jsonb_array_elements_text(coalesce(c.spec -> 'deliveries', '[]')) AS named (delivery)
	WHERE split_part(named.delivery, '@', 1) = ANY($1::text[])
	AND (c.released_at IS NULL OR EXISTS (SELECT FROM deliveries d
		WHERE d.certificate = c.name AND d.target = named.delivery AND d.version IS NOT NULL)))`

const pulledFrom = `
	FROM certificates c
	JOIN versions v ON v.id = c.current_version AND v.certificate = c.name
	JOIN orders o ON o.id = v.order_id
	JOIN keys k ON k.id = o.key_id
	WHERE ` + pullable

// Named implements ports.Pulls.
func (p *Pulls) Named(ctx context.Context, name string, targets []string) (ports.KeyPair, error) {
	return p.one(ctx, ` AND c.name = $2`, targets, text(name))
}

// Covering implements ports.Pulls. The overlap of arrays uses the index on the names of all versions. One that has
// ended, since nobody keeps it, must not stand before one that is good.
func (p *Pulls) Covering(ctx context.Context, serverName string, targets []string) (ports.KeyPair, error) {
	serverName = text(serverName)
	names := []string{serverName}
	if _, parent, ok := strings.Cut(serverName, "."); ok && parent != "" {
		names = append(names, "*."+parent) // a wildcard stands for one label (RFC 9525 §6.3)
	}
	return p.one(ctx, ` AND v.names && $2::text[]
		ORDER BY v.not_after > now() DESC, v.names @> ($2::text[])[1:1] DESC, v.not_after DESC, c.name LIMIT 1`,
		targets, names)
}

func (p *Pulls) one(ctx context.Context, which string, targets []string, argument any) (ports.KeyPair, error) {
	pair, err := scanPair(p.pool.QueryRow(ctx, `SELECT `+recordColumns+`, `+pairColumns+pulledFrom+which, targets,
		argument))
	if errors.Is(err, pgx.ErrNoRows) {
		return ports.KeyPair{}, domain.NewFault(domain.FaultSpec, domain.ReasonUnknownCertificate, nil,
			"there is no such certificate for this client")
	}
	if err != nil {
		return ports.KeyPair{}, interpret(err)
	}
	return pair, nil
}

// Offered implements ports.Pulls. A limit below one gives none.
func (p *Pulls) Offered(ctx context.Context, targets []string, after string,
	limit int) ([]ports.CertificateRecord, error) {
	rows, err := p.pool.Query(ctx, `SELECT `+recordColumns+pulledFrom+` AND c.name > $2 ORDER BY c.name LIMIT $3`,
		targets, text(after), max(limit, 0))
	if err != nil {
		return nil, interpret(err)
	}
	records, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (ports.CertificateRecord,
		error) {
		return scanRecord(row)
	})
	return records, interpret(err)
}

// RecordPulled implements ports.Pulls.
func (p *Pulls) RecordPulled(ctx context.Context, certificate, version, client string) error {
	_, err := p.pool.Exec(ctx, `
		INSERT INTO events (certificate, type, detail)
		VALUES ($1, 'exported', jsonb_build_object('by', $3::text, 'version', $2::text, 'through', 'pull'))
		ON CONFLICT DO NOTHING`, certificate, version, text(client))
	return interpret(err)
}
