package sealing

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"everleaf/domain"
	"everleaf/ports"
)

const (
	// resealPage is what one statement stores: with a key service, a second or two of work.
	resealPage = 200
	// resealAtOnce bounds the calls to a key service.
	resealAtOnce = 8
)

var _ ports.Resealer = (*Resealer)(nil)

// Resealer seals with the current key what earlier ones have sealed. Each secret is sealed again as a whole, with a new
// data key: its header, which is authenticated with it, says which key sealed it.
type Resealer struct {
	ring      ports.KeyRing
	secrets   ports.Secrets
	processes ports.Processes
	page      int
}

// NewResealer seals with the ring's current key what is stored in secrets, unless one of the processes could not open
// it.
func NewResealer(ring ports.KeyRing, secrets ports.Secrets, processes ports.Processes) *Resealer {
	return &Resealer{ring: ring, secrets: secrets, processes: processes, page: resealPage}
}

// Stale implements ports.Resealer.
func (r *Resealer) Stale(ctx context.Context) (int, error) {
	if !r.ring.Rotated() {
		return 0, nil
	}
	return r.secrets.CountStale(ctx, r.ring.Mark())
}

// Reseal implements ports.Resealer.
func (r *Resealer) Reseal(ctx context.Context, after string) (ports.ResealedPage, error) {
	done := ports.ResealedPage{Page: ports.PageState{After: after, Done: true}}
	if !r.ring.Rotated() {
		return done, nil
	}
	found, err := r.secrets.ListStale(ctx, r.ring.Mark(), after, r.page)
	if err != nil {
		return done, fmt.Errorf("list what earlier keys sealed: %w", err)
	}
	if len(found) > 0 {
		if err := CheckShared(ctx, r.ring, r.processes); err != nil {
			return done, err
		}
	}
	old, sealed, failed, err := r.resealAll(ctx, found)
	if err != nil {
		return done, err
	}
	if len(old) > 0 {
		if done.Resealed, err = r.secrets.ReplaceSealed(ctx, old, sealed); err != nil {
			return done, fmt.Errorf("store what was resealed: %w", err)
		}
	}
	done.Failed = failed
	keys := 0
	for _, secret := range found {
		if secret.Kind == ports.SecretKey {
			keys, done.Page.After = keys+1, secret.ID
		}
	}
	done.Page.Done = keys < r.page
	return done, nil
}

// resealAll opens and seals all, several at once. What no key opens is among failed.
func (r *Resealer) resealAll(ctx context.Context, found []ports.SealedSecret) (
	old []ports.SealedSecret, sealed [][]byte, failed []ports.UnopenedSecret, err error,
) {
	all, reasons := make([][]byte, len(found)), make([]domain.Reason, len(found))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(resealAtOnce)
	for i, secret := range found {
		group.Go(func() error {
			place := PlaceOf(secret)
			plaintext, err := r.ring.Open(ctx, place, secret.Sealed)
			if fault, ok := errors.AsType[*domain.Fault](err); ok && slices.Contains(unopened, fault.Reason) {
				reasons[i] = fault.Reason
				return nil
			}
			if err != nil {
				return fmt.Errorf("open what an earlier key sealed: %w", err)
			}
			defer clear(plaintext)
			all[i], err = r.ring.Seal(ctx, place, plaintext)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, nil, nil, err
	}
	for i, secret := range found {
		if reasons[i] != "" {
			left := ports.UnopenedSecret{Kind: secret.Kind, ID: secret.ID, Reason: reasons[i]}
			if secret.Kind == ports.SecretKey {
				left.Certificate = secret.Owner
			}
			failed = append(failed, left)
			continue
		}
		old, sealed = append(old, secret), append(sealed, all[i])
	}
	return old, sealed, failed, nil
}

// unopened are why a secret stays as it is.
var unopened = []domain.Reason{domain.ReasonSecretDamaged, domain.ReasonSecretMisplaced, domain.ReasonSealingKeyWrong}

// PlaceOf is where a secret was found, which is not where it belongs if it was moved.
func PlaceOf(secret ports.SealedSecret) domain.Place {
	if secret.Kind == ports.SecretKey {
		return domain.CertificateKeyPlace(secret.Owner, secret.ID)
	}
	return domain.AccountKeyPlace(secret.ID, secret.Owner)
}

// Finish implements ports.Resealer.
func (r *Resealer) Finish(ctx context.Context, resealed int, failed []ports.UnopenedSecret) error {
	if resealed == 0 && len(failed) == 0 {
		return nil
	}
	return r.secrets.RecordResealed(ctx, resealed, failed)
}
