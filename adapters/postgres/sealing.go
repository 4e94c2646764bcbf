package postgres

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"everleaf/domain"
	"everleaf/ports"
)

// knownText is what the sealing keys are tried on. It is no secret.
var (
	knownText      = []byte("everleaf sealing check")
	knownTextPlace = domain.Place{Kind: domain.SecretCheck}
)

// sealingCheck is knownText as the current key has sealed it, and as earlier current keys have.
type sealingCheck struct {
	sealed     []byte
	superseded [][]byte
}

// VerifySealing returns nil if the keys open what is sealed in this database. It changes nothing. Faults: Operator
// "SealingKeyWrong", "SecretDamaged"; Wait, if Postgres or a key service is out of reach.
func VerifySealing(ctx context.Context, pool *pgxpool.Pool, ring ports.KeyRing) error {
	check, err := storedCheck(ctx, pool)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return interpret(err)
	}
	return check.try(ctx, ring)
}

// CheckSealing is VerifySealing for a worker at its start. The first caller's key becomes the current one of this
// database. A worker that has another current key, and lists the database's as an earlier one, replaces it with its
// own: from then on what other keys have sealed counts as stale. A key that was replaced does not become current again
// here, or two halves of a roll-out would take turns in resealing everything: see MakeCurrent.
func CheckSealing(ctx context.Context, pool *pgxpool.Pool, ring ports.KeyRing) error {
	return checkSealing(ctx, pool, ring, false)
}

// MakeCurrent is CheckSealing, but also for a key that was current before and was replaced.
func MakeCurrent(ctx context.Context, pool *pgxpool.Pool, ring ports.KeyRing) error {
	return checkSealing(ctx, pool, ring, true)
}

func checkSealing(ctx context.Context, pool *pgxpool.Pool, ring ports.KeyRing, force bool) error {
	check, err := storedCheck(ctx, pool)
	if errors.Is(err, pgx.ErrNoRows) {
		sealed, err := ring.Seal(ctx, knownTextPlace, knownText)
		if err != nil {
			return err
		}
		// Two replicas may get here with different keys: what is stored decides.
		if _, err = pool.Exec(ctx, `INSERT INTO sealing_check (sealed) VALUES ($1) ON CONFLICT DO NOTHING`,
			sealed); err != nil {
			return interpret(err)
		}
		check, err = storedCheck(ctx, pool)
		if err != nil {
			return interpret(err)
		}
	} else if err != nil {
		return interpret(err)
	}
	if err := check.try(ctx, ring); err != nil {
		return err
	}
	ownMark := func(sealed []byte) bool { return bytes.HasPrefix(sealed, ring.Mark()) }
	if !ring.Rotated() || ownMark(check.sealed) || !force && slices.ContainsFunc(check.superseded, ownMark) {
		return nil
	}
	sealed, err := ring.Seal(ctx, knownTextPlace, knownText)
	if err != nil {
		return err
	}
	superseded := append(slices.DeleteFunc(check.superseded, ownMark), check.sealed)
	// Where another worker was faster, it has decided.
	_, err = pool.Exec(ctx, `UPDATE sealing_check SET sealed = $1, superseded = $2 WHERE sealed = $3`, sealed,
		superseded,
		check.sealed)
	return interpret(err)
}

// try opens what the current key sealed.
func (c sealingCheck) try(ctx context.Context, ring ports.KeyRing) error {
	opened, err := ring.Open(ctx, knownTextPlace, c.sealed)
	switch reason := domain.AsFault(err).Reason; {
	case err != nil && (reason == domain.ReasonSecretDamaged || reason == domain.ReasonSecretMisplaced):
		return domain.About(err, "the known text in the table sealing_check")
	case err != nil && reason != domain.ReasonSealingKeyWrong:
		return err
	case err != nil || !bytes.Equal(opened, knownText):
		return domain.NewFault(domain.FaultOperator, domain.ReasonSealingKeyWrong, nil,
			"--sealing-key (EVERLEAF_SEALING_KEY) names another key than the one that seals in this database: give that one; "+
				"or, if it is to be replaced, list that one in --sealing-keys-old (EVERLEAF_SEALING_KEYS_OLD)")
	}
	return nil
}

// CurrentSealingKey is the ID of the key that is the current one of this database; empty before the first.
func CurrentSealingKey(ctx context.Context, pool *pgxpool.Pool) (id string, err error) {
	err = pool.QueryRow(ctx, `SELECT encode(substring(sealed FROM 1 FOR 9), 'hex') FROM sealing_check`).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	return id, interpret(err)
}

func storedCheck(ctx context.Context, pool *pgxpool.Pool) (check sealingCheck, err error) {
	err = pool.QueryRow(ctx, `SELECT sealed, superseded FROM sealing_check`).Scan(&check.sealed, &check.superseded)
	return check, err
}
