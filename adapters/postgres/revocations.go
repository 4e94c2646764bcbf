package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"everleaf/domain"
)

// pendingColumns are what scanPending reads, of versions v that pendingRevocation holds for.
const (
	pendingColumns    = versionColumns + `, v.revoking`
	pendingRevocation = `v.revoking IS NOT NULL AND v.revoked_at IS NULL AND v.not_after > now()`
)

// asked is a pending revocation as it is stored beside the version.
type asked struct {
	Reason             domain.RevocationReason `json:"reason,omitempty"`
	SignedBy           domain.RevocationSigner `json:"signedBy,omitempty"`
	WithoutReplacement bool                    `json:"withoutReplacement,omitempty"`
	After              time.Time               `json:"after,omitzero"`
	Failure            *domain.Failure         `json:"failure,omitempty"`
}

func scanPending(row pgx.CollectableRow) (domain.Revocation, error) {
	var version versionRow
	var a asked
	if err := row.Scan(append(version.fields(), &a)...); err != nil {
		return domain.Revocation{}, err
	}
	return domain.Revocation{Issued: *version.issued(), Reason: a.Reason, SignedBy: a.SignedBy,
		WithoutReplacement: a.WithoutReplacement, After: a.After.UTC(), Failure: a.Failure}, nil
}

// RecordRevoking implements ports.Certificates. An unknown version is an Operator fault "UnknownVersion".
func (c *Certificates) RecordRevoking(ctx context.Context, revocation domain.Revocation) error {
	version := revocation.Issued.Version
	if _, err := uuid.Parse(version); err != nil {
		return unknownVersion(version)
	}
	a := asked{Reason: revocation.Reason, SignedBy: revocation.SignedBy, WithoutReplacement: revocation.WithoutReplacement,
		After: revocation.After.UTC()}
	if f := revocation.Failure; f != nil {
		failure := *f
		failure.Fault.Message = text(failure.Fault.Message)
		a.Failure = &failure
	}
	var known bool
	err := c.pool.QueryRow(ctx, `
		WITH before AS (
			SELECT id, revoking FROM versions WHERE id = $1::uuid FOR UPDATE
		), changed AS (
			UPDATE versions v SET revoking = $2 FROM before b WHERE v.id = b.id AND v.revoked_at IS NULL
			RETURNING v.id, v.certificate, v.serial, b.revoking IS NULL AS first
		), event AS (
			INSERT INTO events (certificate, type, detail)
			SELECT certificate, 'revocation_asked', jsonb_build_object('version', id, 'serial', serial, 'reason', $3::text,
				'withoutReplacement', $4::boolean) FROM changed WHERE first
		)
		SELECT EXISTS (SELECT FROM versions WHERE id = $1::uuid)`, version, a, string(a.Reason), a.WithoutReplacement).Scan(&known)
	if err == nil && !known {
		return unknownVersion(version)
	}
	return interpret(err)
}

type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

const pendingQuery = `SELECT ` + pendingColumns + ` FROM versions v WHERE v.certificate = $1 AND ` + pendingRevocation + ` ORDER BY v.created_at`

// revoking reads a certificate's pending revocations, those of the oldest version first.
func revoking(ctx context.Context, db querier, certificate string) ([]domain.Revocation, error) {
	rows, err := db.Query(ctx, pendingQuery, certificate)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanPending)
}
