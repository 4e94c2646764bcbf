package acme_test

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/golang/mock/gomock"
	"github.com/stretchr/testify/require"

	"everleaf/adapters/acme"
	"everleaf/adapters/acme/acmetest"
	"everleaf/domain"
	"everleaf/mocks"
	"everleaf/ports"
)

// The key is sealed and stored before the CA hears of it, once for all calls that come at the same time.
func TestFirstUseMakesOneAccount(t *testing.T) {
	pebble := acmetest.Start(t, acmetest.Options{})
	control := gomock.NewController(t)
	store, seals := mocks.NewMockAccounts(control), mocks.NewMockSealer(control)
	var plain, sealed = []byte(nil), []byte("sealed")
	var recorded string
	place := domain.AccountKeyPlace("main", pebble.Directory)
	gomock.InOrder(
		store.EXPECT().FindAccount(gomock.Any(), "main", pebble.Directory).Return(nil, nil),
		seals.EXPECT().Seal(gomock.Any(), place, gomock.Any()).DoAndReturn(func(_ context.Context, _ domain.Place,
			key []byte) ([]byte, error) {
			plain = bytes.Clone(key)
			return sealed, nil
		}),
		store.EXPECT().AddAccount(gomock.Any(),
			ports.Account{Issuer: "main", Directory: pebble.Directory, SealedKey: sealed}).
			DoAndReturn(func(_ context.Context, account ports.Account) (ports.Account, error) { return account, nil }),
		seals.EXPECT().Open(gomock.Any(), place, sealed).DoAndReturn(func(context.Context, domain.Place, []byte) ([]byte,
			error) {
			return plain, nil
		}),
		store.EXPECT().RecordRegistration(gomock.Any(), "main", pebble.Directory, gomock.Any()).
			DoAndReturn(func(_ context.Context, _, _ string,
				r ports.Registration) error {
				recorded = r.URL
				return nil
			}),
	)
	ca, err := acme.New(acme.Config{Issuer: "main", Directory: pebble.Directory, CABundle: pebble.CABundle}, store,
		seals, nil)
	require.NoError(t, err)
	urls := make([]string, 8)
	var group sync.WaitGroup
	for i := range urls {
		group.Go(func() { urls[i], _ = ca.AccountURL(t.Context()) })
	}
	group.Wait()
	require.NotEmpty(t, recorded)
	for _, url := range urls {
		require.Equal(t, recorded, url)
	}
}

// Another process was first: its key counts, and the CA gives the account it has for that key (RFC 8555 §7.3.1).
func TestFirstWriterWins(t *testing.T) {
	w := newWorld(t, acmetest.Options{})
	url, err := w.ca.AccountURL(t.Context())
	require.NoError(t, err)
	winner := w.account()
	winner.URL = ""

	control := gomock.NewController(t)
	store := mocks.NewMockAccounts(control)
	store.EXPECT().FindAccount(gomock.Any(), gomock.Any(), gomock.Any()).Return(nil, nil)
	store.EXPECT().AddAccount(gomock.Any(), gomock.Any()).Return(winner, nil)
	store.EXPECT().RecordRegistration(gomock.Any(), "pebble", w.pebble.Directory,
		ports.Registration{URL: url, Found: true}).Return(nil)
	ca, err := acme.New(acme.Config{Issuer: "pebble", Directory: w.pebble.Directory, CABundle: w.pebble.CABundle},
		store, sealer{}, nil)
	require.NoError(t, err)
	got, err := ca.AccountURL(t.Context())
	require.NoError(t, err)
	require.Equal(t, url, got)
}

