package postgres

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"everleaf/domain"
	"everleaf/ports"
)

// once is how an event of a request conflicts with itself.
const once = ` ON CONFLICT (certificate, (detail ->> 'request')) WHERE detail ? 'request' DO NOTHING`

// RecordRequest implements ports.Certificates.
func (c *Certificates) RecordRequest(ctx context.Context, certificate string,
	request ports.StoredRequest) (out ports.RecordedRequest, err error) {
	// A caller may choose an update's ID.
	request.ID, request.Note, request.Caller = text(request.ID), text(request.Note), text(request.Caller)
	outcome := func(row pgx.Row) error {
		var taken, later bool
		if err := row.Scan(&taken, &later, &out.Generation, &out.Stored); err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		if later && out.Stored == nil { // JSON's null, which somebody wrote by hand
			return domain.NewFault(domain.FaultOperator, domain.ReasonDatabaseError, nil, "certificate %q: its row in Postgres "+
				"holds no spec: somebody has edited it; correct column wanted or spec of certificates", certificate)
		}
		out.Superseded = later
		out.Conflict = !taken && !later && request.ExpectedGeneration != nil
		return nil
	}
	switch {
	case request.Resume: // nothing is asked for: what is stored holds
		out.Record, err = c.after(ctx, certificate, outcome,
			`SELECT false, true, generation, coalesce(wanted, spec) FROM certificates WHERE name = $1`, certificate)
		return out, err
	case request.Kind == domain.RequestRenew:
		out.Record, err = c.recordRenew(ctx, certificate, request)
	case request.Kind == domain.RequestRevoke:
		out.Record, err = c.recordRevoke(ctx, certificate, request)
	case request.Kind == domain.RequestRetire:
		out.Record, err = c.recordRetire(ctx, certificate, request, outcome)
		return out, err
	default:
		out.Record, err = c.recordEnsure(ctx, certificate, request, outcome)
		return out, err
	}
	if err == nil {
		out.Version, err = c.askedVersion(ctx, certificate, request)
	}
	return out, err
}

// asked is when the request $3 of certificate $1 was recorded first, else $2: after a reset of the workflow, it is
// asked again.
const asked = `asked AS (
			SELECT coalesce((SELECT at FROM events WHERE certificate = $1 AND detail ->> 'request' = $3 AND detail ? 'request'), $2) AS at
		)`

// askedVersion is the version that the request was about when it was first recorded.
func (c *Certificates) askedVersion(ctx context.Context, certificate string,
	request ports.StoredRequest) (version string, err error) {
	err = c.pool.QueryRow(ctx, `
		SELECT coalesce(detail ->> 'version', '') FROM events
		WHERE certificate = $1 AND detail ->> 'request' = $2 AND detail ? 'request'`, certificate,
		request.ID).Scan(&version)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", unknownVersionFault(request.Version)
	}
	return version, interpret(err)
}

// recordRenew notes which version is to be replaced.
func (c *Certificates) recordRenew(ctx context.Context, certificate string,
	request ports.StoredRequest) (domain.Record, error) {
	return c.after(ctx, certificate, nil, `
		INSERT INTO events (certificate, at, type, detail)
		VALUES ($1, $2, 'renewal_requested', jsonb_build_object('request', $3::text, 'note', $4::text, 'force', $5::boolean,
			'caller', $6::text, 'version', (SELECT current_version FROM certificates WHERE name = $1)))`+once,
		certificate, request.At, request.ID, request.Note, request.Force, request.Caller)
}

// isLatest is the condition that no request later than the instant at is stored in a row of certificates. A stored
// instant in the future is none: a clock was ahead when it was written, and has been set back since.
func isLatest(row, at string) string {
	stored := row + ".requested_at"
	return "coalesce(" + stored + " <= " + at + " OR " + stored + " > clock_timestamp(), true)"
}

