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
	require.Equal(t, exitOK, b.run(t.Context(), "account", "list"), b.err)
	require.Equal(t, "ISSUER   DIRECTORY                  ACCOUNT                    CONTACT          SINCE\n"+
		"default  https://ca.example/dir     https://ca.example/acct/1  ops@example.org  2026-11-20 12:00:00Z (2d00h ago)\n"+
		"other    https://other.example/dir  -                          -                2026-11-22 12:00:00Z (now)\n", b.out.String())

	b = newBench(t)
	t.Setenv("EVERLEAF_POSTGRES_URL", "postgres://localhost/everleaf")
	b.accounts = func(context.Context, app.Config) ([]app.AccountRecord, error) { return nil, nil }
	require.Equal(t, exitOK, b.run(t.Context(), "account", "list", "-o", "json"), b.err)
	require.JSONEq(t, `[]`, b.out.String())
}

func TestAccountsAreChanged(t *testing.T) {
	for command, want := range map[string]app.AccountChange{"update": app.TellContact, "rollover": app.RollOverKey} {
		b := newBench(t)
		t.Setenv("EVERLEAF_POSTGRES_URL", "postgres://localhost/everleaf")
		t.Setenv("EVERLEAF_SEALING_KEY", "file:///key")
		t.Setenv("EVERLEAF_ACME_EMAIL", "ops@example.org")
		var fault error
		b.changeAccount = func(_ context.Context, c app.Config, issuer string, change app.AccountChange, _ *slog.Logger) (app.AccountRecord, error) {
			require.Equal(t, "ca", issuer)
			require.Equal(t, want, change)
			require.Equal(t, "file:///key", c.Sealing.KeyURL)
			require.Equal(t, "ops@example.org", c.Issuers[0].Email)
			return account(), fault
		}
		require.Equal(t, exitOK, b.run(t.Context(), "account", command, "ca", "-o", "json"), b.err)
		var shown []app.AccountRecord
		require.NoError(t, json.Unmarshal([]byte(b.out.String()), &shown))
		require.Equal(t, []app.AccountRecord{account()}, shown)

		fault = domain.NewFault(domain.FaultCA, "Unavailable", nil, "the CA is busy")
		require.Equal(t, exitProblem, b.run(t.Context(), "account", command, "ca"))
		require.Contains(t, b.err.String(), "the CA is busy (CA/Unavailable)")
	}
}
