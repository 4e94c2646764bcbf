package postgres_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
	"everleaf/ports"
)

const (
	accountIssuer    = "default"
	accountDirectory = "https://ca.example/dir"
)

// account stores an account that the CA does not know yet.
func (s store) account() ports.Account {
	s.t.Helper()
	stored, err := s.AddAccount(s.t.Context(),
		ports.Account{Issuer: accountIssuer, Directory: accountDirectory, SealedKey: []byte{1}})
	require.NoError(s.t, err)
	return stored
}

// accountEvents are the types of all events without a certificate.
func (s store) accountEvents() []string {
	return query[[]string](s, `SELECT coalesce(array_agg(type ORDER BY id), '{}') FROM events WHERE certificate = ''`)
}

func TestAccountsTheFirstWriterWins(t *testing.T) {
	s := newStore(t)
	none, err := s.FindAccount(t.Context(), accountIssuer, accountDirectory)
	require.NoError(t, err)
	require.Nil(t, none)

	accounts, errs := make([]ports.Account, 8), make([]error, 8)
	var wg sync.WaitGroup
	for i := range accounts {
		wg.Go(func() {
			accounts[i], errs[i] = s.AddAccount(t.Context(),
				ports.Account{Issuer: accountIssuer, Directory: accountDirectory, SealedKey: []byte{1, byte(i)}})
		})
	}
	wg.Wait()
	for i := range accounts {
		require.NoError(t, errs[i])
		require.Equal(t, accounts[0], accounts[i])
	}
	require.False(t, accounts[0].Since.IsZero())
	_, err = s.AddAccount(t.Context(), ports.Account{Issuer: accountIssuer, Directory: accountDirectory + "/v2",
		SealedKey: []byte{9}})
	require.NoError(t, err, "another directory is another account")
	listed, err := s.ListAccounts(t.Context())
	require.NoError(t, err)
	require.Len(t, listed, 2)
	require.Equal(t, accounts[0], listed[0])
}

// What the CA gave is stored, and recorded once: with the contact if it was registered, without if it was found.
func TestARegistrationIsOneEvent(t *testing.T) {
	s := newStore(t)
	want := s.account()
	for range 2 {
		require.NoError(t, s.RecordRegistration(t.Context(), accountIssuer, accountDirectory,
			ports.Registration{URL: "https://ca.example/acct/1", Contact: "ops@example.org"}))
	}
	require.NoError(t, s.RecordRegistration(t.Context(), accountIssuer, accountDirectory,
		ports.Registration{URL: "https://ca.example/acct/2", Found: true}))
	want.URL, want.Contact = "https://ca.example/acct/2", "ops@example.org"
	found, err := s.FindAccount(t.Context(), accountIssuer, accountDirectory)
	require.NoError(t, err)
	require.Equal(t, &want, found)
	require.Equal(t, []string{"account_registered", "account_registered"}, s.accountEvents())
	require.Equal(t, map[string]any{"issuer": accountIssuer, "directory": accountDirectory, "account": want.URL,
		"contact": want.Contact, "found": true},
		query[map[string]any](s, `SELECT detail FROM events ORDER BY id DESC LIMIT 1`))
	requireFault(t, s.RecordRegistration(t.Context(), "nobody", accountDirectory, ports.Registration{URL: "u"}),
		domain.FaultOperator, "UnknownAccount")
}

// Of many workers with a new contact one sends it to the CA, and one that was killed in the middle has sent nothing.
func TestAContactIsSentOnce(t *testing.T) {
	s := newStore(t)
	s.account()
	send := func(contact string, again bool, do func() error) (bool, error) {
		return s.RecordContact(t.Context(), accountIssuer, accountDirectory, contact, again,
			func(context.Context) error { return do() })
	}
	down := errors.New("the CA is down")
	sent, err := send("ops@example.org", false, func() error { return down })
	require.ErrorIs(t, err, down)
	require.False(t, sent)

	var inside sync.WaitGroup
	sent, err = send("ops@example.org", false, func() error {
		for range 4 {
			inside.Go(func() {
				sent, err := send("ops@example.org", true, func() error { return errors.New("a second one") })
				if sent || err != nil {
					t.Error(sent, err)
				}
			})
		}
		inside.Wait()
		return nil
	})
	require.NoError(t, err)
	require.True(t, sent)
	sent, err = send("ops@example.org", false, func() error { return down })
	require.NoError(t, err, "stored already")
	require.False(t, sent)
	sent, err = send("ops@example.org", true, func() error { return nil })
	require.NoError(t, err)
	require.True(t, sent, "asked for")
	require.Equal(t, []string{"account_updated", "account_updated"}, s.accountEvents())
	found, err := s.FindAccount(t.Context(), accountIssuer, accountDirectory)
	require.NoError(t, err)
	require.Equal(t, "ops@example.org", found.Contact)
}

// The next key is the first planner's; it takes the place of the current one once, if it is stored as the caller knows
// it.
func TestAnAccountKeyIsPlannedAndSwitched(t *testing.T) {
	s := newStore(t)
	s.account()
	_, err := s.PlanAccountKey(t.Context(), accountIssuer, accountDirectory, []byte{9})
	require.NoError(t, err)
	for _, c := range []struct{ drop, left []byte }{{[]byte{8}, []byte{9}}, {[]byte{9}, nil}, {[]byte{9}, nil}} {
		require.NoError(t, s.DropAccountKey(t.Context(), accountIssuer, accountDirectory, c.drop))
		found, err := s.FindAccount(t.Context(), accountIssuer, accountDirectory)
		require.NoError(t, err)
		require.Equal(t, c.left, found.NextSealedKey, "only the key that was refused")
	}
	for _, sealed := range [][]byte{{2}, {3}} {
		planned, err := s.PlanAccountKey(t.Context(), accountIssuer, accountDirectory, sealed)
		require.NoError(t, err)
		require.Equal(t, []byte{1}, planned.SealedKey)
		require.Equal(t, []byte{2}, planned.NextSealedKey)
	}
	for _, c := range []struct {
		sealed   []byte
		switched bool
	}{{[]byte{3}, false}, {[]byte{2}, true}, {[]byte{2}, false}} {
		switched, err := s.SwitchAccountKey(t.Context(), accountIssuer, accountDirectory, c.sealed)
		require.NoError(t, err)
		require.Equal(t, c.switched, switched)
	}
	found, err := s.FindAccount(t.Context(), accountIssuer, accountDirectory)
	require.NoError(t, err)
	require.Equal(t, []byte{2}, found.SealedKey)
	require.Nil(t, found.NextSealedKey)
	require.Equal(t, []string{"account_rolled_over"}, s.accountEvents())
	_, err = s.PlanAccountKey(t.Context(), "nobody", accountDirectory, []byte{4})
	requireFault(t, err, domain.FaultOperator, "UnknownAccount")
}