// outcomeOf are the columns that say what came of a Start, Ensure or Retire, of a certificate c in a statement whose
// CTE of this name has a row if it was taken: whether it was, whether a later request is stored, and what is stored.
func outcomeOf(cte string) string {
	return `
		SELECT true, false, generation, NULL::jsonb FROM ` + cte + `
		UNION ALL
		SELECT false, NOT ` + isLatest("certificates", "at") + `, generation, coalesce(wanted, spec) FROM certificates, asked
		WHERE name = $1 AND NOT EXISTS (SELECT FROM ` + cte + `)`
}

// recordEnsure stores what is asked for. A certificate that was released is kept in service again: what its workflow
// has left to be done is tried at once. outcome takes what came of it.
//
// The generation is compared and counted in the row that the statement has locked: of two requests that expect the same
// one, the second is refused. A request that was taken before is taken again.
func (c *Certificates) recordEnsure(ctx context.Context, certificate string, request ports.StoredRequest,
	outcome func(pgx.Row) error) (domain.Record, error) {
	changes := request.Changes
	if changes == nil {
		changes = []string{}
	}
	return c.after(ctx, certificate, outcome, `
		WITH `+asked+`, before AS (
			SELECT released_at IS NOT NULL AS released, generation FROM certificates WHERE name = $1
		), expected AS (
			SELECT EXISTS (SELECT FROM events WHERE certificate = $1 AND detail ->> 'request' = $3 AND detail ? 'request') AS repeated
		), stored AS (
			-- A clock that was ahead once must not have later requests ignored.
			INSERT INTO certificates (name, spec, wanted, generation, phase, requested_at)
			SELECT $1, $4, $4, 1, 'Issuing', least(at, now()) FROM asked
			WHERE coalesce($7::bigint, 0) = 0 OR EXISTS (SELECT FROM before)
			ON CONFLICT (name) DO UPDATE SET released_at = NULL, retirement = NULL, requested_at = EXCLUDED.requested_at,
				updated_at = now(), wanted = EXCLUDED.wanted,
				generation = certificates.generation + (certificates.wanted IS DISTINCT FROM EXCLUDED.wanted)::int,
				-- What is in service keeps its spec until another certificate is issued, unless it serves the new one as well.
				spec = CASE WHEN $5 OR certificates.current_version IS NULL THEN EXCLUDED.spec ELSE certificates.spec END,
				phase = CASE WHEN $5 AND certificates.current_version IS NOT NULL THEN 'Ready' ELSE certificates.phase END,
				failure = CASE WHEN $5 AND certificates.current_version IS NOT NULL THEN NULL ELSE certificates.failure END
			WHERE `+isLatest("certificates", "(SELECT at FROM asked)")+`
				AND (coalesce($7::bigint = certificates.generation, true) OR (SELECT repeated FROM expected))
			RETURNING name, generation
		), resumed AS (
			SELECT name FROM stored, before WHERE released
		), revocations AS (
			UPDATE versions SET revoking = revoking - 'after' - 'failure' FROM resumed
			WHERE certificate = name AND revoking IS NOT NULL AND revoked_at IS NULL
		), deliveries AS (
			UPDATE deliveries SET failure = NULL, updated_at = now() FROM resumed WHERE certificate = name
				AND failure IS NOT NULL AND contacted
		), `+forgetUncontacted+`, event AS (
			INSERT INTO events (certificate, at, type, detail)
			SELECT name, $2, CASE WHEN released IS NULL THEN 'created' WHEN released THEN 'resumed' ELSE 'changed' END,
				jsonb_build_object('request', $3::text, 'changes', $6::text[], 'caller', $8::text)
			FROM stored LEFT JOIN before ON true
			WHERE released IS NOT FALSE OR cardinality($6::text[]) > 0 OR stored.generation > before.generation`+once+`
		), unchanged AS (
			-- Services ask at each start, so that the last one is kept, and not all.
			INSERT INTO events (certificate, at, type, detail)
			SELECT name, $2, 'ensured', jsonb_build_object('caller', $8::text)
			FROM stored, before, expected
			WHERE NOT released AND cardinality($6::text[]) = 0 AND stored.generation = before.generation AND NOT repeated
			ON CONFLICT (certificate) WHERE type = 'ensured' DO UPDATE SET at = EXCLUDED.at, detail = EXCLUDED.detail
		)`+outcomeOf("stored"),
		certificate, request.At, request.ID, request.Spec, request.Fulfilled, changes, request.ExpectedGeneration,
		request.Caller)
}

