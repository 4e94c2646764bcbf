package acme_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/acme"
	"everleaf/adapters/acme/acmetest"
	"everleaf/domain"
	"everleaf/ports"
)

const keyChange = "/rollover-account-key"

// RFC 8555 §7.3.5. Workers that have the old key in memory go on with the new one, and the account stays the same.
func TestRollOver(t *testing.T) {
	w := newWorld(t, acmetest.Options{})
	names := []string{name(t, 1)}
	order, err := w.ca.PlaceOrder(t.Context(), ports.OrderRequest{Names: names})
	require.NoError(t, err)
	before := w.account()

	cli := w.newCA(t, w.pebble.Directory, w.pebble.CABundle, 0)
	url, err := cli.RollOver(t.Context())
	require.NoError(t, err)
	require.Equal(t, before.URL, url)
	after := w.account()
	require.NotEqual(t, before.SealedKey, after.SealedKey)
	require.Nil(t, after.NextSealedKey)

	read, err := w.ca.Order(t.Context(), order.URL)
	require.NoError(t, err)
	require.Equal(t, domain.OrderPending, read.Status, "not taken for lost")
	w.issue(t, ports.OrderRequest{Names: names})

	// Two at once end with one key that works.
	var both sync.WaitGroup
	for range 2 {
		ca := w.newCA(t, w.pebble.Directory, w.pebble.CABundle, 0)
		both.Go(func() {
			if _, err := ca.RollOver(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	got, err := w.newCA(t, w.pebble.Directory, w.pebble.CABundle, 0).AccountURL(t.Context())
	require.NoError(t, err)
	require.Equal(t, url, got)
	_, err = w.ca.PlaceOrder(t.Context(), ports.OrderRequest{Names: names})
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(w.pebble.Log(), "accounts in memory"), "one account all the time")
	require.NotContains(t, w.log.String(), "PRIVATE KEY")
}

// Wherever a rollover is cut short, the next use of any worker finds out which key the CA knows.
func TestRollOverThatIsCutShort(t *testing.T) {
	w := newWorld(t, acmetest.Options{Env: []string{"PEBBLE_WFE_NONCEREJECT=0"}})
	p := newProxy(t, w.pebble)
	worker := func() *acme.CA { return w.newCA(t, p.directory, p.bundle, 0) }
	stored := func() ports.Account {
		account, err := w.accounts.FindAccount(t.Context(), "", p.directory)
		require.NoError(t, err)
		return *account
	}
	place := func(ca *acme.CA) {
		t.Helper()
		_, err := ca.PlaceOrder(t.Context(), ports.OrderRequest{Names: []string{name(t, 1)}})
		require.NoError(t, err)
	}
	running := worker()
	place(running)
	first := stored()

	// Before the CA heard of it: the old key counts, and the stored next one is not lost.
	p.fail(keyChange, 1, problem(403, "userActionRequired", "not today"))
	_, err := worker().RollOver(t.Context())
	requireFault(t, err, domain.FaultOperator, "UserActionRequired", "roll the account's key over")
	next := stored().NextSealedKey
	require.NotNil(t, next)
	place(worker())
	place(running)
	require.Equal(t, first.SealedKey, stored().SealedKey)

	// After the CA took it, before Postgres did: by a running worker, and by a new one.
	w.accounts.kill = true
	_, err = worker().RollOver(t.Context())
	requireFault(t, err, domain.FaultWait, "DatabaseUnavailable")
	require.Equal(t, first.SealedKey, stored().SealedKey)
	place(running)
	require.Equal(t, next, stored().SealedKey, "the key that was stored first was used")
	require.Nil(t, stored().NextSealedKey)

	w.accounts.kill = true
	_, err = worker().RollOver(t.Context())
	requireFault(t, err, domain.FaultWait, "DatabaseUnavailable")
	place(worker())
	require.Nil(t, stored().NextSealedKey)
	second := stored().SealedKey
	require.NotEqual(t, next, second)

	// The CA took it and its answer was lost: the next look settles it within the same call.
	p.fail(keyChange, 1, func(_ http.ResponseWriter, r *http.Request) {
		p.onward.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	})
	_, err = worker().RollOver(t.Context())
	require.NoError(t, err)
	require.NotEqual(t, second, stored().SealedKey)
	require.Nil(t, stored().NextSealedKey)
	place(running)
	require.Equal(t, first.URL, stored().URL)
	require.Equal(t, []string{"registered", "rolled over", "rolled over", "rolled over"}, w.accounts.events)
	require.Equal(t, 1, strings.Count(w.pebble.Log(), "accounts in memory"))
}

// A new key that the CA will not have is not tried again: else every later rollover would fail as well.
func TestARefusedKeyIsNotTriedAgain(t *testing.T) {
	w := newWorld(t, acmetest.Options{Env: []string{"PEBBLE_WFE_NONCEREJECT=0"}})
	p := newProxy(t, w.pebble)
	ca := w.newCA(t, p.directory, p.bundle, 0)
	url, err := ca.AccountURL(t.Context())
	require.NoError(t, err)
	stored := func() ports.Account {
		account, err := w.accounts.FindAccount(t.Context(), "", p.directory)
		require.NoError(t, err)
		return *account
	}
	before := stored()

	p.fail(keyChange, 1, problem(400, "badPublicKey", "a weak key"))
	_, err = ca.RollOver(t.Context())
	requireFault(t, err, domain.FaultOperator, "BadPublicKey", "roll the account's key over", "a weak key")
	require.Equal(t, before, stored(), "the old key counts, and nothing is left of the new one")
	_, err = ca.PlaceOrder(t.Context(), ports.OrderRequest{Names: []string{name(t, 1)}})
	require.NoError(t, err)

	got, err := ca.RollOver(t.Context())
	require.NoError(t, err)
	require.Equal(t, url, got)
	require.NotEqual(t, before.SealedKey, stored().SealedKey)
	require.Nil(t, stored().NextSealedKey)
}

// A process that cannot open the account's new key says so: what the CA answers to the old one is its library's text.
func TestAnAccountKeyThatOnlyOthersOpen(t *testing.T) {
	w := newWorld(t, acmetest.Options{Env: []string{"PEBBLE_WFE_NONCEREJECT=0"}})
	ring := &locked{}
	ca, err := acme.New(acme.Config{Issuer: "pebble", Directory: w.pebble.Directory, CABundle: w.pebble.CABundle},
		w.accounts, ring, nil)
	require.NoError(t, err)
	order, err := ca.PlaceOrder(t.Context(), ports.OrderRequest{Names: []string{name(t, 1)}})
	require.NoError(t, err)
	before := w.account()
	_, err = w.newCA(t, w.pebble.Directory, w.pebble.CABundle, 0).RollOver(t.Context())
	require.NoError(t, err)

	wrong := domain.NewFault(domain.FaultOperator, domain.ReasonSealingKeyWrong, nil, "it was sealed with another key")
	away := domain.NewFault(domain.FaultWait, domain.ReasonSealingUnavailable, nil, "the key service does not answer")
	for _, fault := range []*domain.Fault{wrong, away} {
		ring.fault = fault
		for _, use := range []func() error{
			func() error {
				_, err := ca.PlaceOrder(t.Context(), ports.OrderRequest{Names: []string{name(t, 2)}})
				return err
			},
			func() error {
				found, err := ca.Order(t.Context(), order.URL)
				require.NotEqual(t, domain.OrderInvalid, found.Status, "nobody knows that it is lost")
				return err
			},
			func() error { _, err := ca.RollOver(t.Context()); return err },
		} {
			err := use()
			requireFault(t, err, fault.Kind, string(fault.Reason))
			require.ErrorContains(t, err, `issuer "pebble": the account's key: `+fault.Message)
			require.NotContains(t, err.Error(), "jose")
		}
	}
	ring.fault = nil
	read, err := ca.Order(t.Context(), order.URL)
	require.NoError(t, err)
	require.Equal(t, domain.OrderPending, read.Status)

	// A database that was restored from before the rollover: no stored key is the CA's.
	w.accounts.change(w.pebble.Directory, func(account *ports.Account) { *account = before })
	_, err = w.newCA(t, w.pebble.Directory, w.pebble.CABundle, 0).PlaceOrder(t.Context(),
		ports.OrderRequest{Names: []string{name(t, 3)}})
	requireFault(t, err, domain.FaultOperator, "AccountKeyRefused", "the CA has another key for the account",
		"table accounts")
	require.NotContains(t, err.Error(), "jose")
}

// locked is a sealer that does not open while it has a fault.
type locked struct {
	sealer
	fault *domain.Fault
}

func (l *locked) Open(ctx context.Context, place domain.Place, sealed []byte) ([]byte, error) {
	if l.fault != nil {
		fault := *l.fault
		return nil, &fault
	}
	return l.sealer.Open(ctx, place, sealed)
}
