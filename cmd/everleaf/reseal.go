package main

import (
	"context"
	"fmt"
	"time"

	"everleaf/app"
)

// progressInterval is the least time between two lines of progress.
const progressInterval = 2 * time.Second

type resealCmd struct {
	postgresSettings
	sealingSettings
	startSettings
}

// Help says when to run it.
func (resealCmd) Help() string {
	return "Workers do it by themselves, in the background, once they run with a new --sealing-key and the former one in " +
		"--sealing-keys-old; this does it at once and says when the former key may go. It may be interrupted and " +
		"repeated, also " +
		"while workers run. Run with the two keys swapped back, it undoes a rotation."
}

// Run exits 1 if something does not open.
func (r resealCmd) Run(ctx context.Context, k *kit) error {
	var config app.Config
	r.postgresSettings.apply(&config)
	r.sealingSettings.apply(&config)
	r.startSettings.apply(&config)
	var last time.Time
	resealed, err := k.reseal(ctx, config, func(done, of int) {
		if now := k.now(); now.Sub(last) >= progressInterval {
			last = now
			_, _ = fmt.Fprintf(k.err, "everleaf: %d of %d secrets resealed\n", done, of)
		}
	})
	if err != nil {
		return err
	}
	if err := k.print("secrets resealed: %d, left as they were: %d\n", resealed.Resealed, resealed.Left); err != nil {
		return err
	}
	for _, failed := range resealed.Failed {
		if err := k.print("does not open: %s (%s)\n", secretName(failed), failed.Reason); err != nil {
			return err
		}
	}
	switch {
	case len(config.Sealing.OldKeyURLs) == 0:
		return k.print("no earlier key is given (--sealing-keys-old, EVERLEAF_SEALING_KEYS_OLD): there is nothing to do\n")
	case len(resealed.Failed) > 0:
		return app.Unopenable(len(resealed.Failed))
	case len(resealed.Former) > 0:
		return app.StillSealing(resealed.Former)
	case resealed.Left > 0:
		return k.print("workers have sealed more meanwhile, with a former key: run it again once all of them have the new " +
			"settings\n")
	default:
		return k.print("nothing is left: once all workers have the new settings, the former keys may be taken out of " +
			"--sealing-keys-old (EVERLEAF_SEALING_KEYS_OLD)\n")
	}
}

// secretName says which secret it is, as people know it.
func secretName(secret app.Unopened) string {
	switch {
	case secret.Certificate != "":
		return fmt.Sprintf("a private key of certificate %s (%s)", plain(secret.Certificate), secret.ID)
	case secret.Kind == app.SecretNextAccount:
		return "the new account key of issuer " + plain(secret.ID)
	default:
		return "the account key of issuer " + plain(secret.ID)
	}
}
