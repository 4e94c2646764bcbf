package acme_test

import (
	"bytes"
	"context"
	"sync"

	"everleaf/domain"
	"everleaf/ports"
)

// accounts keeps accounts in memory, one per directory, as Postgres does.
type accounts struct {
	mu     sync.Mutex
	stored map[string]ports.Account
	// events are what Postgres would have as events.
	events []string
	// kill fails the next SwitchAccountKey, as a process that ends before it.
	kill bool
}

var _ ports.Accounts = (*accounts)(nil)

// change runs do on the account's row, if there is one.
func (a *accounts) change(directory string, do func(*ports.Account)) ports.Account {
	a.mu.Lock()
	defer a.mu.Unlock()
	account, ok := a.stored[directory]
	if ok {
		do(&account)
		a.stored[directory] = account
	}
	return account
}

func (a *accounts) FindAccount(_ context.Context, _, directory string) (*ports.Account, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if found, ok := a.stored[directory]; ok {
		return &found, nil
	}
	return nil, nil
}

func (a *accounts) AddAccount(_ context.Context, account ports.Account) (ports.Account, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, ok := a.stored[account.Directory]; !ok {
		a.stored[account.Directory] = account
	}
	return a.stored[account.Directory], nil
}

func (a *accounts) RecordRegistration(_ context.Context, _, directory string, r ports.Registration) error {
	a.change(directory, func(account *ports.Account) {
		account.URL = r.URL
		event := "found"
		if !r.Found {
			account.Contact, event = r.Contact, "registered"
		}
		a.events = append(a.events, event)
	})
	return nil
}

// RecordContact lets others in while update runs and makes them miss, as the lock of the row does.
func (a *accounts) RecordContact(ctx context.Context, _, directory, contact string, again bool,
	update func(context.Context) error) (bool, error) {
	mine, before := false, ""
	a.change(directory, func(account *ports.Account) {
		before = account.Contact
		if mine = before != contact || again; mine {
			account.Contact = contact
		}
	})
	if !mine {
		return false, nil
	}
	if err := update(ctx); err != nil {
		a.change(directory, func(account *ports.Account) { account.Contact = before })
		return false, err
	}
	a.change(directory, func(*ports.Account) { a.events = append(a.events, "updated") })
	return true, nil
}

func (a *accounts) PlanAccountKey(_ context.Context, _, directory string, sealed []byte) (ports.Account, error) {
	return a.change(directory, func(account *ports.Account) {
		if account.NextSealedKey == nil {
			account.NextSealedKey = sealed
		}
	}), nil
}

func (a *accounts) DropAccountKey(_ context.Context, _, directory string, sealed []byte) error {
	a.change(directory, func(account *ports.Account) {
		if bytes.Equal(account.NextSealedKey, sealed) {
			account.NextSealedKey = nil
		}
	})
	return nil
}

func (a *accounts) SwitchAccountKey(_ context.Context, _, directory string, sealed []byte) (switched bool, err error) {
	a.change(directory, func(account *ports.Account) {
		if a.kill {
			a.kill, err = false, domain.NewFault(domain.FaultWait, "DatabaseUnavailable", nil, "down")
			return
		}
		if switched = bytes.Equal(account.NextSealedKey, sealed); switched {
			account.SealedKey, account.NextSealedKey = sealed, nil
			a.events = append(a.events, "rolled over")
		}
	})
	return switched, err
}
