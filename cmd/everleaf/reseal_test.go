package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/app"
)

func TestReseal(t *testing.T) {
	const done = "nothing is left: once all workers have the new settings, the former keys may be taken out"
	for _, c := range []struct {
		title string
		old   string
		did   app.Resealed
		code  int
		says  string
	}{
		{"all", "old", app.Resealed{Resealed: 4}, exitOK, "secrets resealed: 4, left as they were: 0\n" + done},
		{"no earlier key", "", app.Resealed{}, exitOK, "there is nothing to do"},
		{"workers went on", "old", app.Resealed{Resealed: 4, Left: 2}, exitOK,
			"secrets resealed: 4, left as they were: 2\nworkers have sealed more"},
		{"damage", "old", app.Resealed{Resealed: 1, Left: 3, Failed: []app.Unopened{
			{Kind: "key", ID: "k1", Certificate: "web", Reason: "SecretDamaged"},
			{Kind: "account", ID: "default", Reason: "SealingKeyWrong"},
			{Kind: "next_account", ID: "other", Reason: "SecretDamaged"},
		}}, exitProblem, "secrets resealed: 1, left as they were: 3\ndoes not open: a private key of certificate web (k1) (SecretDamaged)\n" +
			"does not open: the account key of issuer default (SealingKeyWrong)\ndoes not open: the new account key of issuer other (SecretDamaged)\n"},
	} {
		t.Run(c.title, func(t *testing.T) {
			b := newBench(t)
			now := noon
			b.now = func() time.Time { return now }
			b.resealed = c.did
			b.resealProgress = func(progress func(done, of int)) {
				progress(1, 4)
				now = now.Add(time.Second)
				progress(2, 4) // too soon
				now = now.Add(time.Second)
				progress(3, 4)
			}
			args := []string{"reseal", "--postgres-url", "p", "--sealing-key", "k"}
			if c.old != "" {
				args = append(args, "--sealing-keys-old", c.old)
			}
			b.exits(t, c.code, b.run(t.Context(), args...))
			require.Contains(t, b.out.String(), c.says)
			require.Contains(t, b.err.String(),
				"everleaf: 1 of 4 secrets resealed\neverleaf: 3 of 4 secrets resealed\n")
			if c.code == exitOK {
				require.NotContains(t, b.err.String(), "SecretsUnreadable")
			} else {
				require.NotContains(t, b.out.String(), done)
				require.Contains(t, b.err.String(), "3 secrets do not open")
			}
		})
	}
}
