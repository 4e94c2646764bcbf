package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

// Let's Encrypt allows five failed validations an hour for each account and name. The RSA and the ECDSA certificate of
// one name that the CA cannot reach, although Everleaf does, are pushed on by hand: together they keep below that,
// unless an administrator knows better. An hour later, the CA is asked again.
func TestTwoCertificatesOfADeadNameShareItsFailedValidations(t *testing.T) {
	t.Parallel()
	s := newStackWith(t, ninetyDays, steady, "PEBBLE_AUTHZREUSE=0")
	port := freePort(t) // not the one at which the CA looks
	s.http01 = fmt.Sprintf("127.0.0.1:%d", port)
	s.set("EVERLEAF_HTTP01_LISTEN", s.http01)
	s.set("EVERLEAF_HTTP01_CHECK_PORT", fmt.Sprint(port))
	s.worker()
	var names []string
	for _, keyType := range []string{"rsa-2048", "ecdsa-p256"} {
		name := s.name + "-" + keyType
		names = append(names, name)
		r := s.cli("cert", "ensure", name, "--name", "dead.example.test", "--key-type", keyType)
		r.exits(t, 1)
	}
	var answers []string
	for range 2 {
		for _, name := range names {
			r := s.cli("cert", "renew", name)
			r.exits(t, 1)
			answers = append(answers, r.stderr)
		}
	}
	require.Equal(t, 4, s.proxy.count(pathChallenge), "the CA was asked six times")
	require.Equal(t, 4, s.scalar(`SELECT count(*) FROM failed_validations WHERE issuer = 'default' AND name = 'dead.example.test'`))
	for _, name := range names {
		got := status(t, s.must("cert", "status", name, "--output", "json"))
		require.Equal(t, domain.FaultRateLimited, got.Failure.Fault.Kind, "%s\n%s", answers, s.log)
		require.Equal(t, domain.ReasonTooManyFailedValidations, got.Failure.Fault.Reason)
		wait := time.Until(got.Failure.RetryAt)
		require.True(t, wait > 50*time.Minute && wait < 70*time.Minute, "an hour, and up to ten minutes apart: %s",
			wait)
	}
	require.Zero(t, s.scalar(`SELECT count(*) FROM http_tokens`))

	s.cli("cert", "renew", names[0], "--force").exits(t, 1)
	require.Equal(t, 5, s.proxy.count(pathChallenge))
	s.scalar(`WITH later AS (UPDATE failed_validations SET failed_at = failed_at - interval '1 hour' RETURNING 1) SELECT count(*) FROM later`)
	s.cli("cert", "ensure", s.name+"-third", "--name", "dead.example.test").exits(t, 1)
	require.Equal(t, 6, s.proxy.count(pathChallenge))
}