// recordRevoke stores the revocation beside its version, and beside those that have the same key if that is
// compromised. One that was asked for before is tried again at once; one that is done has an event alone.
func (c *Certificates) recordRevoke(ctx context.Context, certificate string,
	request ports.StoredRequest) (domain.Record, error) {
	if _, err := uuid.Parse(request.Version); err != nil {
		return domain.Record{}, unknownVersionFault(request.Version)
	}
	return c.after(ctx, certificate, nil, `
		WITH asked AS (
			SELECT v.id, v.serial, v.revoking,
				$6::boolean OR c.retirement IS NOT NULL OR c.released_at IS NOT NULL AS alone -- nothing replaces what is retired
			FROM versions v JOIN orders o ON o.id = v.order_id JOIN certificates c ON c.name = v.certificate
			WHERE v.certificate = $1 AND (v.id = $7::uuid
				OR v.revoked_at IS NULL AND $4 = $8 AND o.key_id = (SELECT k.key_id FROM versions w
					JOIN orders k ON k.id = w.order_id WHERE w.id = $7::uuid AND w.certificate = $1))
			FOR UPDATE OF v
		), event AS (
			INSERT INTO events (certificate, at, type, detail)
			SELECT $1, $2, 'revocation_requested', jsonb_build_object('request', $3::text, 'version', id, 'serial', serial,
				'reason', $4::text,
				'withoutReplacement', alone, 'note', $9::text, 'caller', $10::text)
			FROM asked WHERE id = $7::uuid`+once+`
			RETURNING id
		)
		UPDATE versions v SET revoking = jsonb_strip_nulls(jsonb_build_object(
			-- The earlier reason stays, unless this one outranks it.
			'reason', CASE WHEN $4 = $8 THEN $4 ELSE coalesce(a.revoking ->> 'reason', $4) END,
			'signedBy', coalesce(nullif($5, ''), a.revoking ->> 'signedBy'),
			'withoutReplacement', nullif(a.alone OR coalesce((a.revoking ->> 'withoutReplacement')::boolean, false), false),
			'after', CASE WHEN NOT a.alone THEN a.revoking ->> 'after' END))
		FROM asked a, event WHERE v.id = a.id AND v.revoked_at IS NULL`,
		certificate, request.At, request.ID, string(request.Reason), string(request.SignedBy),
		request.WithoutReplacement,
		request.Version, string(domain.RevokedKeyCompromise), request.Note, request.Caller)
}

// recordRetire notes that nothing is obtained any more: what is to be revoked does not wait for a replacement. What has
// failed at targets is tried again at once: who asks again has corrected it.
func (c *Certificates) recordRetire(ctx context.Context, certificate string, request ports.StoredRequest,
	outcome func(pgx.Row) error) (domain.Record, error) {
	return c.after(ctx, certificate, outcome, `
		WITH `+asked+`, retiring AS (
			UPDATE certificates SET retirement = CASE WHEN $4 THEN 'Clearing' ELSE 'Retiring' END,
				requested_at = least(at, now()), updated_at = now()
			FROM asked
			WHERE name = $1 AND `+isLatest("certificates", "at")+`
			RETURNING name, generation
		), revocations AS (
			UPDATE versions SET revoking = revoking - 'after' - 'failure' || '{"withoutReplacement": true}' FROM retiring
			WHERE certificate = name AND revoking IS NOT NULL AND revoked_at IS NULL
		), deliveries AS (
			UPDATE deliveries SET failure = NULL, updated_at = now() FROM retiring
			WHERE certificate = name AND failure IS NOT NULL AND contacted
		), event AS (
			INSERT INTO events (certificate, at, type, detail)
			SELECT name, $2, 'retirement_requested', jsonb_build_object('request', $3::text, 'removeDeliveries', $4::boolean,
				'note', $5::text, 'caller', $6::text)
			FROM retiring`+once+`
		)`+outcomeOf("retiring"),
		certificate, request.At, request.ID, request.RemoveDeliveries, request.Note, request.Caller)
}
