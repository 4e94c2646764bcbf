package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"everleaf/domain"
	"everleaf/ports"
)

var _ ports.Accounts = (*Accounts)(nil)

// Accounts keeps ACME accounts.
type Accounts struct{ pool *pgxpool.Pool }

// NewAccounts keeps accounts in the pool's database.
func NewAccounts(pool *pgxpool.Pool) *Accounts { return &Accounts{pool: pool} }

func scanAccount(row pgx.Row) (account ports.Account, err error) {
	err = row.Scan(&account.Issuer, &account.Directory, &account.URL, &account.SealedKey)
	return account, err
}

// FindAccount implements ports.Accounts.
func (a *Accounts) FindAccount(ctx context.Context, issuer, directory string) (*ports.Account, error) {
	account, err := scanAccount(a.pool.QueryRow(ctx, `
		SELECT issuer, directory, url, sealed_key FROM accounts WHERE issuer = $1 AND directory = $2`, issuer, directory))
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, interpret(err)
	}
	return &account, nil
}

// AddAccount implements ports.Accounts.
func (a *Accounts) AddAccount(ctx context.Context, account ports.Account) (ports.Account, error) {
	stored, err := scanAccount(a.pool.QueryRow(ctx, `
		INSERT INTO accounts (issuer, directory, url, sealed_key) VALUES ($1, $2, $3, $4)
		ON CONFLICT (issuer, directory) DO NOTHING
		RETURNING issuer, directory, url, sealed_key`, account.Issuer, account.Directory, account.URL, account.SealedKey))
	if err == nil {
		return stored, nil
	}
	if !errors.Is(err, pgx.ErrNoRows) {
		return ports.Account{}, interpret(err)
	}
	// Accounts are never deleted: the first writer's is there.
	first, err := a.FindAccount(ctx, account.Issuer, account.Directory)
	if err != nil {
		return ports.Account{}, err
	}
	if first == nil {
		return ports.Account{}, unknownAccount(account.Issuer, account.Directory)
	}
	return *first, nil
}

// RecordAccountURL implements ports.Accounts. An unknown account is an Operator fault "UnknownAccount".
func (a *Accounts) RecordAccountURL(ctx context.Context, issuer, directory, url string) error {
	tag, err := a.pool.Exec(ctx, `UPDATE accounts SET url = $3 WHERE issuer = $1 AND directory = $2`,
		issuer, directory, text(url))
	if err != nil {
		return interpret(err)
	}
	if tag.RowsAffected() == 0 {
		return unknownAccount(issuer, directory)
	}
	return nil
}

func unknownAccount(issuer, directory string) error {
	return domain.NewFault(domain.FaultOperator, "UnknownAccount", nil,
		"no account of issuer %s at %s is stored", issuer, directory)
}
