package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What the drain does not see finish is released: another worker has it at once, not after a heartbeat's time-out
// (15 s) or a retry's pause, and it is no failure of the certificate.
func TestStopReleasesWhatIsLeft(t *testing.T) {
	t.Parallel()
	s := newStackWith(t, ninetyDays, steady)
	s.run("--roles=responder")
	first := s.run("--roles=workflows,authorization", "--stop-timeout=1s")
	held := newGate()
	s.proxy.on(&rule{path: pathChallenge, left: 1, gate: held})
	ensured := s.ensureMany(1)
	s.eventually("the step at work", func() bool { return held.waiting.Load() == 1 })
	second := s.run("--roles=workflows,authorization")

	// From the instant at which the CA's client gives up, that of the release, to the second worker's attempt.
	began := time.Now()
	stopped := make(chan struct{})
	go func() { defer close(stopped); first.stop() }()
	s.eventually("the release", func() bool { return held.waiting.Load() == 0 })
	released := time.Now()
	s.eventually("the second worker", func() bool {
		found := s.pending("certificate/" + s.name + "-0")
		return len(found) == 0 || found[0].identity == second.identity("authorization")
	})
	lag := time.Since(released)
	<-stopped
	t.Logf("drain 1s, released after %s, taken by another worker %s later, process gone after %s",
		released.Sub(began).Round(time.Millisecond), lag.Round(time.Millisecond),
		time.Since(began).Round(time.Millisecond))
	require.Less(t, lag, 10*time.Second) // without the release, the heartbeat's 15 s
	e := <-ensured
	e.exits(t, 0)
	require.Equal(t, 1, s.scalar(`SELECT count(*) FROM orders`))
	require.Zero(t, s.scalar(`SELECT count(*) FROM events WHERE type = 'failed'`))
	history := s.text(s.rested(e.name))
	require.Contains(t, history, "WorkerStopping", "the first worker said why it ended")
	require.NotContains(t, first.log.String(), "shutdown timed out")
}

// However many workers are stopped under one step, as in a rollout of many replicas, it is no failure of the
// certificate.
func TestManyStopsUnderOneStepFailNothing(t *testing.T) {
	t.Parallel()
	s := newStackWith(t, ninetyDays, steady)
	s.run("--roles=responder,workflows")
	held := newGate()
	s.proxy.on(&rule{path: pathChallenge, left: -1, gate: held})
	at := s.run("--roles=authorization", "--stop-timeout=1s")
	ensured := s.ensureMany(1)
	atWork := func() bool { return held.waiting.Load() == 1 }
	s.eventually("the step at work", atWork)
	for range 9 {
		next := s.run("--roles=authorization", "--stop-timeout=1s")
		at.stop()
		s.eventually("the next worker", atWork)
		at = next
	}
	held.open()
	e := <-ensured
	e.exits(t, 0)
	require.Zero(t, s.scalar(`SELECT count(*) FROM events WHERE type = 'failed'`))
}

// A short step that Postgres holds up leaves the workflow task within a second, so it outlasts no drain; another worker
// runs it, and it is no failure.
func TestStopDuringAShortStep(t *testing.T) {
	t.Parallel()
	s := newStackWith(t, ninetyDays, steady)
	s.run("--roles=responder")
	first := s.run("--roles=workflows", "--stop-timeout=1s")
	unlock := s.lock("certificates")
	defer unlock()
	ensured := s.ensureMany(1)
	s.eventually("the short step", func() bool { return s.locked("certificates") > 0 })
	began := time.Now()
	first.stop()
	s.run("--roles=workflows,authorization")
	unlock()
	e := <-ensured
	t.Logf("a certificate whose short step was under way at a stop (drain 1s) came %s after SIGTERM",
		time.Since(began).Round(time.Millisecond))
	e.exits(t, 0)
	require.Equal(t, 1, strings.Count(s.ca.Log(), "Issued certificate serial"))
	require.Zero(t, s.scalar(`SELECT count(*) FROM events WHERE type = 'failed'`))
	require.NotContains(t, first.log.String(), "shutdown timed out")
}
