package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Several processes on one queue share the work. With four slots each, twelve authorizations that the CA holds can
// only be in hand together if each of three processes has four.
func TestProcessesShareOneQueue(t *testing.T) {
	t.Parallel()
	s := newStackWith(t, ninetyDays, steady)
	const processes, slots = 3, 4
	held := newGate()
	s.proxy.on(&rule{path: pathChallenge, left: -1, gate: held})
	s.run("--roles=responder")
	var want []string
	for range processes {
		p := s.run("--roles=workflows,authorization", fmt.Sprintf("--authorization-slots=%d", slots))
		want = append(want, p.identity("authorization"))
	}
	ensured := s.ensureMany(processes * slots)
	s.eventually("all authorizations in hand", func() bool { return held.waiting.Load() == processes*slots })
	held.open()
	share := map[string]int{}
	for range processes * slots {
		e := <-ensured
		e.exits(t, 0)
		history := s.rested(e.name)
		for _, identity := range activityIdentities(history) {
			share[identity]++
		}
		for _, identity := range taskIdentities(history) {
			require.Regexp(t, `/workflows$`, identity)
		}
	}
	for _, identity := range want {
		require.Equal(t, slots, share[identity], "shares: %v", share)
	}
}

// ensured is what one of many calls answered.
type ensured struct {
	result
	name string
}

// ensureMany asks for n certificates at once, and hands their answers over as they come.
func (s *stack) ensureMany(n int, flags ...string) <-chan ensured {
	answers := make(chan ensured, n)
	for i := range n {
		name := fmt.Sprintf("%s-%d", s.name, i)
		go func() {
			answers <- ensured{s.cli(append([]string{"cert", "ensure", name, "--name", fmt.Sprintf("n%d.example.test", i),
				"--timeout", "150s", "--output", "json"}, flags...)...), name}
		}()
	}
	return answers
}

// A CA that is slow to validate holds all authorization slots there are. Meanwhile the other certificates' short steps,
// queries and updates go on: they have their own workers and slots.
func TestSlowDownstreamStarvesNobody(t *testing.T) {
	t.Parallel()
	s := newStackWith(t, ninetyDays, steady)
	// The calls that are held wait for their answer: however slow the machine is, the slots stay full.
	s.set("EVERLEAF_ACME_TIMEOUT", "5m")
	s.run("--authorization-slots=2", "--workflow-slots=4", "--local-step-slots=4")
	ready := s.name + "-ready"
	s.must("cert", "ensure", ready, "--name", "ready.example.test")

	const many = 8
	held := newGate()
	s.proxy.on(&rule{path: pathChallenge, left: -1, gate: held})
	ensured := s.ensureMany(many)
	s.eventually("the short steps of each", func() bool {
		return s.scalar(`SELECT count(*) FROM certificates`) == many+
			1
	})
	s.eventually("the slots to be full", func() bool { return held.waiting.Load() == 2 })

	var slowest time.Duration
	measured := func(args ...string) {
		began := time.Now()
		s.must(args...)
		slowest = max(slowest, time.Since(began))
	}
	for i := range many {
		measured("cert", "status", fmt.Sprintf("%s-%d", s.name, i))
	}
	measured("cert", "ensure", ready, "--name", "ready.example.test") // an update, answered from what is there
	refused := s.cli("cert", "ensure", s.name+"-bad", "--name", "10.0.0.1", "--timeout", "30s")
	refused.exits(t, 1) // a new workflow comes as far as its own failure
	require.EqualValues(t, 2, held.waiting.Load(), "and all the time the slots were full")
	t.Logf("with all authorization slots held: slowest of %d queries and an update %s", many,
		slowest.Round(time.Millisecond))

	held.open()
	for range many {
		e := <-ensured
		e.exits(t, 0)
	}
	require.Zero(t, s.scalar(`SELECT count(*) FROM events WHERE type = 'failed' AND certificate <> $1`, s.name+"-bad"))
	require.False(t, slices.Contains(activityIdentities(s.rested(ready)), ""), "each step names its worker")
}
