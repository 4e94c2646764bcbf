package acme

import (
	"bytes"
	"context"
	"crypto"

	"github.com/mholt/acmez/v3/acme"

	"everleaf/domain"
)

// RollOver gives the account a new key (RFC 8555 §7.3.5) and returns the account's URL. The new key is stored before
// the CA hears of it, and counts once the CA has said so; after a kill at any point the next call of any method finds
// out which key the CA knows. A key that the CA will not have is forgotten, and the next call makes another. Processes
// that hold the old key notice when the CA refuses it. Faults besides the usual: Operator "RolloverUnsupported".
func (ca *CA) RollOver(ctx context.Context) (url string, err error) {
	var next crypto.Signer
	err = ca.attempt(ctx, "roll the account's key over", func(ctx context.Context, s *session) error {
		url = s.account.Location
		if next != nil && sameKey(next, s.account.PrivateKey) {
			return nil // the answer was lost, or another process was faster
		}
		if s.directory.KeyChange == "" {
			return domain.NewFault(domain.FaultOperator, domain.ReasonRolloverUnsupported, nil,
				"issuer %q: its directory has no keyChange: it cannot change an account's key", ca.config.Issuer)
		}
		sealed, err := ca.sealNewKey(ctx)
		if err != nil {
			return err
		}
		planned, err := ca.accounts.PlanAccountKey(ctx, ca.config.Issuer, ca.config.Directory, sealed)
		if err != nil {
			return err
		}
		if next, err = ca.openKey(ctx, planned.NextSealedKey); err != nil {
			return err
		}
		if _, err := s.AccountKeyRollover(ctx, s.account, next); err != nil {
			return ca.refusedKey(ctx, planned.NextSealedKey, err)
		}
		ca.drop(s.account)
		return ca.switchKey(ctx, next, planned.NextSealedKey)
	})
	if err == nil {
		ca.logger.InfoContext(ctx, "account key rolled over", "account", url)
	}
	return url, err
}

// refusedKey forgets a new key that the CA has refused for what it is: it would say the same to any other try at this
// moment, so that it cannot become the account's. After any other error it may have, or may yet by another process, and
// it is kept for the next look.
func (ca *CA) refusedKey(ctx context.Context, sealed []byte, refusal error) error {
	if isProblem(refusal, acme.ProblemTypeBadPublicKey, acme.ProblemTypeBadSignatureAlgorithm) {
		if err := ca.accounts.DropAccountKey(ctx, ca.config.Issuer, ca.config.Directory, sealed); err != nil {
			ca.logger.WarnContext(ctx, "refused account key not forgotten: the next rollover tries it again", "error",
				err)
		}
	}
	return refusal
}

// switchKey makes the key that the CA knows the stored one. Another process may have done so, or have resealed it.
func (ca *CA) switchKey(ctx context.Context, key crypto.Signer, sealed []byte) error {
	for range 3 {
		switched, err := ca.accounts.SwitchAccountKey(ctx, ca.config.Issuer, ca.config.Directory, sealed)
		if err != nil || switched {
			return err
		}
		stored, err := ca.accounts.FindAccount(ctx, ca.config.Issuer, ca.config.Directory)
		if err != nil {
			return err
		}
		if stored == nil {
			break
		}
		if current, err := ca.openKey(ctx, stored.SealedKey); err != nil || sameKey(current, key) {
			return err
		}
		if sealed = stored.NextSealedKey; sealed == nil {
			break
		}
	}
	return domain.NewFault(domain.FaultWait, domain.ReasonAccountBusy, nil,
		"issuer %q: another process changes the account's key at this moment; try again", ca.config.Issuer)
}

// rekeyed reports whether the account has another key by now than the one that was used, after the CA has refused it.
// CAs answer a signature by an old key in various ways; Boulder and Pebble say malformed, as they say of much else: so
// the question costs a statement, and the CA is asked only while a new key is on its way.
func (ca *CA) rekeyed(ctx context.Context, known *knownDirectory, used acme.Account) (other bool, err error) {
	now := ca.currentAccount()
	if now == nil || !sameKey(now.PrivateKey, used.PrivateKey) {
		return true, nil
	}
	stored, err := ca.accounts.FindAccount(ctx, ca.config.Issuer, ca.config.Directory)
	if err != nil {
		return false, err
	}
	if stored == nil || stored.NextSealedKey == nil && bytes.Equal(stored.SealedKey, now.sealed) {
		return false, nil
	}
	ca.drop(used)
	account, err := ca.registered(ctx, known)
	if err != nil {
		return false, err
	}
	return !sameKey(account.PrivateKey, used.PrivateKey), nil
}
