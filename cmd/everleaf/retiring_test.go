package main

import (
	"strings"
	"testing"
	"time"

	"github.com/golang/mock/gomock"
	"github.com/stretchr/testify/require"

	"everleaf/app"
	"everleaf/domain"
)

// Who waits for a retirement or a revocation sees what it waits for.
func TestProgressOfARetirementAndARevocation(t *testing.T) {
	b := newBench(t)
	refused := app.Failure{At: noon, Attempts: 2, RetryAt: noon.Add(time.Minute), Step: domain.RemovalStep,
		Fault: app.Fault{Kind: domain.FaultOperator, Reason: domain.ReasonTargetRefused, Message: "it says no"}}
	after := noon.Add(time.Hour)
	targets := func(failure *app.Failure) []app.Delivery {
		return []app.Delivery{{Target: "disk", Removing: true, Failure: failure}, {Target: "edge", Removing: true}}
	}
	revoking := func(r domain.Revocation) []domain.Revocation {
		r.Issued.Serial = "0bad"
		return []domain.Revocation{r}
	}
	waits := ready()
	waits.Revoking = revoking(domain.Revocation{After: after})
	waits.Deliveries = []app.Delivery{{Target: "disk", Version: waits.Issued.Version},
		{Target: "edge", Version: "before"}}
	works := waits
	works.Step = "RevokeCertificate"
	works.Revoking = revoking(domain.Revocation{})
	failed := waits
	failed.Revoking = revoking(domain.Revocation{Failure: &refused})
	for _, c := range []struct {
		status app.Status
		work   app.Work
		says   string
		failed bool
	}{
		{app.Status{Phase: app.PhaseRetiring, Step: "RemoveDelivery", Deliveries: targets(nil)},
			app.Work{Step: "RemoveDelivery", Worker: "w", Since: noon, Failure: "exit status 1"},
			"retiring, to be cleared: disk, edge, step RemoveDelivery: since 2026-11-22 12:00:00 UTC (now); last try: exit status 1",
			false},
		{app.Status{Phase: app.PhaseRetiring, Step: "RemoveDelivery", Deliveries: targets(nil)},
			app.Work{Step: "RemoveDelivery", Worker: "w", Since: noon, Failure: "exit status 1", Attempt: 3,
				NextTry: noon.Add(4 * time.Second), Look: domain.Look{For: "target disk"}},
			"retiring, to be cleared: disk, edge, step RemoveDelivery: waits for target disk; since 2026-11-22 12:00:00 UTC (now); " +
				"try 2 failed: exit status 1; next try in 4s", false},
		{app.Status{Phase: app.PhaseRetiring, Deliveries: targets(&refused)}, app.Work{},
			"retiring: disk: cannot be cleared: Operator/TargetRefused: it says no; failed 2026-11-22 12:00:00 UTC (now), " +
				"attempt 2; next try 2026-11-22 12:01:00 UTC (in 1m00s)", true},
		{app.Status{Phase: app.PhaseRetiring, Failure: &refused}, app.Work{},
			"retiring: failed: Operator/TargetRefused: it says no; next try 2026-11-22 12:01:00 UTC (in 1m00s)", true},
		{app.Status{Phase: app.PhaseRetiring, Revoking: works.Revoking}, app.Work{}, "retiring, revoking serial 0bad",
			false},
		{app.Status{Phase: app.PhaseRetiring}, app.Work{}, "retiring", false},
		{waits, app.Work{}, "revoking serial 0bad, once its targets have its replacement (edge), or " +
			"2026-11-22 13:00:00 UTC (in 1h00m)", false},
		{works, app.Work{Step: "RevokeCertificate", Worker: "w", Since: noon},
			"revoking serial 0bad, step RevokeCertificate: since 2026-11-22 12:00:00 UTC (now)", false},
		{failed, app.Work{}, "revoking serial 0bad: failed, attempt 2: Operator/TargetRefused: it says no; next try " +
			"2026-11-22 12:01:00 UTC (in 1m00s)", true},
	} {
		b.keeper.EXPECT().Status(gomock.Any(), name).Return(c.status, nil)
		key, line, failed := b.look(t.Context(), onlooker{b.keeper, []app.Work{c.work}}, name)
		require.Equal(t, name+": "+c.says, line)
		require.NotEmpty(t, key, line)
		require.Equal(t, c.failed, failed, line)
	}
}

// Each try that fails is news, also with the same words; a look again, whose answer is the same, is none.
func TestTriesThatFailAreNews(t *testing.T) {
	k := newBench(t).kit
	try := func(n int, seen string) string {
		return k.newsOf([]app.Work{{Step: "RemoveDelivery", Failure: "exit status 1", Attempt: n,
			Look: domain.Look{For: "target disk", Seen: seen}}})
	}
	require.NotEqual(t, try(2, ""), try(3, ""))
	require.Equal(t, try(2, "not yet"), try(3, "not yet"))
}

// What is shown of a retirement is what nobody renews, and what targets keep.
func TestStatusOfARetirement(t *testing.T) {
	retired := func(phase app.Phase) app.Status {
		s := ready()
		s.Phase, s.Failure, s.Issued.Revoked = phase, failing().Failure, true
		s.Deliveries = []app.Delivery{{Target: "now", Version: s.Issued.Version, At: noon},
			{Target: "old", Version: "v0", At: noon},
			{Target: "half", Contacted: true}, {Target: "failed", Contacted: true,
				Failure: &app.Failure{Step: domain.RemovalStep, At: noon, RetryAt: noon}}}
		return s
	}
	for phase, keeps := range map[app.Phase]string{app.PhaseRetiring: ", and keeps it",
		app.PhaseReleased: ", and nobody clears it"} {
		b := newBench(t)
		b.keeper.EXPECT().Status(gomock.Any(), name).Return(retired(phase), nil)
		b.exits(t, exitOK, b.run(t.Context(), "cert", "status", name))
		shown := b.out.String()
		require.Contains(t, shown, "Revoked      yes\n")
		for _, line := range []string{"now: has it since 2026-11-22 12:00:00 UTC (now)",
			"old: has an earlier certificate since 2026-11-22 12:00:00 UTC (now)", "half: may have it"} {
			require.Contains(t, shown, "Delivery     "+line+keeps+"\n")
		}
		for _, wrong := range []string{"Renewal", "Because", "Problem", "cert renew", "is to get it"} {
			require.NotContains(t, shown, wrong)
		}
		require.Equal(t, phase == app.PhaseRetiring, strings.Contains(shown, "failed: cannot be cleared"))
		require.Equal(t, phase == app.PhaseReleased, strings.Contains(shown, "failed: may have it"))
	}
}

// A certificate that nobody kept is kept again: what that did is said, and not that nothing changes.
func TestEnsureSaysWhatBecameOfARetiredCertificate(t *testing.T) {
	another := held()
	issued := *another.Issued
	issued.Version, issued.Serial = "another", "0c0c"
	another.Issued = &issued
	for says, after := range map[string]app.Status{
		"what it has serves, and nothing was issued": held(),
		"a certificate was issued":                   another,
	} {
		b := newBench(t)
		retiring := held()
		retiring.Phase = app.PhaseRetiring
		b.finds(retiring, nil)
		b.asks(app.EnsureRequest{Spec: before(), ExpectedGeneration: generation(7)}, after, nil)
		b.exits(t, exitOK, b.run(t.Context(), "cert", "ensure", name))
		require.Contains(t, b.err.String(), "www.example.com: nobody kept it, and it is kept in service again: "+says+
			"\n")
		require.NotContains(t, b.err.String(), "nothing to change")
	}
}
