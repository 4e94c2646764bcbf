package issuing

import (
	"context"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"everleaf/adapters/acme/acmetest"
	"everleaf/domain"
	"everleaf/ports"
)

func (servers *servers) placedAtCA() int { return strings.Count(servers.pebble.Log(), "Added order") }
func (servers *servers) issuedByCA() int {
	return strings.Count(servers.pebble.Log(), "Issued certificate serial")
}

// A process dies between newOrder's answer and storing the order's URL. Let's Encrypt answers the next one with the
// same order; with replaces it refuses that first (409 alreadyReplaced), and hands the order out to a request without.
func TestLostOrderIsHandedOutAgain(t *testing.T) {
	t.Parallel()
	servers := newServers(t)
	names := domain.Spec{Names: []string{"lost.example.test"}}
	var replaces *domain.Issued
	for n := range 2 { // a first issuance, then a renewal
		lost := &dying{}
		p := servers.process(func(p *Params) { lost.Orders, p.Orders = p.Orders, lost })
		_, err := call(p, ports.ObtainCertificate, order("lost", names, replaces))
		require.ErrorContains(t, err, "gone")
		require.NotEmpty(t, lost.url)
		requests := servers.ca.Count(acmetest.PathNewOrder)

		replaces = servers.process(nil).issue(order("lost", names, replaces))
		require.Equal(t, lost.url, servers.text(`SELECT url FROM orders ORDER BY created_at DESC LIMIT 1`),
			"the very order")
		require.Equal(t, n+1, servers.ca.Count(acmetest.PathNewOrder)-requests,
			"a renewal is refused once, and repeated without replaces")
		require.Equal(t, n+1, servers.placedAtCA())
		require.Equal(t, n+1, servers.issuedByCA())
		require.Equal(t, n+1, servers.count(`SELECT count(*) FROM orders`))
	}
}

// text reads one text from Postgres.
func (servers *servers) text(query string, args ...any) (text string) {
	servers.Helper()
	require.NoError(servers, servers.pool.QueryRow(servers.Context(), query, args...).Scan(&text))
	return text
}

// A CA that rejects nine of ten good nonces issues within the tries that Temporal makes of each step: with one
// account, one order and one certificate.
func TestNonceStormEndsInACertificate(t *testing.T) {
	t.Parallel()
	servers := newServers(t, "PEBBLE_WFE_NONCEREJECT=90")
	r := servers.process(nil)
	began := time.Now()
	in := order("storm", domain.Spec{Names: []string{"storm.example.test"}}, nil)
	record, err := r.obtain(in)
	failures := 0
	for ; err != nil; record, err = r.obtain(in) {
		failures++
		application, _ := faultIn(t, err)
		require.False(t, application.NonRetryable(), "after %d failures: %v", failures, err)
		r.env.SetHeartbeatDetails(r.progress())
	}
	require.Equal(t, []string{"storm.example.test"}, record.Issued.Names)
	t.Logf("issued in %s after %d tries that failed", time.Since(began).Round(time.Second), failures)
	require.Equal(t, 1, servers.placedAtCA())
	require.Equal(t, 1, servers.issuedByCA())
	require.Equal(t, 1, strings.Count(servers.pebble.Log(), "accounts in memory"))
	require.Zero(t, servers.count(`SELECT count(*) FROM http_tokens`), "nothing is left behind")
}

// A stored order may have gone on without us: what is done already is not done again.
func TestOrderThatIsFoundFurtherOn(t *testing.T) {
	t.Parallel()
	servers := newServers(t)
	in := order("found", domain.Spec{Names: []string{"found.example.test"}}, nil)
	servers.process(nil).stage(in, true)
	challenges := servers.ca.Count(acmetest.PathChallenge)
	// It dies after finalize and before the download: the CA hands nothing out.
	servers.ca.Answer(acmetest.PathDownload, 1,
		acmetest.Problem(http.StatusServiceUnavailable, "serverInternal", "not now", "Retry-After", "60"))
	_, err := servers.process(nil).obtain(in)
	require.Error(t, err)
	require.Equal(t, 1, servers.ca.Count(acmetest.PathFinalize))

	servers.process(nil).issue(in)
	require.Equal(t, challenges, servers.ca.Count(acmetest.PathChallenge), "no challenge of an order that is ready")
	require.Equal(t, 1, servers.ca.Count(acmetest.PathFinalize), "finalized once")
	require.Equal(t, 1, servers.placedAtCA())
	require.Equal(t, 1, servers.issuedByCA())
}

