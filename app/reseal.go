package app

import (
	"context"
	"strings"

	"everleaf/adapters/postgres"
	"everleaf/adapters/sealing"
	"everleaf/domain"
	"everleaf/ports"
)

// Resealed is what became of secrets that earlier sealing keys had sealed.
type Resealed struct {
	// Resealed counts those that the current key seals now, by this call.
	Resealed int
	// Failed are those that no configured key opens.
	Failed []Unopened
	// Left counts those that still are as they were, among them Failed.
	Left int
	// Former names the running processes that still seal with a former key.
	Former []string
}

// Unopened is a secret that no configured key opens.
type Unopened = ports.UnopenedSecret

// SecretNextAccount is the Kind of the key that an ACME account is about to change to.
const SecretNextAccount = ports.SecretNextAccount

// Reseal makes the configured key the current one and seals with it, at once, what earlier ones have sealed; progress
// reports how far it is after each page. What was done stays done if it is cut short. Faults: Operator
// "SealingKeyWrong", and "SealingKeyNotShared" while a running process does not know the key; Wait. It reads
// config.Postgres, config.Sealing and config.StartTimeout.
func Reseal(ctx context.Context, config Config, progress func(done, of int)) (Resealed, error) {
	var all Resealed
	keeper, err := openSealing(ctx, config.Sealing)
	if err != nil {
		return all, err
	}
	defer func() { _ = keeper.Close() }() // what it sealed is stored
	pool, err := openChecked(ctx, config)
	if err != nil {
		return all, err
	}
	defer pool.Close()
	processes := postgres.NewProcesses(pool)
	if err := sealing.CheckShared(ctx, keeper, processes); err != nil {
		return all, err
	}
	if err := postgres.MakeCurrent(ctx, pool, keeper); err != nil {
		return all, err
	}
	all, err = reseal(ctx, sealing.NewResealer(keeper, postgres.NewSecrets(pool), processes), progress)
	if err == nil {
		all.Former, err = sealing.SealingOtherwise(ctx, keeper, processes)
	}
	return all, err
}

func reseal(ctx context.Context, resealer ports.Resealer, progress func(done, of int)) (all Resealed, err error) {
	of, err := resealer.Stale(ctx)
	if err != nil {
		return all, err
	}
	for page := (ports.ResealedPage{}); !page.Page.Done; {
		if page, err = resealer.Reseal(ctx, page.Page.After); err != nil {
			break
		}
		all.Resealed, all.Failed = all.Resealed+page.Resealed, append(all.Failed, page.Failed...)
		progress(all.Resealed, of)
	}
	// Recorded also for a run that was cut short.
	if finishErr := resealer.Finish(context.WithoutCancel(ctx), all.Resealed, all.Failed); err == nil {
		err = finishErr
	}
	if err != nil {
		return all, err
	}
	all.Left, err = resealer.Stale(ctx)
	return all, err
}

// StillSealing is the fault of a run beside processes that seal with a former key.
func StillSealing(former []string) error {
	return domain.NewFault(domain.FaultOperator, domain.ReasonSealingKeyNotShared, nil,
		"these running processes still seal with a former key: %s; start them again with the new settings, and then run "+
			"this again", strings.Join(former, ", "))
}

// Unopenable is the fault of a run that could not open so many secrets.
func Unopenable(secrets int) error {
	return domain.NewFault(domain.FaultOperator, domain.ReasonSecretsUnreadable, nil,
		"%d secrets do not open: restore those that are damaged from a backup of the database, and list the key of those "+
			"that another "+
			"key sealed in --sealing-keys-old (EVERLEAF_SEALING_KEYS_OLD); the keys of certificates are also replaced by "+
			"`everleaf cert renew`", secrets)
}
