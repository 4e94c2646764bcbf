package acme_test

import (
	"bytes"
	"encoding/json"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/acme/acmetest"
	"everleaf/domain"
	"everleaf/ports"
)

func TestFailedChallenges(t *testing.T) {
	w := newWorld(t, acmetest.Options{})
	names := map[string]string{
		"absent." + label(t) + ".example.org":  "ChallengeUnauthorized", // the responder answers 404
		"refused." + label(t) + ".example.org": "ConnectionFailed",
	}
	// An address of this host at which nobody listens.
	w.dns(t, "add-a", map[string]any{"host": "refused." + label(t) + ".example.org.",
		"addresses": []string{"127.0.0.77"}})
	for name, reason := range names {
		order, err := w.ca.PlaceOrder(t.Context(), ports.OrderRequest{Names: []string{name}})
		require.NoError(t, err)
		pending, err := w.ca.Authorization(t.Context(), order.Authorizations[0])
		require.NoError(t, err)
		require.Nil(t, pending.Fault)
		require.NoError(t, w.ca.AcceptChallenge(t.Context(), httpChallenge(t, pending)))
		failed := w.settled(t, order.Authorizations[0])
		require.Equal(t, domain.AuthorizationInvalid, failed.Status)
		fault := requireFault(t, failed.Fault, domain.FaultName, reason, name, "http-01", `"pebble"`)
		require.False(t, fault.Transient(), "an invalid authorization stays so")
		require.Equal(t, domain.OrderInvalid, w.finished(t, order.URL).Status)
		// Accepting what is done is no error, whether the caller knows it or not.
		require.NoError(t, w.ca.AcceptChallenge(t.Context(), httpChallenge(t, pending)))
		require.NoError(t, w.ca.AcceptChallenge(t.Context(), httpChallenge(t, failed)))
	}
}

func TestAcceptingTwice(t *testing.T) {
	w := newWorld(t, acmetest.Options{})
	order, err := w.ca.PlaceOrder(t.Context(), ports.OrderRequest{Names: []string{name(t, 1)}})
	require.NoError(t, err)
	authorization, err := w.ca.Authorization(t.Context(), order.Authorizations[0])
	require.NoError(t, err)
	challenge := httpChallenge(t, authorization)
	require.NoError(t, w.solver.Present(t.Context(), "order", []domain.Challenge{challenge}))
	for range 3 {
		require.NoError(t, w.ca.AcceptChallenge(t.Context(), challenge))
	}
	require.Equal(t, domain.AuthorizationValid, w.settled(t, order.Authorizations[0]).Status)
	require.NoError(t, w.ca.AcceptChallenge(t.Context(), challenge))

	// A challenge that the CA never had is an error all the same.
	challenge.URL += "0"
	requireFault(t, w.ca.AcceptChallenge(t.Context(), challenge), domain.FaultCA, "NotFound", "/chalZ/")
}

// While the CA validates, it says when to look again.
func TestAuthorizationInTheWorks(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes the CA's connection and says nothing
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, silent.Close()) })
	pebble := acmetest.Start(t, acmetest.Options{HTTPPort: silent.Addr().(*net.TCPAddr).Port, AuthorizationRetry: 9})
	w := &world{pebble: pebble, accounts: &accounts{stored: map[string]ports.Account{}}, log: &output{}}
	w.ca = w.newCA(t, pebble.Directory, pebble.CABundle, 0)
	order, err := w.ca.PlaceOrder(t.Context(), ports.OrderRequest{Names: []string{name(t, 1)}})
	require.NoError(t, err)
	before, err := w.ca.Authorization(t.Context(), order.Authorizations[0])
	require.NoError(t, err)
	require.Zero(t, before.RetryAfter)
	require.NoError(t, w.ca.AcceptChallenge(t.Context(), httpChallenge(t, before)))
	asked := time.Now()
	during, err := w.ca.Authorization(t.Context(), order.Authorizations[0])
	require.NoError(t, err)
	require.Equal(t, domain.AuthorizationPending, during.Status)
	require.Equal(t, domain.AuthorizationStatus("processing"), httpChallenge(t, during).Status)
	requireWait(t, 9*time.Second, during.RetryAfter, asked)
	require.NoError(t, w.ca.AcceptChallenge(t.Context(), httpChallenge(t, before)), "again, while it is validated")
}

func TestWildcardAuthorization(t *testing.T) {
	w := newWorld(t, acmetest.Options{})
	order, err := w.ca.PlaceOrder(t.Context(), ports.OrderRequest{Names: []string{"*." + name(t, 1)}})
	require.NoError(t, err)
	authorization, err := w.ca.Authorization(t.Context(), order.Authorizations[0])
	require.NoError(t, err)
	require.Equal(t, "*."+name(t, 1), authorization.Name)
	for _, challenge := range authorization.Challenges {
		require.NotEqual(t, domain.ChallengeHTTP01, challenge.Type)
		require.Equal(t, name(t, 1), challenge.Name)
		require.Equal(t, challenge.Token == "", challenge.KeyAuthorization == "")
	}
}

// dns calls the management API of Pebble's DNS server.
func (w *world) dns(t *testing.T, call string, arguments any) {
	t.Helper()
	body, err := json.Marshal(arguments)
	require.NoError(t, err)
	response, err := http.Post(w.pebble.DNSManagementURL+"/"+call, "application/json", bytes.NewReader(body))
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode)
}
