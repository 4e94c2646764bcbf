package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
	"everleaf/ports"
)

// Somebody misspells a target, an issuer or a profile: that is refused, and nothing is stored. The host of a target,
// which may be away at the moment, is believed: what was never delivered to is forgotten with the spec that named it,
// and nothing is cleared.
func TestMisspelledTargetsAreForgotten(t *testing.T) {
	t.Parallel()
	s := newStackWith(t, ninetyDays, steady)
	s.wholeLife()
	s.worker()
	ensure := func(target string) domain.Status {
		return status(t, s.must("cert", "ensure", s.name, "--name", "misspelled.example.test", "--deliver", target,
			"--replace", "--output", "json"))
	}
	for flags, says := range map[string]string{
		"--deliver dosk":         `deliveries[0] "dosk": no running worker has this target; there are`,
		"--deliver disk,brokn":   `did you mean "broken"? (Spec/UnknownTarget)`,
		"--use-issuer default2":  `did you mean "default"? (Spec/UnknownIssuer)`,
		"--challenge dns-01":     "(Spec/NoDNSZones)",
		"--dry-run --profile no": "a certificate would be issued", // it starts nothing, so that nobody is asked
	} {
		r := s.cli(append([]string{"cert", "ensure", s.name, "--name", "misspelled.example.test"},
			strings.Fields(flags)...)...)
		require.Contains(t, r.stdout+r.stderr, says, flags)
	}
	require.Zero(t, s.scalar(`SELECT count(*) FROM certificates`))
	first := ensure("disk@nowhere")
	s.eventually("the workers to have reported the CA's profiles", func() bool {
		r := s.cli("cert", "ensure", s.name, "--profile", "other", "--dry-run")
		return strings.Contains(r.stderr, `profile "other": the CA does not offer it; there are default`)
	})
	for i := range 10 {
		target := fmt.Sprintf("disk@nowhere-%d", i)
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