func TestFaultsOfStoreAndSealerAreHandedOn(t *testing.T) {
	pebble := acmetest.Start(t, acmetest.Options{})
	down := domain.NewFault(domain.FaultWait, "DatabaseUnavailable", nil, "down")
	wrong := domain.NewFault(domain.FaultOperator, "SealingKeyWrong", nil, "wrong")
	garbled := &ports.Account{SealedKey: []byte("garbled")}
	cases := []struct {
		name    string
		expect  func(*mocks.MockAccounts, *mocks.MockSealer)
		wanted  string
		message string
	}{
		{"find", func(a *mocks.MockAccounts, _ *mocks.MockSealer) {
			a.EXPECT().FindAccount(gomock.Any(), gomock.Any(), gomock.Any()).Return(nil, down)
		}, "DatabaseUnavailable", "down"},
		{"seal", func(a *mocks.MockAccounts, s *mocks.MockSealer) {
			a.EXPECT().FindAccount(gomock.Any(), gomock.Any(), gomock.Any()).Return(nil, nil)
			s.EXPECT().Seal(gomock.Any(), gomock.Any(), gomock.Any()).Return(nil, wrong)
		}, "SealingKeyWrong", "wrong"},
		{"open", func(a *mocks.MockAccounts, s *mocks.MockSealer) {
			a.EXPECT().FindAccount(gomock.Any(), gomock.Any(), gomock.Any()).Return(garbled, nil)
			s.EXPECT().Open(gomock.Any(), gomock.Any(), gomock.Any()).Return(nil, wrong)
		}, "SealingKeyWrong", "wrong"},
		{"no key inside", func(a *mocks.MockAccounts, s *mocks.MockSealer) {
			a.EXPECT().FindAccount(gomock.Any(), gomock.Any(), gomock.Any()).Return(garbled, nil)
			s.EXPECT().Open(gomock.Any(), gomock.Any(), gomock.Any()).Return([]byte("secret plaintext"), nil)
		}, "AccountKeyUnreadable", "PKCS #8"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			control := gomock.NewController(t)
			store, seals := mocks.NewMockAccounts(control), mocks.NewMockSealer(control)
			c.expect(store, seals)
			ca, err := acme.New(acme.Config{Issuer: "main", Directory: pebble.Directory, CABundle: pebble.CABundle},
				store, seals, nil)
			require.NoError(t, err)
			_, err = ca.AccountURL(t.Context())
			fault := domain.AsFault(err)
			require.EqualValues(t, c.wanted, fault.Reason)
			require.Contains(t, fault.Message, c.message)
			require.NotContains(t, err.Error(), "secret plaintext")
		})
	}
}

// Pebble forgets everything when it restarts. The same key is registered again, and the call goes on.
func TestCAThatLostItsAccounts(t *testing.T) {
	w := newWorld(t, acmetest.Options{})
	names := []string{name(t, 1)}
	order, err := w.ca.PlaceOrder(t.Context(), ports.OrderRequest{Names: names})
	require.NoError(t, err)
	before := w.account()
	w.pebble.Restart()

	lost, err := w.ca.Order(t.Context(), order.URL)
	require.NoError(t, err)
	require.Equal(t, domain.OrderInvalid, lost.Status, "the order is gone, the account is back")
	require.Equal(t, before.SealedKey, w.account().SealedKey, "the same key")
	require.NotEqual(t, before.URL, w.account().URL)

	gone, err := w.ca.Authorization(t.Context(), order.Authorizations[0])
	require.NoError(t, err)
	require.EqualValues(t, "AuthorizationExpired", gone.Fault.Reason)

	w.issue(t, ports.OrderRequest{Names: names})

	// Another process still has the old URL in memory; it takes the one that was recorded meanwhile.
	w.pebble.Restart()
	other := w.newCA(t, w.pebble.Directory, w.pebble.CABundle, 0)
	var group sync.WaitGroup
	for _, ca := range []*acme.CA{w.ca, other, w.ca, other} {
		group.Go(func() {
			_, err := ca.PlaceOrder(t.Context(), ports.OrderRequest{Names: names})
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

func TestNewDoesNotContactTheCA(t *testing.T) {
	control := gomock.NewController(t)
	ca, err := acme.New(acme.Config{Issuer: "main", Directory: "https://127.0.0.1:1/dir"},
		mocks.NewMockAccounts(control), mocks.NewMockSealer(control), nil)
	require.NoError(t, err)
	_, err = ca.AccountURL(t.Context())
	fault := requireFault(t, err, domain.FaultCA, "Unreachable", `issuer "main"`, "127.0.0.1:1", "refused")
	require.True(t, fault.Transient())

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = ca.AccountURL(ended)
	require.ErrorIs(t, err, context.Canceled)
	require.False(t, errors.As(err, &fault), "the caller's end is no fault")
}
