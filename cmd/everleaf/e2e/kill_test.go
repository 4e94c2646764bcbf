package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A worker is killed with SIGKILL between two lines of the issuance. The next worker must go on with the same order:
// one order at the CA, one in Postgres, one certificate.
func TestKilledWorkerResumesItsOrder(t *testing.T) {
	t.Parallel()
	for _, at := range []struct {
		point string
		kill  func(t *testing.T, s *stack) // returns once the worker is where it is to be killed
		// orders is how many orders the CA may have made.
		orders int
	}{
		{"after the key is stored", holdBefore(pathNewOrder), 1},
		{"between newOrder's answer and storing it", holdAfter(pathNewOrder), 2},
		{"after the order URL is stored", holdBefore(pathAuthz), 1},
		{"while the challenge is presented", holdBefore(pathChallenge), 1},
		{"while authorizing", validated, 1},
		{"before finalize", holdBefore(pathFinalize), 1},
		{"after finalize before the download", holdAfter(pathFinalize), 1},
		{"at the download", holdBefore(pathCert), 1},
		{"after the download before it is recorded", nil, 1},
	} {
		t.Run(at.point, func(t *testing.T) {
			t.Parallel()
			s := newStackWith(t, ninetyDays, steady)
			s.must("migrate")
			first := s.worker()
			ensured := make(chan result, 1)
			go func() {
				ensured <- s.cli("cert", "ensure", s.name, "--name", "kill.example.test", "--timeout", "150s", "--output", "json")
			}()
			if at.kill != nil {
				at.kill(t, s)
				first.kill()
			} else {
				s.killBeforeRecorded(first)
			}
			s.proxy.freeAll()
			s.worker()

			r := <-ensured
			r.exits(t, 0)
			got := status(t, r)
			require.NotNil(t, got.Issued)
			require.Equal(t, 1, s.scalar(`SELECT count(*) FROM versions`), "certificates in Postgres")
			require.Equal(t, 1, s.scalar(`SELECT count(*) FROM orders`), "orders in Postgres")
			require.Equal(t, 0, s.scalar(`SELECT count(*) FROM http_tokens`), "tokens left in Postgres")
			log := s.ca.Log()
			require.LessOrEqual(t, strings.Count(log, "Added order"), at.orders, "orders at the CA")
			require.Equal(t, 1, strings.Count(log, "Issued certificate serial"), "certificates at the CA")
		})
	}
}

func holdBefore(path string) func(*testing.T, *stack) {
	return func(_ *testing.T, s *stack) {
		h := newHold()
		s.proxy.on(&rule{path: path, left: 1, before: h})
		s.reached(h)
	}
}

func holdAfter(path string) func(*testing.T, *stack) {
	return func(_ *testing.T, s *stack) {
		h := newHold()
		s.proxy.on(&rule{path: path, left: 1, after: h})
		s.reached(h)
	}
}

// validated holds the CA's answer to the accepted challenge until the CA has validated it: with its only replica
// dead, nobody would answer the CA's look.
func validated(t *testing.T, s *stack) {
	holdAfter(pathChallenge)(t, s)
	s.eventually("the CA's validation", func() bool { return strings.Contains(s.ca.Log(), "set VALID by completed challenge") })
}

// killBeforeRecorded holds Postgres's answer to the statement that records the certificate: the table is locked against writing, so
// that the statement waits; the worker is killed; the waiting statement is ended as a lost connection would end it.
func (s *stack) killBeforeRecorded(p *process) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	tx, err := s.pool.Begin(ctx)
	require.NoError(s.t, err)
	_, err = tx.Exec(ctx, `LOCK TABLE versions IN SHARE MODE`)
	require.NoError(s.t, err)
	defer func() { _ = tx.Rollback(ctx) }()
	const blocked = `FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query ILIKE '%INSERT INTO versions%'`
	s.eventually("the statement that records the certificate", func() bool {
		return s.scalar(`SELECT count(*) `+blocked) > 0 // not in tx: it would see one snapshot for ever
	})
	p.kill()
	_, err = s.pool.Exec(ctx, `SELECT pg_terminate_backend(pid) `+blocked)
	require.NoError(s.t, err)
}

// A rolling deployment stops a worker that has told the CA of a challenge: what the CA may still fetch, from any
// replica, stays until the next worker is done with it. No failure is counted against the name.
func TestStopWhileAuthorizingLeavesTheChallenge(t *testing.T) {
	t.Parallel()
	s := newStackWith(t, ninetyDays, steady)
	s.set("EVERLEAF_STOP_TIMEOUT", "1s")
	first := s.worker()
	ensured := make(chan result, 1)
	go func() {
		ensured <- s.cli("cert", "ensure", s.name, "--name", "stopped.example.test", "--timeout", "150s", "--output", "json")
	}()
	validated(t, s)
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
