package lifecycle

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

// Why a certificate is wanted, what it replaces and for when it was planned: the attempt hands that to its steps.
func TestWanted(t *testing.T) {
	t.Parallel()
	asked := domain.Want{Reason: domain.WakeRequested, Replaces: "v1"}
	planned, retry := epoch.Add(time.Hour), domain.Want{Reason: domain.WakeRetry}
	late := domain.Want{Reason: domain.WakeRetry, Planned: planned}
	with := func(want domain.Want, change func(w *domain.Want)) domain.Want {
		change(&want)
		return want
	}
	tried := with(asked, func(w *domain.Want) { w.Tried = true })
	forced := with(asked, func(w *domain.Want) { w.Force = true })
	holds := failing(time.Minute)
	holds.Holds = true
	for _, c := range []struct {
		name   string
		change func(m *Machine)
		want   domain.Want
		at     time.Time
	}{
		{"the plan", nil, domain.Want{Reason: domain.WakeRenewal, Planned: planned}, planned},
		{"a retry before the renewal", func(m *Machine) { m.Failure = failing(time.Hour - 1) }, retry, planned.Add(-1)},
		{"a retry at the renewal", func(m *Machine) { m.Failure = failing(time.Hour) }, late, planned},
		{"a retry after the renewal", func(m *Machine) { m.Failure = failing(2 * time.Hour) }, late,
			epoch.Add(2 * time.Hour)},
		{"a retry without a plan", func(m *Machine) { m.Failure, m.Record.Renewal = failing(time.Minute), nil }, retry,
			epoch.Add(time.Minute)},
		{"a retry of the first", func(m *Machine) { m.Failure, m.Record = failing(time.Minute), &domain.Record{} },
			retry, epoch.Add(time.Minute)},
		{"a retry before anything is read", func(m *Machine) { m.Failure, m.Record = failing(time.Minute), nil },
			retry, epoch.Add(time.Minute)},
		{"none in service", func(m *Machine) { m.Record.Issued = nil }, domain.Want{Reason: domain.WakeNotIssued},
			time.Time{}},
		{"no plan", func(m *Machine) { m.Record.Renewal = nil }, domain.Want{Reason: domain.WakeUnplanned},
			time.Time{}},
		{"to be revoked", func(m *Machine) { m.Record.Revocations = pending("v1", nil) },
			domain.Want{Reason: domain.WakeRevocation, Replaces: "v1"}, time.Time{}},
		{"to be revoked without a replacement", func(m *Machine) {
			m.Record.Revocations = pending("v1", func(r *domain.Revocation) { r.WithoutReplacement = true })
		}, domain.Want{Reason: domain.WakeRenewal, Planned: planned}, planned},
		{"another is to be revoked", func(m *Machine) { m.Record.Revocations = pending("v0", nil) },
			domain.Want{Reason: domain.WakeRenewal, Planned: planned}, planned},
		{"asked for", func(m *Machine) { m.Want = &asked }, asked, time.Time{}},
		{"asked for, after a failure", func(m *Machine) { m.Want, m.Failure = &asked, failing(time.Minute) }, asked,
			time.Time{}},
		{"asked for, tried", func(m *Machine) { m.Want, m.Failure = &tried, failing(time.Minute) }, tried,
			epoch.Add(time.Minute)},
		{"asked for, held", func(m *Machine) { m.Want, m.Failure = &asked, holds }, asked, epoch.Add(time.Minute)},
		{"asked for with force, held", func(m *Machine) { m.Want, m.Failure = &forced, holds }, forced, time.Time{}},
	} {
		want, at := serving(c.change).wanted()
		require.Equal(t, c.want, want, c.name)
		require.Equal(t, c.at, at, c.name)
	}
}

// Of several targets, and of several revocations, the one that is due first comes first; of equals, the first one.
func TestTheEarliestComesFirst(t *testing.T) {
	t.Parallel()
	const s = time.Second
	for _, c := range []struct {
		waits []time.Duration
		want  string
		at    time.Duration
	}{
		{[]time.Duration{3 * s, s, 2 * s}, "b", s},
		{[]time.Duration{s, 2 * s, 3 * s}, "a", s},
		{[]time.Duration{2 * s, s, s}, "b", s},
	} {
		targets := serving(func(m *Machine) { m.Spec.Deliveries, m.Deliveries = []string{"a", "b", "c"}, nil })
		revocations := serving(nil)
		for i, wait := range c.waits {
			name := targets.Spec.Deliveries[i]
			targets.Deliveries = append(targets.Deliveries, domain.Delivery{Target: name, Failure: failing(wait)})
			revocations.Record.Revocations = append(revocations.Record.Revocations,
				pending(name, func(r *domain.Revocation) { r.Failure = failing(wait) })...)
		}
		at := epoch.Add(c.at)
		require.Equal(t, at, targets.Next(Situation{Now: epoch}).At)
		require.Equal(t, c.want, targets.Next(Situation{Now: at}).Target)
		require.Equal(t, at, revocations.Next(Situation{Now: epoch}).At)
		require.Equal(t, c.want, revocations.Next(Situation{Now: at}).Version)
	}
}

// A revocation waits for the targets to have the replacement, and for the next try of one that failed; on the way to
// the end it waits for no target.
func TestWhenARevocationIsDue(t *testing.T) {
	t.Parallel()
	const m = time.Minute
	for _, c := range []struct {
		name           string
		behind         bool
		mode           Mode
		without        bool
		after, retries time.Duration
		want           time.Duration
	}{
		{"delivered", false, Active, false, m, 0, 0},
		{"a target is behind", true, Active, false, m, 0, m},
		{"a target is behind, without a replacement", true, Active, true, m, 0, 0},
		{"a target is behind, and it failed before", true, Active, false, m, m - 1, m},
		{"a target is behind, and it failed", true, Active, false, m, m + 1, m + 1},
		{"delivered, and it failed", false, Active, false, m, m / 2, m / 2},
		{"a target is behind, on the way to the end", true, Retiring, false, m, 0, 0},
	} {
		machine := serving(func(m *Machine) {
			if m.Mode = c.mode; c.behind {
				m.Deliveries[0].Version, m.Deliveries[0].Failure = "v0", failing(time.Hour)
			}
			m.Record.Revocations = pending("v0",
				func(r *domain.Revocation) { r.WithoutReplacement, r.After = c.without, epoch.Add(c.after) })
			if c.retries > 0 {
				m.Record.Revocations[0].Failure = failing(c.retries)
			}
		})
		if c.want > 0 {
			next := machine.Next(Situation{Now: epoch.Add(c.want - 1)})
			require.Equal(t, Action{Do: Wait, At: epoch.Add(c.want), Reason: domain.WakeRevocation}, next, c.name)
		}
		require.Equal(t, StepRevoke, machine.Next(Situation{Now: epoch.Add(c.want)}).Step, c.name)
	}
}
