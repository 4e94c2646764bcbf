package app

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"everleaf/adapters/acme"
	"everleaf/adapters/postgres"
	"everleaf/adapters/sealing"
	"everleaf/domain"
	"everleaf/ports"
)

// AccountRecord is an ACME account as people may see it: without its key.
type AccountRecord struct {
	Issuer    string    `json:"issuer"`
	Directory string    `json:"directory"`
	URL       string    `json:"url,omitempty"`
	Contact   string    `json:"contact,omitempty"`
	Since     time.Time `json:"since"`
	// RollingOver reports whether a new key is stored which the CA may not know yet: the next use, or another rollover,
	// settles it.
	RollingOver bool `json:"rollingOver,omitempty"`
}

// AccountChange is what ChangeAccount does.
type AccountChange string

const (
	// UpdateContact sends the CA the configured contact.
	UpdateContact AccountChange = "update"
	// RollOverKey gives the account a new key.
	RollOverKey AccountChange = "rollover"
)

// ListAccounts reads the accounts from Postgres. It reads config.Postgres and config.StartTimeout.
func ListAccounts(ctx context.Context, config Config) ([]AccountRecord, error) {
	pool, err := openChecked(ctx, config)
	if err != nil {
		return nil, err
	}
	defer pool.Close()
	stored, err := postgres.NewAccounts(pool).ListAccounts(ctx)
	records := make([]AccountRecord, 0, len(stored))
	for _, account := range stored {
		records = append(records, record(account))
	}
	return records, err
}

// AccountTimeline is what Postgres knows of an issuer's accounts: one for each directory that it had.
type AccountTimeline struct {
	Issuer   string          `json:"issuer"`
	Accounts []AccountRecord `json:"accounts"`
	// Events are the newest, newest first; Earlier says that there are older ones.
	Events  []Event `json:"events"`
	Earlier bool    `json:"earlier,omitempty"`
}

// ExplainAccount reads what happened to an issuer's accounts, with at most that many events. An issuer without account
// is an Operator fault "UnknownAccount". It reads config.Postgres and config.StartTimeout.
func ExplainAccount(ctx context.Context, config Config, issuer string, events int) (AccountTimeline, error) {
	pool, err := openChecked(ctx, config)
	if err != nil {
		return AccountTimeline{}, err
	}
	defer pool.Close()
	accounts := postgres.NewAccounts(pool)
	stored, err := accounts.ListAccounts(ctx)
	if err != nil {
		return AccountTimeline{}, err
	}
	timeline := AccountTimeline{Issuer: issuer, Accounts: []AccountRecord{}, Events: []Event{}}
	for _, account := range stored {
		if account.Issuer == issuer {
			timeline.Accounts = append(timeline.Accounts, record(account))
		}
	}
	if len(timeline.Accounts) == 0 {
		return AccountTimeline{}, domain.NewFault(domain.FaultOperator, domain.ReasonUnknownAccount, nil,
			"no account of issuer %q is stored: everleaf account list shows those there are, and an issuer's first order "+
				"makes its own", issuer)
	}
	found, err := accounts.AccountEvents(ctx, issuer, events+1)
	if len(found) > events {
		found, timeline.Earlier = found[:events], true
	}
	timeline.Events = append(timeline.Events, found...)
	return timeline, err
}

// ChangeAccount changes the issuer's account at its CA and in Postgres, and returns it as it is then. The account is
// made if there is none. Faults: those of the CA; Operator "UnknownIssuer", "SealingKeyWrong", "SealingKeyNotShared".
// It reads config.Postgres, config.Sealing, config.StartTimeout and the issuers' settings.
func ChangeAccount(ctx context.Context, config Config, issuer string, change AccountChange,
	logger *slog.Logger) (AccountRecord, error) {
	settings, err := config.issuer(issuer)
	if err != nil {
		return AccountRecord{}, err
	}
	sealer, err := openSealing(ctx, config.Sealing)
	if err != nil {
		return AccountRecord{}, err
	}
	defer func() { _ = sealer.Close() }() // nothing is buffered in it
	pool, err := openChecked(ctx, config)
	if err != nil {
		return AccountRecord{}, err
	}
	defer pool.Close()
	// A new account key is to be one that all workers can open.
	if err := sealing.CheckShared(ctx, sealer, postgres.NewProcesses(pool)); err != nil {
		return AccountRecord{}, err
	}
	if err := postgres.CheckSealing(ctx, pool, sealer); err != nil {
		return AccountRecord{}, err
	}
	accounts := postgres.NewAccounts(pool)
	ca, err := acme.New(settings, accounts, sealer, logger)
	if err != nil {
		return AccountRecord{}, err
	}
	do := ca.UpdateContact
	if change == RollOverKey {
		do = ca.RollOver
	}
	if _, err := do(ctx); err != nil {
		return AccountRecord{}, err
	}
	stored, err := accounts.FindAccount(ctx, settings.Issuer, settings.Directory)
	if err != nil || stored == nil {
		return AccountRecord{}, err
	}
	return record(*stored), nil
}

// issuer finds the settings of the issuer called name.
func (c Config) issuer(name string) (acme.Config, error) {
	for _, issuer := range c.Issuers {
		if issuer.Issuer == name {
			return issuer, nil
		}
	}
	return acme.Config{}, domain.NewFault(domain.FaultOperator, domain.ReasonUnknownIssuer, nil,
		"issuer %q is not configured; configured are: %s", name, strings.Join(c.issuerNames(), ", "))
}

func record(account ports.Account) AccountRecord {
	return AccountRecord{Issuer: account.Issuer, Directory: account.Directory, URL: account.URL,
		Contact: account.Contact,
		Since:   account.Since, RollingOver: account.NextSealedKey != nil}
}
