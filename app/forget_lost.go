package app

import (
	"context"
	"encoding/hex"

	"everleaf/adapters/postgres"
	"everleaf/adapters/sealing"
	"everleaf/domain"
	"everleaf/ports"
)

// LostSecrets are those that no configured sealing key opens.
type LostSecrets = postgres.LostSecrets

// ForgetLost says what was sealed by a key that is not configured, and with forget it drops that. It looks at what the
// secrets name as their key, and opens a sample: what a configured key opens all the same is an Operator fault
// "SealingKeyNotShared". So is a running process that seals with such a key an Operator fault "SealingKeyWrong".
// Idempotent. It reads config.Postgres, config.Sealing and config.StartTimeout.
func ForgetLost(ctx context.Context, config Config, forget bool) (LostSecrets, error) {
	keeper, err := openSealing(ctx, config.Sealing)
	if err != nil {
		return LostSecrets{}, err
	}
	defer func() { _ = keeper.Close() }() // nothing was written through it
	pool, err := openChecked(ctx, config)
	if err != nil {
		return LostSecrets{}, err
	}
	defer pool.Close()
	var marks [][]byte
	for _, id := range keeper.IDs() {
		mark, err := hex.DecodeString(id)
		if err != nil {
			return LostSecrets{}, err
		}
		marks = append(marks, mark)
	}
	lost, samples, err := postgres.FindLost(ctx, pool, marks)
	if err != nil || !forget {
		return lost, err
	}
	if err := sealing.CheckOpens(ctx, keeper, postgres.NewProcesses(pool)); err != nil {
		return lost, err
	}
	if err := opensNone(ctx, keeper, samples); err != nil {
		return lost, err
	}
	return lost, postgres.ForgetLost(ctx, pool, marks)
}

// opensNone refuses to forget what the sealer opens, or may open once its service answers.
func opensNone(ctx context.Context, sealer ports.Sealer, samples []ports.SealedSecret) error {
	for _, sample := range samples {
		plaintext, err := sealer.Open(ctx, sealing.PlaceOf(sample), sample.Sealed)
		clear(plaintext)
		switch fault := domain.AsFault(err); {
		case err == nil || fault.Reason == domain.ReasonSecretMisplaced:
			return domain.NewFault(domain.FaultOperator, domain.ReasonSealingKeyNotShared, nil,
				"nothing was forgotten: a configured key opens what was sealed under another URL of it; list that URL in "+
					"--sealing-keys-old (EVERLEAF_SEALING_KEYS_OLD), and run everleaf reseal")
		case fault.Reason != domain.ReasonSealingKeyWrong && fault.Reason != domain.ReasonSecretDamaged:
			return err
		}
	}
	return nil
}
