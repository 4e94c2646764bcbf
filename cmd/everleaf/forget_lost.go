package main

import (
	"context"

	"everleaf/app"
)

type forgetLostCmd struct {
	postgresSettings
	sealingSettings
	startSettings
	Yes bool `help:"Forget it. Without this nothing is changed."`
}

// Help says when to run it.
func (forgetLostCmd) Help() string {
	return "It is for a sealing key that is lost, and not for one that was changed: look for a copy first, since nothing " +
		"else gives the private keys back. It says which private keys and accounts the given sealing keys have not " +
		"sealed. With --yes it forgets them, so that workers start with the new key, make new accounts and issue again. " +
		"Stop all workers before."
}

// Run prints the certificates that need a renewal, one on a line.
func (f forgetLostCmd) Run(ctx context.Context, k *kit) error {
	var config app.Config
	f.postgresSettings.apply(&config)
	f.sealingSettings.apply(&config)
	f.startSettings.apply(&config)
	lost, err := k.forgetLost(ctx, config, f.Yes)
	if err != nil {
		return err
	}
	if err := k.print("private keys: %d, accounts: %d, orders at work: %d\n", lost.Keys, len(lost.Accounts),
		lost.Orders); err != nil {
		return err
	}
	for _, issuer := range lost.Accounts {
		if err := k.print("account of issuer %s\n", plain(issuer)); err != nil {
			return err
		}
	}
	for _, name := range lost.Certificates {
		if err := k.print("certificate %s\n", plain(name)); err != nil {
			return err
		}
	}
	return k.print("%s\n", f.next(lost))
}

// next is what is left to do.
func (f forgetLostCmd) next(lost app.LostSecrets) string {
	switch {
	case lost.Keys+len(lost.Accounts) == 0 && !lost.Check:
		return "nothing stored is lost"
	case lost.Keys+len(lost.Accounts) == 0 && !f.Yes:
		return "nothing was changed: the check of the sealing key alone is lost, so that no worker starts: give --yes to " +
			"drop it"
	case lost.Keys+len(lost.Accounts) == 0:
		return "the check of the lost sealing key is dropped: start the workers"
	case !f.Yes:
		return "nothing was changed: give --yes to forget what no given sealing key opens"
	}
	return "forgotten: start the workers, and renew what cannot wait (everleaf cert renew NAME); each " +
		"other certificate gets a new key with its next renewal"
}
