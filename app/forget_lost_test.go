package app

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/postgres"
	"everleaf/adapters/postgres/postgrestest"
	"everleaf/adapters/sealing"
	"everleaf/domain"
	"everleaf/ports"
)

// What the given keys have sealed stays, and nothing goes that one of them opens.
func TestForgetLostDropsWhatIsLostAlone(t *testing.T) {
	t.Parallel()
	before, after := settings(t), settings(t)
	pool, url := postgrestest.New(t)
	for _, c := range []*Config{&before, &after} {
		c.Postgres.URL, c.StartTimeout = url, 20*time.Second
	}
	keeper, err := openSealing(t.Context(), before.Sealing)
	require.NoError(t, err)
	newer, err := openSealing(t.Context(), after.Sealing)
	require.NoError(t, err)
	require.NoError(t, postgres.CheckSealing(t.Context(), pool, keeper))
	orders := postgres.NewOrders(pool)
	for name, keys := range map[string]*sealing.Keys{"lost": sealing.NewKeys(keeper), "kept": sealing.NewKeys(newer)} {
		spec := domain.Spec{Names: []string{name + ".example"}}.WithDefaults()
		key, csr, err := keys.Create(t.Context(), name, spec.KeyType, spec.Names)
		require.NoError(t, err)
		_, err = orders.OpenOrder(t.Context(), ports.NewOrder{Certificate: name, Key: "first", Issuer: name, Spec: spec,
			SealedKey: key, CSR: csr})
		require.NoError(t, err)
	}
	place := domain.AccountKeyPlace("kept", "https://ca.example")
	current, err := newer.Seal(t.Context(), place, []byte("current"))
	require.NoError(t, err)
	next, err := keeper.Seal(t.Context(), place, []byte("next"))
	require.NoError(t, err)
	accounts := postgres.NewAccounts(pool)
	_, err = accounts.AddAccount(t.Context(), ports.Account{Issuer: "kept", Directory: "https://ca.example",
		SealedKey: current})
	require.NoError(t, err)
	_, err = accounts.PlanAccountKey(t.Context(), "kept", "https://ca.example", next)
	require.NoError(t, err)

	require.EqualValues(t, "SealingKeyWrong", domain.AsFault(postgres.VerifySealing(t.Context(), pool, newer)).Reason)
	want := LostSecrets{Keys: 1, Certificates: []string{}, Accounts: []string{"kept"}, Orders: 1, Check: true}
	for _, forget := range []bool{false, true} {
		lost, err := ForgetLost(t.Context(), after, forget)
		require.NoError(t, err)
		require.Equal(t, want, lost)
	}
	lost, err := ForgetLost(t.Context(), after, true)
	require.NoError(t, err)
	require.Equal(t, LostSecrets{Certificates: []string{}, Accounts: []string{}}, lost)
	require.NoError(t, postgres.CheckSealing(t.Context(), pool, newer), "workers start with it")
	account, err := accounts.FindAccount(t.Context(), "kept", "https://ca.example")
	require.NoError(t, err)
	require.Equal(t, current, account.SealedKey)
	require.Nil(t, account.NextSealedKey)
	for name, there := range map[string]bool{"lost": false, "kept": true} {
		_, order, err := orders.FindOrder(t.Context(), name)
		require.NoError(t, err)
		require.Equal(t, there, order != nil, name)
	}
	var events string
	require.NoError(t, pool.QueryRow(t.Context(), `SELECT string_agg(type || ' ' || detail, '; ') FROM events
		WHERE type = 'sealing_key_lost'`).Scan(&events))
	require.Equal(t, `sealing_key_lost {"keys": 1, "orders": 1, "accounts": 0}`, events)
	require.NoError(t, opensNone(t.Context(), keeper, nil))
	opened := opensNone(t.Context(), newer, []ports.SealedSecret{{Kind: ports.SecretAccount, ID: "kept",
		Owner: "https://ca.example", Sealed: current}})
	require.EqualValues(t, "SealingKeyNotShared", domain.AsFault(opened).Reason)
}

// A database that holds nothing but the check keeps workers from starting, too.
func TestForgetLostOfTheCheckAlone(t *testing.T) {
	t.Parallel()
	before, after := settings(t), settings(t)
	pool, url := postgrestest.New(t)
	after.Postgres.URL, after.StartTimeout = url, 20*time.Second
	for i, config := range []Config{before, after} {
		keeper, err := openSealing(t.Context(), config.Sealing)
		require.NoError(t, err)
		if i == 0 {
			require.NoError(t, postgres.CheckSealing(t.Context(), pool, keeper))
			continue
		}
		require.EqualValues(t, "SealingKeyWrong", domain.AsFault(postgres.VerifySealing(t.Context(), pool, keeper)).Reason)
		for _, forget := range []bool{false, true} {
			lost, err := ForgetLost(t.Context(), after, forget)
			require.NoError(t, err)
			require.Equal(t, LostSecrets{Certificates: []string{}, Accounts: []string{}, Check: true}, lost)
		}
		require.NoError(t, postgres.CheckSealing(t.Context(), pool, keeper), "workers start with it")
	}
	lost, err := ForgetLost(t.Context(), after, false)
	require.NoError(t, err)
	require.False(t, lost.Check)
}
