package e2e

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
	"everleaf/ports"
)

// Somebody misspells a target ten times: one that no worker knows, one that refuses what it is given, and one on a host that
// nobody looks after. What was never delivered to is forgotten with the spec that named it, and nothing is cleared.
func TestMisspelledTargetsAreForgotten(t *testing.T) {
	t.Parallel()
	s := newStackWith(t, ninetyDays, steady)
	s.wholeLife()
	s.worker()
	ensure := func(target string) domain.Status {
		return status(t, s.must("cert", "ensure", s.name, "--name", "misspelled.example.test", "--deliver", target, "--replace", "--output", "json"))
	}
	first := ensure("dosk")
	for i := range 10 {
		target := fmt.Sprintf("dosk-%d", i)
		if i%2 == 1 {
			target = fmt.Sprintf("disk@nowhere-%d", i)
		}
		now := ensure(target)
		require.Equal(t, []string{target}, targetsOf(now), "those before are forgotten")
	}
	now := ensure("disk")
	require.Equal(t, []string{"disk"}, targetsOf(now))
	require.Equal(t, first.Issued, now.Issued)
	s.eventually("the delivery", func() bool { return s.scalar(`SELECT count(*) FROM deliveries WHERE version IS NOT NULL`) == 1 })
	require.Equal(t, 1, s.scalar(`SELECT count(*) FROM deliveries`))
	require.Equal(t, 1, s.scalar(`SELECT count(*) FROM delivery_sequences`))
	require.Equal(t, []string{"disk"}, targetsOf(status(t, s.must("cert", "status", s.name, "--output", "json"))))
	for _, run := range s.runs(s.name) {
		require.NotContains(t, activitiesOf(run), ports.RemoveDelivery.Name)
	}
}

func targetsOf(s domain.Status) (targets []string) {
	for _, d := range s.Deliveries {
		targets = append(targets, d.Target)
	}
	return targets
}