// Two certificates with one set of names: the CA would give both the same order, and the second finalize would fail or
// give one the other's certificate. So the second waits, and gets its own order.
func TestSameNamesNeverShareAnOrder(t *testing.T) {
	t.Parallel()
	for name, types := range map[string][2]domain.KeyType{
		"RSA and ECDSA": {domain.KeyRSA2048, domain.KeyECDSAP256},
		"two tenants":   {domain.KeyECDSAP256, domain.KeyECDSAP256},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			servers := newServers(t)
			names := []string{"www.shared.example.test", "shared.example.test"}
			p := servers.process(nil)
			ca, err := p.activities.Issuers.Issuer(domain.DefaultIssuer)
			require.NoError(t, err)
			for range 2 {
				order, err := ca.PlaceOrder(t.Context(), ports.OrderRequest{Names: []string{"other.example.test"}})
				require.NoError(t, err)
				require.NotEmpty(t, order.URL)
			}
			require.Equal(t, 1, servers.placedAtCA(), "this CA hands out one order twice")

			one := order("one", domain.Spec{Names: names, KeyType: types[0]}, nil)
			two := order("two", domain.Spec{Names: []string{names[1], names[0]}, KeyType: types[1]}, nil)
			first := p.stage(one, false)
			asked := servers.ca.Count(acmetest.PathNewOrder)
			_, err = call(servers.process(nil), ports.ObtainCertificate, two)
			_, fault := faultIn(t, err)
			require.EqualValues(t, "SameNamesInFlight", fault.Reason)
			require.Equal(t, domain.FaultWait, fault.Kind)
			require.Positive(t, fault.RetryAfter, "a short wait, which does not climb the backoff schedule")
			require.Equal(t, asked, servers.ca.Count(acmetest.PathNewOrder), "the CA was not asked")

			issued := p.issue(one)
			other := p.issue(two)
			require.NotEqual(t, first.URL, servers.text(`SELECT url FROM orders WHERE certificate = 'two'`))
			require.NotEqual(t, issued.Serial, other.Serial)
			require.Equal(t, types[0], servers.keyType("one"))
			require.Equal(t, types[1], servers.keyType("two"))
		})
	}
}

// keyType is the type of the stored private key of the certificate in service.
func (servers *servers) keyType(name string) domain.KeyType {
	servers.Helper()
	var key ports.SealedKey
	require.NoError(servers, servers.pool.QueryRow(servers.Context(),
		`SELECT k.id::text, k.sealed FROM certificates c JOIN versions v ON v.id = c.current_version
		JOIN orders o ON o.id = v.order_id JOIN keys k ON k.id = o.key_id WHERE c.name = $1`, name).Scan(&key.ID,
		&key.Sealed))
	switch servers.open(name, key).(type) {
	case *rsa.PrivateKey:
		return domain.KeyRSA2048
	default:
		return domain.KeyECDSAP256
	}
}

func (servers *servers) open(certificate string, key ports.SealedKey) any {
	servers.Helper()
	private, err := servers.keeper.Open(context.Background(), domain.CertificateKeyPlace(certificate, key.ID),
		key.Sealed)
	require.NoError(servers, err)
	block, _ := pem.Decode(private)
	require.NotNil(servers, block)
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	require.NoError(servers, err)
	return parsed
}

// When the CA hears finalize, the key that its CSR is for is stored, sealed, and bound to that order.
func TestKeyIsStoredBeforeItsOrderIsFinalized(t *testing.T) {
	t.Parallel()
	servers := newServers(t)
	seen := 0
	servers.ca.Watch(acmetest.PathFinalize, func(r *http.Request) {
		seen++
		var finalize struct{ CSR string }
		assert.NoError(t, json.Unmarshal(acmetest.Payload(r), &finalize))
		der, err := base64.RawURLEncoding.DecodeString(finalize.CSR)
		assert.NoError(t, err)
		request, err := x509.ParseCertificateRequest(der)
		if !assert.NoError(t, err) {
			return
		}
		var stored ports.SealedKey
		assert.NoError(t, servers.pool.QueryRow(context.Background(),
			`SELECT k.id::text, k.sealed FROM orders o JOIN keys k ON k.id = o.key_id
			WHERE o.certificate = 'key' AND o.state = 'placed'`).Scan(&stored.ID, &stored.Sealed))
		key, ok := servers.open("key", stored).(*ecdsa.PrivateKey)
		assert.True(t, ok)
		assert.True(t, key.PublicKey.Equal(request.PublicKey), "the stored key is the CSR's")
	})
	servers.process(nil).issue(order("key", domain.Spec{Names: []string{"key.example.test"}}, nil))
	require.Equal(t, 1, seen)
}

// Somebody puts an earlier certificate back into service, or takes the one in service out of it, with a statement of
// his own. What was issued in its place before does not keep it from being replaced.
func TestCertificatePutBackIsReplaced(t *testing.T) {
	t.Parallel()
	servers := newServers(t)
	p := servers.process(nil)
	names := domain.Spec{Names: []string{"back.example.test"}}
	first := p.issue(order("back", names, nil))
	p.issue(order("back", names, first))
	for n := range 3 {
		replaces, statement := first, `UPDATE certificates SET current_version = $1::uuid`
		if n == 2 {
			replaces, statement = nil, `UPDATE certificates SET current_version = NULL WHERE $1::text <> ''`
		}
		_, err := servers.pool.Exec(t.Context(), statement, first.Version)
		require.NoError(t, err)
		again := p.issue(order("back", names, replaces))
		require.NotEqual(t, first.Version, again.Version)
		require.Equal(t, again, servers.process(nil).issue(order("back", names, replaces)), "a repeat finds it")
		require.Equal(t, n+3, servers.placedAtCA())
		require.Equal(t, n+3, servers.count(`SELECT count(*) FROM versions`))
	}
}
