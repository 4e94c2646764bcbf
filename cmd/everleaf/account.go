package main

import (
	"context"

	"everleaf/app"
)

type accountCmd struct {
	List     accountListCmd     `cmd:"" help:"List the ACME accounts in Postgres."`
	Explain  accountExplainCmd  `cmd:"" help:"Show what happened to an issuer's accounts, from Postgres alone."`
	Update   accountUpdateCmd   `cmd:"" help:"Send the CA the configured contact now. Workers do so by themselves when it has changed."`
	Rollover accountRolloverCmd `cmd:"" help:"Give the account a new key. Running workers notice; if it is interrupted, the next use finishes it."`
}

// Help closes the text of everleaf account --help.
func (accountCmd) Help() string { return exitCodes }

type accountListCmd struct {
	outputFlag
	postgresSettings
	startSettings
}

// Run shows no key.
func (l accountListCmd) Run(ctx context.Context, k *kit) error {
	var config app.Config
	l.postgresSettings.apply(&config)
	l.startSettings.apply(&config)
	accounts, err := k.accounts(ctx, config)
	if err != nil {
		return err
	}
	return k.showAccounts(l.outputFlag, accounts...)
}

// accountChange is what the commands have that change an account.
type accountChange struct {
	Name string `arg:"" name:"issuer" help:"The issuer's name in the settings."`
	outputFlag
	postgresSettings
	sealingSettings
	acmeSettings
	startSettings
}

func (a accountChange) run(ctx context.Context, k *kit, change app.AccountChange) error {
	var config app.Config
	a.postgresSettings.apply(&config)
	a.sealingSettings.apply(&config)
	a.acmeSettings.apply(&config)
	a.startSettings.apply(&config)
	if err := a.load(&config); err != nil {
		return err
	}
	account, err := k.changeAccount(ctx, config, a.Name, change, k.logger)
	if err != nil {
		return err
	}
	return k.showAccounts(a.outputFlag, account)
}

type accountUpdateCmd struct{ accountChange }

// Run informs the CA, and shows the account.
func (u accountUpdateCmd) Run(ctx context.Context, k *kit) error {
	return u.run(ctx, k, app.UpdateContact)
}

type accountRolloverCmd struct{ accountChange }

// Run changes the key, and shows the account.
func (r accountRolloverCmd) Run(ctx context.Context, k *kit) error {
	return r.run(ctx, k, app.RollOverKey)
}

// showAccounts prints a list for programs, or a line for each for people.
func (k kit) showAccounts(output outputFlag, accounts ...app.AccountRecord) error {
	if output.Output == "json" {
		return k.json(append([]app.AccountRecord{}, accounts...)) // [] and not null
	}
	rows := make([][]string, 0, len(accounts))
	for _, a := range accounts {
		url := a.URL
		switch {
		case url == "":
			url = "-"
		case a.RollingOver:
			url += " (rolling over)"
		}
		contact := a.Contact
		if contact == "" {
			contact = "-"
		}
		rows = append(rows, []string{a.Issuer, a.Directory, url, contact, k.moment(a.Since)})
	}
	return k.rows("ISSUER\tDIRECTORY\tACCOUNT\tCONTACT\tSINCE\n", rows)
}
