package issuing

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/acme/acmetest"
	"everleaf/domain"
	"everleaf/ports"
)

// Limits and outages at newOrder cost neither key nor order: what is stored is placed when the CA takes it.
func TestRefusedNewOrderIsPlacedLater(t *testing.T) {
	t.Parallel()
	servers := newServers(t)
	in := order("limited", domain.Spec{Names: []string{"limited.example.test"}}, nil)
	p := servers.process(nil)
	for _, c := range []struct {
		act  http.HandlerFunc
		kind domain.FaultKind
		wait time.Duration
	}{
		{acmetest.Problem(429, "rateLimited", "too many new orders", "Retry-After", "77"), domain.FaultRateLimited,
			77 * time.Second},
		{acmetest.Problem(429, "rateLimited", "too many new orders"), domain.FaultRateLimited, 0},
		{acmetest.Problem(503, "rateLimited", "busy", "Retry-After", "9"), domain.FaultCA, 9 * time.Second},
	} {
		servers.ca.Answer(acmetest.PathNewOrder, 1, c.act)
		_, err := call(p, ports.ObtainCertificate, in)
		application, fault := faultIn(t, err)
		require.Equal(t, string(c.kind), application.Type())
		require.Equal(t, c.wait, fault.RetryAfter)
		require.True(t, application.NonRetryable(), "waited out on a timer, and not asked again in place")
	}
	require.Zero(t, servers.placedAtCA())
	require.Equal(t, 1, servers.count(`SELECT count(*) FROM orders`), "one order, planned")
	require.Equal(t, 1, servers.count(`SELECT count(*) FROM keys`))
	p.issue(in)
	require.Equal(t, 1, servers.placedAtCA())
	require.Equal(t, 1, servers.count(`SELECT count(*) FROM keys`))
}

// Let's Encrypt exempts a renewal from its limits only within the window that it suggests. One that comes late
// has to wait, does so with the old certificate in service, and is exempt again in the next window.
func TestLateRenewalLosesItsExemption(t *testing.T) {
	t.Parallel()
	servers := newServers(t)
	names := domain.Spec{Names: []string{"late.example.test"}}
	p := servers.process(nil)
	old := p.issue(order("late", names, nil))
	servers.ca.LimitLate(34 * time.Hour)
	renewal := order("late", names, old)

	servers.suggest("late", time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour))
	_, err := call(p, ports.ObtainCertificate, renewal)
	_, fault := faultIn(t, err)
	require.Equal(t, domain.FaultRateLimited, fault.Kind)
	require.Equal(t, 34*time.Hour, fault.RetryAfter)
	require.Equal(t, 1, servers.count(`SELECT count(*) FROM certificates WHERE current_version = $1::uuid`,
		old.Version), "in service")

	servers.suggest("late", time.Now().Add(-time.Minute), time.Now().Add(time.Hour))
	require.NotEqual(t, old.Serial, p.issue(renewal).Serial)
	require.Equal(t, 2, servers.placedAtCA())
}

// suggest makes the CA suggest this window for the certificate in service.
func (servers *servers) suggest(name string, start, end time.Time) {
	servers.Helper()
	var chain string
	require.NoError(servers, servers.pool.QueryRow(servers.Context(),
		`SELECT v.chain_pem FROM versions v JOIN certificates c ON c.current_version = v.id
		WHERE c.name = $1`, name).Scan(&chain))
	body, err := json.Marshal(map[string]string{"Certificate": chain, "ARIResponse": fmt.Sprintf(
		`{"suggestedWindow":{"start":%q,"end":%q}}`, start.Format(time.RFC3339), end.Format(time.RFC3339))})
	require.NoError(servers, err)
	response, err := servers.pebble.Client.Post(servers.pebble.ManagementURL+"/set-renewal-info/", "application/json",
		bytes.NewReader(body))
	require.NoError(servers, err)
	require.NoError(servers, response.Body.Close())
	require.Equal(servers, http.StatusOK, response.StatusCode)
}

// Short profiles let an authorization run out after an hour and an order after eight: what was parked for longer starts
// over, which is nobody's failure.
func TestOrderThatRanOutWhileParked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ authorized, whole, restarted bool }{
		"its authorizations ran out":               {},
		"it ran out":                               {whole: true},
		"it ran out when it was ready":             {authorized: true, whole: true},
		"it ran out, and the worker was restarted": {whole: true, restarted: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			servers := newServers(t)
			in := order("parked", domain.Spec{Names: []string{"parked.example.test"}}, nil)
			p := servers.process(nil)
			placed := p.stage(in, c.authorized)
			servers.ca.Expire(placed.URL, c.whole)
			if c.restarted {
				p = servers.process(nil)
			}
			p.issue(in) // within the one step
			require.Equal(t, 2, servers.placedAtCA())
			require.Equal(t, 1, servers.count(`SELECT count(*) FROM orders WHERE state = 'abandoned'`))
			require.Zero(t, servers.count(`SELECT count(*) FROM events WHERE type = 'failed'`))
			require.Zero(t, servers.count(`SELECT count(*) FROM http_tokens`))
		})
	}
}
