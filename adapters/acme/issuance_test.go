package acme_test

import (
	"crypto/x509"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/acme/acmetest"
	"everleaf/domain"
	"everleaf/ports"
)

func TestIssuance(t *testing.T) {
	w := newWorld(t, acmetest.Options{Env: []string{"PEBBLE_ALTERNATE_ROOTS=2"}})
	names := []string{name(t, 1), name(t, 2)}
	order, certificate, chain := w.issue(t, ports.OrderRequest{Names: names})

	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(w.pebble.RootPEM()))
	intermediates := x509.NewCertPool()
	require.True(t, intermediates.AppendCertsFromPEM(chain))
	for _, n := range names {
		_, err := certificate.Verify(x509.VerifyOptions{DNSName: n, Roots: roots, Intermediates: intermediates})
		require.NoError(t, err, "the default chain, not an alternate")
	}
	require.NotContains(t, w.pebble.Log(), "/alternate/", "one request per download")
	require.NotContains(t, w.pebble.Log(), "GET /draft-ietf-acme-ari", "a download asks for no renewal information")
	require.Equal(t, "pebble", order.Issuer)
	require.True(t, order.Expires.After(time.Now()))
	require.True(t, strings.HasPrefix(w.account().URL, strings.TrimSuffix(w.pebble.Directory, "/dir")))

	stored, seen := w.account().SealedKey, w.log.String()
	require.NotContains(t, string(stored), "PRIVATE KEY", "sealed")
	require.NotContains(t, seen, "PRIVATE KEY")
	require.NotContains(t, seen, "once", "no nonce in a log")

	again, err := w.ca.Download(t.Context(), order.CertificateURL)
	require.NoError(t, err)
	require.Equal(t, chain, again)
}

func TestFinalizeIsIdempotentAndNeverPolls(t *testing.T) {
	w := newWorld(t, acmetest.Options{OrderRetry: 7})
	names := []string{name(t, 1)}
	request := csr(t, names)
	placed, err := w.ca.PlaceOrder(t.Context(), ports.OrderRequest{Names: names})
	require.NoError(t, err)
	placed.ID = "ours"

	early, err := w.ca.Finalize(t.Context(), placed, request)
	require.NoError(t, err, "an order that is not ready is answered as it is")
	require.Equal(t, domain.OrderPending, early.Status)
	require.Equal(t, "ours", early.ID)

	// The caller may believe that it is ready: RFC 8555 §7.4, orderNotReady.
	believed := placed
	believed.Status = domain.OrderReady
	early, err = w.ca.Finalize(t.Context(), believed, request)
	require.NoError(t, err)
	require.Equal(t, domain.OrderPending, early.Status)

	w.authorize(t, placed)
	started := time.Now()
	first, err := w.ca.Finalize(t.Context(), placed, request)
	require.NoError(t, err)
	require.Less(t, time.Since(started), 5*time.Second, "it does not wait out Retry-After")
	require.Equal(t, domain.OrderProcessing, first.Status)
	requireWait(t, 7*time.Second, first.RetryAfter, started)

	valid := w.finished(t, placed.URL)
	for _, stale := range []domain.Order{placed, believed, first, valid, {ID: "ours", URL: placed.URL}} {
		again, err := w.ca.Finalize(t.Context(), stale, request)
		require.NoError(t, err)
		require.Equal(t, domain.OrderValid, again.Status)
		require.Equal(t, valid.CertificateURL, again.CertificateURL)
	}
}

func TestValidAuthorizationIsUsedAgain(t *testing.T) {
	// Always: Pebble makes a new one only if a roll of 0..99 is above this.
	w := newWorld(t, acmetest.Options{Env: []string{"PEBBLE_AUTHZREUSE=100"}})
	names := []string{name(t, 1)}
	w.issue(t, ports.OrderRequest{Names: names})
	order, err := w.ca.PlaceOrder(t.Context(), ports.OrderRequest{Names: names})
	require.NoError(t, err)
	require.Equal(t, domain.OrderReady, order.Status)
	require.Equal(t, 1, w.authorize(t, order))
	order, err = w.ca.Finalize(t.Context(), order, csr(t, names))
	require.NoError(t, err)
	require.Equal(t, domain.OrderValid, w.finished(t, order.URL).Status)
}

func TestManyAtOnceUnderOneAccount(t *testing.T) {
	w := newWorld(t, acmetest.Options{})
	// At most 12 in flight: Pebble's store has a lock inversion that shows above about 24.
	const workers, each = 12, 3
	var group sync.WaitGroup
	for i := range workers {
		group.Go(func() {
			for j := range each {
				w.issue(t, ports.OrderRequest{Names: []string{name(t, i*each+j)}})
			}
		})
	}
	group.Wait()
	require.Equal(t, 1, strings.Count(w.log.String(), "account registered"))
}

func TestOrderOfNobody(t *testing.T) {
	w := newWorld(t, acmetest.Options{})
	order, err := w.ca.Order(t.Context(), w.pebble.Directory[:len(w.pebble.Directory)-len("dir")]+"my-order/none")
	require.NoError(t, err)
	require.Equal(t, domain.OrderInvalid, order.Status)
	require.Contains(t, order.Problem, "does not have the order")
}
