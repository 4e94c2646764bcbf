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

const accountColumns = `issuer, directory, url, sealed_key, contact, next_sealed_key, created_at`

func scanAccount(row pgx.Row) (account ports.Account, err error) {
	err = row.Scan(&account.Issuer, &account.Directory, &account.URL, &account.SealedKey, &account.Contact,
		&account.NextSealedKey, &account.Since)
	account.Since = account.Since.UTC()
	return account, err
}

// FindAccount implements ports.Accounts.
func (a *Accounts) FindAccount(ctx context.Context, issuer, directory string) (*ports.Account, error) {
	account, err := scanAccount(a.pool.QueryRow(ctx, `
		SELECT `+accountColumns+` FROM accounts WHERE issuer = $1 AND directory = $2`, issuer, directory))
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, interpret(err)
	}
	return &account, nil
}

// ListAccounts returns all accounts, by issuer and directory.
func (a *Accounts) ListAccounts(ctx context.Context) ([]ports.Account, error) {
	rows, err := a.pool.Query(ctx, `SELECT `+accountColumns+` FROM accounts ORDER BY issuer, directory`)
	if err != nil {
		return nil, interpret(err)
	}
	accounts, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (ports.Account,
		error) {
		return scanAccount(row)
	})
	return accounts, interpret(err)
}

// AccountEvents are up to limit events of the issuer's accounts, the newest first.
func (a *Accounts) AccountEvents(ctx context.Context, issuer string, limit int) ([]ports.Event, error) {
	rows, err := a.pool.Query(ctx, `
		SELECT id, at, type, detail FROM events
		WHERE certificate = '' AND type LIKE 'account\_%' AND detail ->> 'issuer' = $1
		ORDER BY at DESC, id DESC LIMIT $2`, issuer, max(limit, 0))
	if err != nil {
		return nil, interpret(err)
	}
	events, err := pgx.CollectRows(rows, scanEvent)
	return events, interpret(err)
}

// AddAccount implements ports.Accounts.
func (a *Accounts) AddAccount(ctx context.Context, account ports.Account) (ports.Account, error) {
	stored, err := scanAccount(a.pool.QueryRow(ctx, `
		INSERT INTO accounts (issuer, directory, url, sealed_key) VALUES ($1, $2, $3, $4)
		ON CONFLICT (issuer, directory) DO NOTHING
		RETURNING `+accountColumns, account.Issuer, account.Directory, account.URL, account.SealedKey))
	if err == nil {
		return stored, nil
	}
	if !errors.Is(err, pgx.ErrNoRows) {
		return ports.Account{}, interpret(err)
	}
	// Accounts are never deleted: the first writer's is there.
	return a.mustFind(ctx, account.Issuer, account.Directory)
}

func (a *Accounts) mustFind(ctx context.Context, issuer, directory string) (ports.Account, error) {
	found, err := a.FindAccount(ctx, issuer, directory)
	if err != nil {
		return ports.Account{}, err
	}
	if found == nil {
		return ports.Account{}, unknownAccountFault(issuer, directory)
	}
	return *found, nil
}

// RecordRegistration implements ports.Accounts.
func (a *Accounts) RecordRegistration(ctx context.Context, issuer, directory string,
	registration ports.Registration) error {
	tag, err := a.pool.Exec(ctx, `
		WITH changed AS (
			UPDATE accounts SET url = $3, contact = CASE WHEN $5 THEN contact ELSE $4 END
			WHERE issuer = $1 AND directory = $2 AND (url <> $3 OR NOT $5 AND contact <> $4)
			RETURNING issuer, directory, url, contact
		)
		INSERT INTO events (certificate, type, detail)
		SELECT '', 'account_registered', jsonb_build_object('issuer', issuer, 'directory', directory, 'account', url,
			'contact', contact, 'found', $5::boolean) FROM changed`,
		issuer, directory, text(registration.URL), text(registration.Contact), registration.Found)
	if err != nil {
		return interpret(err)
	}
	if tag.RowsAffected() == 0 {
		_, err = a.mustFind(ctx, issuer, directory) // nothing new, unless it is not there
	}
	return err
}

// RecordContact implements ports.Accounts. The row's lock is what makes it one caller's; a killed one's is let go.
func (a *Accounts) RecordContact(ctx context.Context, issuer, directory, contact string, again bool,
	update func(context.Context) error) (bool, error) {
	tx, err := a.pool.Begin(ctx)
	if err != nil {
		return false, interpret(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // without effect once it is committed
	var before string
	err = tx.QueryRow(ctx, `
		SELECT contact FROM accounts WHERE issuer = $1 AND directory = $2 AND (contact <> $3 OR $4) FOR UPDATE SKIP LOCKED`,
		issuer, directory, contact, again).Scan(&before)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, interpret(err)
	}
	if err := update(ctx); err != nil {
		return false, err
	}
	_, err = tx.Exec(ctx, `
		WITH changed AS (
			UPDATE accounts SET contact = $3 WHERE issuer = $1 AND directory = $2 RETURNING issuer, directory, url
		)
		INSERT INTO events (certificate, type, detail)
		SELECT '', 'account_updated', jsonb_build_object('issuer', issuer, 'directory', directory, 'account', url,
			'contact', $3::text, 'before', $4::text) FROM changed`, issuer, directory, contact, before)
	if err == nil {
		err = tx.Commit(ctx)
	}
	return err == nil, interpret(err)
}

// PlanAccountKey implements ports.Accounts.
func (a *Accounts) PlanAccountKey(ctx context.Context, issuer, directory string,
	sealedKey []byte) (ports.Account, error) {
	account, err := scanAccount(a.pool.QueryRow(ctx, `
		UPDATE accounts SET next_sealed_key = coalesce(next_sealed_key, $3) WHERE issuer = $1 AND directory = $2
		RETURNING `+accountColumns, issuer, directory, sealedKey))
	if errors.Is(err, pgx.ErrNoRows) {
		return ports.Account{}, unknownAccountFault(issuer, directory)
	}
	return account, interpret(err)
}

// DropAccountKey implements ports.Accounts.
func (a *Accounts) DropAccountKey(ctx context.Context, issuer, directory string, sealedKey []byte) error {
	_, err := a.pool.Exec(ctx, `
		UPDATE accounts SET next_sealed_key = NULL WHERE issuer = $1 AND directory = $2 AND next_sealed_key = $3`,
		issuer, directory, sealedKey)
	return interpret(err)
}

// SwitchAccountKey implements ports.Accounts.
func (a *Accounts) SwitchAccountKey(ctx context.Context, issuer, directory string, sealedKey []byte) (bool, error) {
	tag, err := a.pool.Exec(ctx, `
		WITH changed AS (
			-- Which sealing key sealed it is not known here.
			UPDATE accounts SET sealed_key = next_sealed_key, next_sealed_key = NULL
			WHERE issuer = $1 AND directory = $2 AND next_sealed_key = $3
			RETURNING issuer, directory, url
		)
		INSERT INTO events (certificate, type, detail)
		SELECT '', 'account_rolled_over', jsonb_build_object('issuer', issuer, 'directory', directory, 'account', url)
		FROM changed`, issuer, directory, sealedKey)
	return err == nil && tag.RowsAffected() > 0, interpret(err)
}

func unknownAccountFault(issuer, directory string) error {
	return domain.NewFault(domain.FaultOperator, domain.ReasonUnknownAccount, nil,
		"no account of issuer %s at %s is stored", issuer, directory)
}
