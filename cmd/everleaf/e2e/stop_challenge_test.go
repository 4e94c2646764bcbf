package e2e

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A rolling deployment stops a worker that has had the CA validate a challenge: what the CA may still fetch, from any
// replica, stays until the next worker is done with it. No failure is counted against the name.
func TestStopWhileAuthorizingLeavesTheChallenge(t *testing.T) {
	t.Parallel()
	s := newStackWith(t, ninetyDays, steady)
	s.set("EVERLEAF_STOP_TIMEOUT", "1s")
	first := s.worker()
	ensured := make(chan result, 1)
	go func() {
		ensured <- s.cli("cert", "ensure", s.name, "--name", "stopped.example.test", "--timeout", "150s", "--output",
			"json")
	}()
	validated(s)
	first.stop()
	require.Equal(t, 1, s.scalar(`SELECT count(*) FROM http_tokens`), "the token stays while the CA may look")
	s.proxy.freeAll()
	s.worker()
	r := <-ensured
	r.exits(t, 0)
	require.Equal(t, 1, s.scalar(`SELECT count(*) FROM orders`))
	require.Equal(t, 0, s.scalar(`SELECT count(*) FROM events WHERE type = 'failed'`))
	require.Equal(t, 0, s.scalar(`SELECT count(*) FROM http_tokens`))
}

// validated holds the CA's answer to the accepted challenge until the CA has validated it: with its only replica
// stopped, nobody would answer the CA's look.
func validated(s *stack) {
	s.t.Helper()
	h := newHold()
	s.proxy.on(&rule{path: pathChallenge, left: 1, after: h})
	s.reached(h)
	s.eventually("the CA's validation", func() bool {
		return strings.Contains(s.ca.Log(), "set VALID by completed challenge")
	})
}
