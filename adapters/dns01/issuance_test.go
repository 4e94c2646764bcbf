package dns01_test

import (
	"encoding/pem"
	"testing"

	"crypto/x509"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/acme/acmetest"
	"everleaf/adapters/dns01/dns01test"
)

// A name and its wildcard are validated under one name, with two values at the same time: by a real CA, on a real name
// server. Each is reached by a CNAME or directly.
func TestApexAndWildcardInOneOrder(t *testing.T) {
	t.Parallel()
	server := dns01test.Start(t, "shop.test", "acme.test")
	server.Add("_acme-challenge.delegated.shop.test. 1 CNAME step.acme.test.", "step.acme.test. 1 CNAME d.acme.test.")
	pebble := acmetest.Start(t, acmetest.Options{DNS: server.Addr})
	for name, place := range map[string]string{"shop.test": "_acme-challenge.shop.test",
		"delegated.shop.test": "d.acme.test"} {
		store := newRecords()
		s := solver(t, server, store, server.Zone("shop.test"), server.Zone("acme.test"))
		o := newOrder(t, pebble.Directory, pebble.Client, name, "*."+name)
		require.Len(t, o.challenges, 2)
		require.NoError(t, s.Present(t.Context(), "order", o.challenges))
		require.Len(t, server.TXT(place), 2, "%s: both values at once", place)
		require.Len(t, store.of("order"), 2)
		require.NoError(t, s.Present(t.Context(), "order", o.challenges), "a repetition")
		for _, c := range o.challenges {
			require.NoError(t, s.Check(t.Context(), c))
		}
		require.ElementsMatch(t, []string{name, "*." + name}, o.issue().DNSNames)
		require.NoError(t, s.CleanUp(t.Context(), "order"))
		require.Empty(t, server.TXT(place))
		require.Empty(t, store.of("order"))
		require.NoError(t, s.CleanUp(t.Context(), "order"), "a repetition")
	}
}

// A CA of another make looks in the same way.
func TestStepCA(t *testing.T) {
	t.Parallel()
	server := dns01test.Start(t, "shop.test")
	ca := acmetest.StartStepCA(t, acmetest.StepCAOptions{DNS: server.Addr})
	s := solver(t, server, newRecords(), server.Zone("shop.test"))
	o := newOrder(t, ca.Directory, ca.Client, "shop.test", "*.shop.test")
	require.NoError(t, s.Present(t.Context(), "order", o.challenges))
	for _, c := range o.challenges {
		require.NoError(t, s.Check(t.Context(), c))
	}
	require.ElementsMatch(t, []string{"shop.test", "*.shop.test"}, o.issue().DNSNames)
	require.NoError(t, s.CleanUp(t.Context(), "order"))
	require.Empty(t, server.TXT("_acme-challenge.shop.test"))
}

func leaf(t *testing.T, chain []byte) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode(chain)
	require.NotNil(t, block, "no PEM in the chain")
	certificate, err := x509.ParseCertificate(block.Bytes)
	require.NoError(t, err)
	return certificate
}
