package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"everleaf/domain"
)

// The record of a certificate c with its version in service v is read in one statement: each issuance reads it several
// times, and there is hardly ever something to be revoked.
const (
	stateColumns = retirementColumn + `, c.failure,
		v.renewal, v.revoked_at IS NOT NULL, ` + versionColumns + `, ` + pendingJSON + ` AS "versions.revoking", ` +
		deliveriesJSON + ` AS "deliveries.failure"`
	stateFrom = ` FROM certificates c LEFT JOIN versions v ON v.id = c.current_version AND v.certificate = c.name`

	// retirementColumn is the domain.Retirement of certificate c.
	retirementColumn = `CASE WHEN c.released_at IS NOT NULL THEN 'Released' ELSE coalesce(c.retirement, '') END`

	// pendingJSON are the domain.Revocations of certificate c, those of the oldest version first.
	pendingJSON = `(
		SELECT jsonb_agg(r.revoking || jsonb_build_object('issued', jsonb_build_object('version', r.id, 'issuer', r.issuer,
			'issuerCN', r.issuer_cn, 'names', r.names, 'serial', r.serial, 'notBefore', r.not_before, 'notAfter', r.not_after,
			'ariID', r.ari_id, 'accountURL', r.account_url, 'keyType', r.key_type, 'profile', r.profile)) ORDER BY r.created_at)
		FROM versions r
		WHERE r.certificate = c.name AND r.revoking IS NOT NULL AND r.revoked_at IS NULL AND r.not_after > now())`
)

// scanState reads stateColumns of a certificate, and more.
func scanState(row pgx.Row, certificate string, more ...any) (domain.Record, error) {
	var record domain.Record
	var version versionRow
	var revoked bool
	fields := append([]any{&record.Retirement, &record.Failure, &record.Renewal, &revoked}, version.fields()...)
	fields = append(fields, &record.Revocations, &record.Deliveries)
	if err := row.Scan(append(fields, more...)...); err != nil {
		return domain.Record{}, unreadable(certificate, err)
	}
	if record.Issued = version.issued(); record.Issued != nil {
		record.Issued.Revoked = revoked
	}
	inUTC(record.Revocations, record.Deliveries)
	return record, nil
}

// inUTC undoes what JSON makes of instants.
func inUTC(revocations []domain.Revocation, deliveries []domain.Delivery) {
	for i := range revocations {
		r := &revocations[i]
		r.After, r.Issued.NotBefore, r.Issued.NotAfter = r.After.UTC(), r.Issued.NotBefore.UTC(),
			r.Issued.NotAfter.UTC()
	}
	for i := range deliveries {
		deliveries[i].At = deliveries[i].At.UTC()
	}
}

const readState = `SELECT ` + stateColumns + stateFrom + ` WHERE c.name = $1`

// Record implements ports.Certificates.
func (c *Certificates) Record(ctx context.Context, certificate string) (domain.Record, error) {
	record, err := scanState(c.pool.QueryRow(ctx, readState, certificate), certificate)
	return known(record, err)
}

// known takes a certificate that is not stored for one without anything.
func known(record domain.Record, err error) (domain.Record, error) {
	if errors.Is(err, pgx.ErrNoRows) {
		return domain.Record{}, nil
	}
	return record, interpret(err)
}

// after runs a statement and reads the record after it, in one round trip and one transaction. answer, if there is one,
// takes the statement's row.
func (c *Certificates) after(ctx context.Context, certificate string, answer func(pgx.Row) error, statement string,
	args ...any) (record domain.Record, err error) {
	batch := &pgx.Batch{}
	queued := batch.Queue(statement, args...)
	if answer != nil {
		queued.QueryRow(answer)
	}
	batch.Queue(readState, certificate).QueryRow(func(row pgx.Row) (err error) {
		if record, err = scanState(row, certificate); errors.Is(err, pgx.ErrNoRows) {
			err = nil
		}
		return err
	})
	return record, interpret(c.pool.SendBatch(ctx, batch).Close())
}
