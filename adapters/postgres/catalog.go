package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"everleaf/domain"
	"everleaf/ports"
)

var _ ports.Catalog = (*Catalog)(nil)

// Catalog reads certificates.
type Catalog struct{ pool *pgxpool.Pool }

// NewCatalog reads from the pool's database.
func NewCatalog(pool *pgxpool.Pool) *Catalog { return &Catalog{pool: pool} }

// recordColumns are what scanRecord reads, of certificates c and versions v.
const recordColumns = `c.name, c.phase, c.spec, c.wanted, c.generation, c.failure, c.updated_at, c.released_at, ` +
	retirementColumn + `, v.renewal, ` + versionColumns

func scanRecord(row pgx.Row, more ...any) (ports.CertificateRecord, error) {
	var record ports.CertificateRecord
	var version versionRow
	fields := append([]any{&record.Name, &record.Phase, &record.Spec, &record.Asked, &record.Generation,
		&record.Failure, &record.UpdatedAt,
		&record.ReleasedAt, &record.Retirement, &record.Renewal},
		version.fields()...)
	if err := row.Scan(append(fields, more...)...); err != nil {
		return record, unreadable(record.Name, err)
	}
	record.Issued = version.issued()
	record.UpdatedAt = record.UpdatedAt.UTC()
	if record.ReleasedAt != nil {
		released := record.ReleasedAt.UTC()
		record.ReleasedAt = &released
	}
	return record, nil
}

// unreadable names the row and the column of what cannot be decoded, as where somebody has edited it. The fault is
// Operator "DatabaseError". Any other error is returned as it is.
func unreadable(certificate string, err error) error {
	scan, ok := errors.AsType[pgx.ScanArgError](err)
	if !ok {
		return err
	}
	return domain.NewFault(domain.FaultOperator, domain.ReasonDatabaseError, scan.Err,
		"certificate %q: its row in Postgres cannot be read: somebody has edited it; correct column %s", certificate,
		scan.FieldName)
}

// OfFleet implements ports.Catalog.
func (c *Catalog) OfFleet(ctx context.Context, fleet string) ([]ports.CertificateRecord, error) {
	rows, err := c.pool.Query(ctx, `
		SELECT `+recordColumns+`
		FROM certificates c LEFT JOIN versions v ON v.id = c.current_version
		WHERE c.wanted ->> 'fleet' = $1 AND c.released_at IS NULL
		ORDER BY c.name`, fleet)
	if err != nil {
		return nil, interpret(err)
	}
	records, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (ports.CertificateRecord, error) {
		return scanRecord(row)
	})
	return records, interpret(err)
}

// Current implements ports.Catalog.
func (c *Catalog) Current(ctx context.Context, name string) (ports.KeyPair, error) {
	pair, err := scanPair(c.pool.QueryRow(ctx, `
		SELECT `+recordColumns+`, `+pairColumns+`
		FROM certificates c
		LEFT JOIN versions v ON v.id = c.current_version
		LEFT JOIN orders o ON o.id = v.order_id
		LEFT JOIN keys k ON k.id = o.key_id
		WHERE c.name = $1`, name))
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return ports.KeyPair{}, unknownCertificateFault(name)
	case err != nil:
		return ports.KeyPair{}, interpret(err)
	case pair.ChainPEM == nil:
		return ports.KeyPair{}, domain.NewFault(domain.FaultWait, domain.ReasonNotIssuedYet, nil,
			"the certificate %s was not issued yet: `everleaf cert status %s` says what it waits for", name, name)
	}
	return pair, nil
}

// pairColumns are what scanPair reads after recordColumns, of version v and key k.
const pairColumns = `v.chain_pem, coalesce(k.id::text, ''), k.sealed`

func scanPair(row pgx.Row, more ...any) (pair ports.KeyPair, err error) {
	pair.Record, err = scanRecord(row, append([]any{&pair.ChainPEM, &pair.Key.ID, &pair.Key.Sealed}, more...)...)
	pair.Certificate = pair.Record.Name
	return pair, err
}

func unknownCertificateFault(name string) error {
	return domain.NewFault(domain.FaultSpec, domain.ReasonUnknownCertificate, nil,
		"there is no certificate %q: `everleaf cert list` shows those there are", name)
}
