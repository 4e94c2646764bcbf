package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/app"
)

func TestForgetLost(t *testing.T) {
	lost := app.LostSecrets{Keys: 3, Certificates: []string{"shop", "web"}, Accounts: []string{"default"}, Orders: 1}
	const all = "private keys: 3, accounts: 1, orders at work: 1\n" +
		"account of issuer default\ncertificate shop\ncertificate web\n"
	for _, c := range []struct {
		title string
		args  []string
		lost  app.LostSecrets
		says  string
	}{
		{"looked at", nil, lost, all + "nothing was changed: give --yes"},
		{"forgotten", []string{"--yes"}, lost, all + "forgotten: start the workers, and renew what cannot wait"},
		{"the check alone", nil, app.LostSecrets{Check: true}, "private keys: 0, accounts: 0, orders at work: 0\n" +
			"nothing was changed: the check of the sealing key alone is lost, so that no worker starts: give --yes to drop it\n"},
		{"the check alone, dropped", []string{"--yes"}, app.LostSecrets{Check: true},
			"the check of the lost sealing key is dropped: start the workers\n"},
		{"nothing", []string{"--yes"}, app.LostSecrets{},
			"private keys: 0, accounts: 0, orders at work: 0\nnothing stored is lost\n"},
	} {
		t.Run(c.title, func(t *testing.T) {
			b := newBench(t)
			b.lost = c.lost
			args := append([]string{"forget-lost", "--postgres-url", "p", "--sealing-key", "k"}, c.args...)
			b.exits(t, exitOK, b.run(t.Context(), args...))
			require.Contains(t, b.out.String(), c.says)
			require.Equal(t, c.args != nil, b.forget)
			require.Equal(t, "k", b.config.Sealing.KeyURL)
		})
	}
}
