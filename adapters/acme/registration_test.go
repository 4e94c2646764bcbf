package acme_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/acme"
	"everleaf/adapters/acme/acmetest"
	"everleaf/domain"
	"everleaf/ports"
)

// RFC 8555 §7.3.4. Some CAs take a binding once: a lost account URL must not cost a second one.
func TestExternalAccountBinding(t *testing.T) {
	const mac = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
	w := newWorld(t, acmetest.Options{Bindings: map[string]string{"kid-1": mac}})
	_, err := w.ca.AccountURL(t.Context())
	requireFault(t, err, domain.FaultOperator, "ExternalAccountRequired", `"pebble"`, "issuers[].eab")
	require.Empty(t, w.accounts.stored, "and no key is stored for it")

	wrong := acme.EAB{KeyID: "kid-1", HMACKey: "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I="}
	_, err = w.newCAWith(t, acme.Config{EAB: wrong}).AccountURL(t.Context())
	requireFault(t, err, domain.FaultOperator, "Unauthorized", "binding", "issuers[].eab")
	require.NotContains(t, err.Error()+w.log.String(), wrong.HMACKey)

	bound := acme.EAB{KeyID: "kid-1", HMACKey: mac + "=="}
	url, err := w.newCAWith(t, acme.Config{EAB: bound}).AccountURL(t.Context())
	require.NoError(t, err, "the key that was stored is registered")
	require.NotContains(t, w.log.String()+fmt.Sprintf("%v %+v %#v", bound, bound, acme.Config{EAB: bound}), mac)

	w.accounts.change(w.pebble.Directory, func(a *ports.Account) { a.URL = "" })
	again, err := w.ca.AccountURL(t.Context())
	require.NoError(t, err, "without a binding")
	require.Equal(t, url, again)
	require.Equal(t, url, w.account().URL)
	require.Equal(t, 1, strings.Count(w.pebble.Log(), "Successful newAccount Binding"))
	require.Equal(t, []string{"registered", "found", "updated"}, w.accounts.events, "the second worker has a contact")
}

// With onlyReturnExisting an account is found by its key, or not at all.
func TestOnlyReturnExisting(t *testing.T) {
	w := newWorld(t, acmetest.Options{})
	existing := func() *acme.CA { return w.newCAWith(t, acme.Config{OnlyReturnExisting: true}) }
	_, err := existing().AccountURL(t.Context())
	requireFault(t, err, domain.FaultOperator, "AccountDoesNotExist", "no account", "onlyReturnExisting")
	require.Empty(t, w.accounts.stored)

	url, err := w.ca.AccountURL(t.Context())
	require.NoError(t, err)
	w.accounts.change(w.pebble.Directory, func(a *ports.Account) { a.URL = "" })
	ca := existing()
	found, err := ca.AccountURL(t.Context())
	require.NoError(t, err)
	require.Equal(t, url, found)

	w.pebble.Restart()
	_, err = ca.PlaceOrder(t.Context(), ports.OrderRequest{Names: []string{name(t, 1)}})
	requireFault(t, err, domain.FaultOperator, "AccountDoesNotExist", "onlyReturnExisting")
	require.NotContains(t, w.pebble.Log(), "accounts in memory", "none is made")
}

// RFC 8555 §7.3.2: a new contact is sent once, by the first worker; that it cannot be sent costs no certificate.
func TestContact(t *testing.T) {
	w := newWorld(t, acmetest.Options{Env: []string{"PEBBLE_WFE_NONCEREJECT=0"}})
	p := newProxy(t, w.pebble)
	worker := func(email string) *acme.CA {
		return w.newCAWith(t, acme.Config{Directory: p.directory, CABundle: p.bundle, Email: email})
	}
	contact := func() string {
		account, err := w.accounts.FindAccount(t.Context(), "", p.directory)
		require.NoError(t, err)
		return account.Contact
	}
	url, err := worker("old@example.org").AccountURL(t.Context())
	require.NoError(t, err)
	require.Equal(t, "old@example.org", contact())
	const accountPath = "/my-account"
	require.Contains(t, url, accountPath)

	p.fail(accountPath, 1, problem(400, "invalidContact", "no such domain"))
	_, err = worker("new@example.org").PlaceOrder(t.Context(), ports.OrderRequest{Names: []string{name(t, 1)}})
	require.NoError(t, err)
	require.Contains(t, w.log.String(), "no such domain")
	require.Equal(t, "old@example.org", contact(), "the next one sends it")

	p.fail("", 0, nil)
	for range 3 {
		_, err = worker("new@example.org").AccountURL(t.Context())
		require.NoError(t, err)
	}
	_, err = worker("").AccountURL(t.Context())
	require.NoError(t, err, "no contact leaves the CA with what it has")
	require.Equal(t, 1, p.count(accountPath))
	require.Equal(t, "new@example.org", contact())

	ca := worker("new@example.org")
	for range 2 {
		got, err := ca.UpdateContact(t.Context())
		require.NoError(t, err, "asked for, it is sent again")
		require.Equal(t, url, got)
	}
	require.Equal(t, 3, p.count(accountPath))
	_, err = worker("newer@example.org").UpdateContact(t.Context())
	require.NoError(t, err)
	require.Equal(t, 4, p.count(accountPath), "once, not by the first use and once more")
	_, err = worker("").UpdateContact(t.Context())
	requireFault(t, err, domain.FaultOperator, "InvalidSetting", "EVERLEAF_ACME_EMAIL")
}
