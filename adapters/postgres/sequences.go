package postgres

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"everleaf/ports"
)

// A request's number is the database's clock in microseconds, or one more than the last number where that is greater.
// So it grows whatever any clock does, and also after a backup is restored that knows fewer numbers than the targets
// have seen.
const (
	// nextSequence inserts a request: $1 the certificate's name, $2 the target, $3 its ID; kept is where the name and
	// version come from.
	nextSequence = `
		INSERT INTO delivery_sequences AS last (certificate, target, version, sequence, requests)
		SELECT kept.name, $2, kept.version, floor(extract(epoch FROM clock_timestamp()) * 1000000), ARRAY[$3::text] FROM kept
		ON CONFLICT (certificate, target) DO UPDATE SET version = EXCLUDED.version,
			sequence = CASE WHEN ` + sameRequest +
		` THEN last.sequence ELSE greatest(last.sequence + 1, EXCLUDED.sequence) END,
			requests = CASE WHEN ` + knownRequest + ` THEN last.requests
				-- The last four: a try that comes later than three other steps was given up long ago.
				ELSE (last.requests || $3::text)[greatest(1, cardinality(last.requests) - 2):] END
		-- A step that has a number already, and that something else has overtaken, comes late.
		WHERE ` + sameRequest + ` OR NOT ` + knownRequest + `
		RETURNING sequence`
	sameRequest  = `last.version IS NOT DISTINCT FROM EXCLUDED.version`
	knownRequest = `$3::text = ANY (last.requests)`
)

// BeginDelivery implements ports.Deliveries. The certificate's row is locked, so that no other version comes into
// service between the look at it and the number.
func (d *Deliveries) BeginDelivery(ctx context.Context, request ports.DeliveryRequest, version string) (int64, error) {
	if _, err := uuid.Parse(version); err != nil {
		return 0, unknownVersionFault(version)
	}
	return d.begin(ctx, request, `
		WITH kept AS (
			SELECT name, current_version AS version FROM certificates
			WHERE name = $1 AND current_version = $4::uuid AND released_at IS NULL
			FOR SHARE
		), begun AS (`+nextSequence+`
		), row AS (
			INSERT INTO deliveries (certificate, target, contacted) SELECT $1, $2, true FROM begun
			ON CONFLICT (certificate, target) DO UPDATE SET contacted = true WHERE NOT deliveries.contacted
		)
		SELECT sequence FROM begun`, version)
}

// BeginRemoval implements ports.Deliveries.
func (d *Deliveries) BeginRemoval(ctx context.Context, request ports.DeliveryRequest) (int64, error) {
	return d.begin(ctx, request, `
		WITH kept AS (
			SELECT $1::text AS name, NULL::uuid AS version
		), begun AS (`+nextSequence+`
		), row AS (
			UPDATE deliveries SET version = NULL, delivered_at = NULL, confirmation = '', updated_at = now()
			FROM begun WHERE certificate = $1 AND target = $2
		)
		SELECT sequence FROM begun`)
}

func (d *Deliveries) begin(ctx context.Context, request ports.DeliveryRequest, statement string,
	more ...any) (sequence int64, err error) {
	args := append([]any{request.Certificate, request.Target, request.ID}, more...)
	err = d.pool.QueryRow(ctx, statement, args...).Scan(&sequence)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, overtakenFault(request.Certificate, request.Target)
	}
	return sequence, interpret(err)
}
