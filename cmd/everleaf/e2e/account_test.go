package e2e

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// The account's key is rolled over, and its contact changes, under a running worker: it goes on with the same account.
func TestAnAccountChangesUnderARunningWorker(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.must("migrate")
	w := s.worker()
	s.must("cert", "ensure", s.name, "--name", "account.example.test")
	type account struct{ Issuer, URL, Contact string }
	list := func(from string) account {
		t.Helper()
		var all []account
		require.NoError(t, json.Unmarshal([]byte(from), &all))
		require.Len(t, all, 1)
		return all[0]
	}
	before := list(s.must("account", "list", "--output", "json").stdout)
	require.Equal(t, "ops@example.com", before.Contact)
	require.NotEmpty(t, before.URL)

	require.Equal(t, before, list(s.must("account", "rollover", "default", "--output", "json").stdout))
	s.must("cert", "renew", s.name)

	want := before
	want.Contact = "new@example.com"
	require.Equal(t, want, list(s.must("account", "update", "default", "--acme-email", "new@example.com", "--output",
		"json").stdout))
	s.must("cert", "renew", s.name)
	require.Equal(t, want, list(s.must("account", "list", "--output", "json").stdout))
	for _, event := range []string{"account_registered", "account_rolled_over", "account_updated"} {
		require.Equal(t, 1, s.scalar(`SELECT count(*) FROM events WHERE certificate = '' AND type = $1`, event), event)
	}
	w.stop()
	require.NotContains(t, s.log.String(), "PRIVATE KEY")
}
