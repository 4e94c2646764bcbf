package acme

import (
	"bytes"
	"context"

	"github.com/mholt/acmez/v3/acme"

	"everleaf/domain"
	"everleaf/ports"
)

// held is the account in memory.
type held struct {
	acme.Account
	// sealed is its key as it was stored when it was read.
	sealed []byte
}

// AccountURL is the account's URL at the CA; the account is made on first use.
func (ca *CA) AccountURL(ctx context.Context) (string, error) {
	var url string
	err := ca.attempt(ctx, "find the account", func(_ context.Context, s *session) error {
		url = s.account.Location
		return nil
	})
	return url, err
}

// registered returns the account with its key in memory.
func (ca *CA) registered(ctx context.Context, known *knownDirectory) (acme.Account, error) {
	if account := ca.currentAccount(); account != nil {
		return account.Account, nil
	}
	account, err := ca.shared(ctx, "account", func(ctx context.Context) (any, error) {
		if account := ca.currentAccount(); account != nil {
			return account.Account, nil
		}
		return ca.register(ctx, known)
	})
	if err != nil {
		return acme.Account{}, err
	}
	return account.(acme.Account), nil
}

func (ca *CA) currentAccount() *held {
	ca.mu.Lock()
	defer ca.mu.Unlock()
	return ca.account
}

// forget drops the account after the CA said that it has none at its URL.
func (ca *CA) forget(used acme.Account) {
	ca.mu.Lock()
	defer ca.mu.Unlock()
	if ca.account != nil && ca.account.Location == used.Location {
		ca.account, ca.lost = nil, used.Location
	}
}

// drop makes the next call read the account again, unless that has happened since it was used.
func (ca *CA) drop(used acme.Account) {
	ca.mu.Lock()
	defer ca.mu.Unlock()
	if ca.account != nil && sameKey(ca.account.PrivateKey, used.PrivateKey) {
		ca.account = nil
	}
}

// register reads the account, or makes it, and settles with the CA what is not settled.
func (ca *CA) register(ctx context.Context, known *knownDirectory) (acme.Account, error) {
	stored, fresh, err := ca.storedAccount(ctx, known)
	if err != nil {
		return acme.Account{}, err
	}
	ca.mu.Lock()
	lost := ca.lost
	ca.mu.Unlock()
	var account held
	if stored.URL == "" || stored.URL == lost || stored.NextSealedKey != nil {
		account, err = ca.settle(ctx, known, &stored, fresh)
	} else {
		account.Location, account.sealed = stored.URL, stored.SealedKey
		account.PrivateKey, err = ca.openKey(ctx, stored.SealedKey)
	}
	if err != nil {
		return acme.Account{}, err
	}
	ca.mu.Lock()
	ca.account, ca.lost = &account, ""
	ca.mu.Unlock()
	if ca.config.Email != "" && ca.config.Email != stored.Contact {
		ca.sendContact(ctx, known, account.Account)
	}
	return account.Account, nil
}

// storedAccount finds the account or stores a new key; fresh says that the key is this process's and that the CA cannot
// know it. The key is stored before the CA hears of it, so that a crash in between leaves no account whose key is lost.
func (ca *CA) storedAccount(ctx context.Context, known *knownDirectory) (stored ports.Account, fresh bool, err error) {
	found, err := ca.accounts.FindAccount(ctx, ca.config.Issuer, ca.config.Directory)
	if err != nil {
		return ports.Account{}, false, err
	}
	if found != nil {
		return *found, false, nil
	}
	if ca.config.OnlyReturnExisting {
		return ports.Account{}, false, domain.NewFault(domain.FaultOperator, domain.ReasonAccountDoesNotExist, nil,
			"issuer %q: no account at %s is stored, and onlyReturnExisting lets none be made: restore the table accounts, or "+
				"leave the setting out to register",
			ca.config.Issuer, ca.config.Directory)
	}
	if err := ca.checkBinding(known); err != nil {
		return ports.Account{}, false, err
	}
	sealed, err := ca.sealNewKey(ctx)
	if err != nil {
		return ports.Account{}, false, err
	}
	stored, err = ca.accounts.AddAccount(ctx, ports.Account{
		Issuer: ca.config.Issuer, Directory: ca.config.Directory, SealedKey: sealed,
	})
	return stored, bytes.Equal(stored.SealedKey, sealed), err
}
