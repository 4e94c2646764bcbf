package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/app"
	"everleaf/domain"
)

func account() app.AccountRecord {
	return app.AccountRecord{Issuer: "default", Directory: "https://ca.example/dir", URL: "https://ca.example/acct/1",
		Contact: "ops@example.org", Since: noon.Add(-48 * time.Hour)}
}

func TestAccountsAreListed(t *testing.T) {
	b := newBench(t)
	t.Setenv("EVERLEAF_POSTGRES_URL", "postgres://localhost/everleaf")
	unregistered := app.AccountRecord{Issuer: "other", Directory: "https://other.example/dir", Since: noon}
	b.accounts = func(context.Context, app.Config) ([]app.AccountRecord, error) {
		return []app.AccountRecord{account(), unregistered}, nil
	}
	b.exits(t, exitOK, b.run(t.Context(), "account", "list"))
	require.Equal(t, "ISSUER   DIRECTORY                  ACCOUNT                    CONTACT          SINCE\n"+
		"default  https://ca.example/dir     https://ca.example/acct/1  ops@example.org  2026-11-20 12:00:00 UTC (2d00h ago)\n"+
		"other    https://other.example/dir  -                          -                2026-11-22 12:00:00 UTC (now)\n", b.out.String())

	b = newBench(t)
	t.Setenv("EVERLEAF_POSTGRES_URL", "postgres://localhost/everleaf")
	b.accounts = func(context.Context, app.Config) ([]app.AccountRecord, error) { return nil, nil }
	b.exits(t, exitOK, b.run(t.Context(), "account", "list", "-o", "json"))
	require.JSONEq(t, `[]`, b.out.String())
}

func TestAnAccountsTimeline(t *testing.T) {
	b := newBench(t)
	t.Setenv("EVERLEAF_POSTGRES_URL", "postgres://localhost/everleaf")
	timeline := app.AccountTimeline{Issuer: "default",
		Accounts: []app.AccountRecord{account(),
			{Issuer: "default", Directory: "https://old.example/dir", Since: noon, RollingOver: true}},
		Events: []app.Event{
			event(time.Minute, "account_rolled_over", `{"account": "https://ca.example/acct/1"}`),
			event(time.Hour, "account_updated", `{"contact": "", "before": "ops@example.org"}`),
			event(2*time.Hour, "account_registered",
				`{"account": "https://ca.example/acct/1", "contact": "ops@example.org"}`),
			event(3*time.Hour, "account_registered", `{"account": "https://ca.example/acct/1", "found": true}`),
			event(4*time.Hour, "account_sang", `{"song": "in a newer release"}`),
		}, Earlier: true}
	b.explainAccount = func(_ context.Context, _ app.Config, issuer string, events int) (app.AccountTimeline, error) {
		require.Equal(t, "default", issuer)
		require.Equal(t, 5, events)
		return timeline, nil
	}
	b.exits(t, exitOK, b.run(t.Context(), "account", "explain", "default", "--events", "5"))
	require.Equal(t, `Issuer default

At https://ca.example/dir
  Account: https://ca.example/acct/1
  Known since 2026-11-20 12:00:00 UTC (2d00h ago)
  The CA has the contact ops@example.org.

At https://old.example/dir
  Account: the CA has not answered yet; the next use registers it.
  Known since 2026-11-22 12:00:00 UTC (now)
  The CA has no contact.
  A new key is stored which the CA may not know yet: the next use, or everleaf account rollover default, settles it.

What happened, newest first
  2026-11-22 11:59:00 UTC (1m00s ago): The account got a new key: https://ca.example/acct/1.
  2026-11-22 11:00:00 UTC (1h00m ago): The CA was sent no contact; before, it had the contact ops@example.org.
  2026-11-22 10:00:00 UTC (2h00m ago): The account was registered: https://ca.example/acct/1, with the contact ops@example.org.
  2026-11-22 09:00:00 UTC (3h00m ago): The CA knew the account by its key: https://ca.example/acct/1.
  2026-11-22 08:00:00 UTC (4h00m ago): account_sang {"song": "in a newer release"}
  (there is more: give --events a higher number)
`, b.out.String())

	b = newBench(t)
	t.Setenv("EVERLEAF_POSTGRES_URL", "postgres://localhost/everleaf")
	b.exits(t, exitUsage, b.run(t.Context(), "account", "explain", "default", "--events=-1"))
}

func TestAccountsAreChanged(t *testing.T) {
	for command, want := range map[string]app.AccountChange{"update": app.UpdateContact, "rollover": app.RollOverKey} {
		b := newBench(t)
		t.Setenv("EVERLEAF_POSTGRES_URL", "postgres://localhost/everleaf")
		t.Setenv("EVERLEAF_SEALING_KEY", "file:///key")
		t.Setenv("EVERLEAF_ACME_EMAIL", "ops@example.org")
		var fault error
		b.changeAccount = func(_ context.Context, c app.Config, issuer string, change app.AccountChange,
			_ *slog.Logger) (app.AccountRecord, error) {
			require.Equal(t, "ca", issuer)
			require.Equal(t, want, change)
			require.Equal(t, "file:///key", c.Sealing.KeyURL)
			require.Equal(t, "ops@example.org", c.Issuers[0].Email)
			return account(), fault
		}
		b.exits(t, exitOK, b.run(t.Context(), "account", command, "ca", "-o", "json"))
		var shown []app.AccountRecord
		require.NoError(t, json.Unmarshal([]byte(b.out.String()), &shown))
		require.Equal(t, []app.AccountRecord{account()}, shown)

		fault = domain.NewFault(domain.FaultCA, "Unavailable", nil, "the CA is busy")
		b.exits(t, exitProblem, b.run(t.Context(), "account", command, "ca"))
		require.Contains(t, b.err.String(), "the CA is busy (CA/Unavailable)")
	}
}
