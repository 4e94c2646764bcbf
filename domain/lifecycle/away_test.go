package lifecycle

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

// hung is how a local step ends when Postgres hangs.
var hung = domain.Fault{Kind: domain.FaultWait, Reason: domain.ReasonStepTimedOut, Message: "on purpose"}

// A local step holds its workflow task, so where Postgres hangs none follows another at once, whichever they are: a
// Status or Revoke waits for one of them at most.
func TestAfterALocalStepThatPostgresDidNotAnswerNoneFollowsAtOnce(t *testing.T) {
	t.Parallel()
	failed := FailedAction{Action: Action{Step: StepDeliver, Target: "t1", Version: "v1"}}
	for _, c := range []struct {
		name    string
		machine func(m *Machine)
		hangs   Step
		// then is what comes after the pause.
		then Step
	}{
		{"an attempt begins", func(m *Machine) { m.Record.Renewal.At = epoch }, StepReserve, StepRecordFailure},
		{"several have failed", func(m *Machine) {
			m.Failed = []FailedAction{failed,
				{Action: Action{Step: StepRevoke}}}
		},
			StepRecordFailure, StepRecordFailure},
		{"a read, and something has failed", func(m *Machine) { m.Stale, m.Failed = true, nil }, StepRecordRequest,
			StepRecordFailure},
		{"the release", func(m *Machine) { m.Mode, m.Deliveries = Retiring, nil }, StepRelease, StepRecordRequest},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := serving(c.machine)
			a := m.Next(Situation{Now: epoch})
			require.Equal(t, c.hangs, a.Step)
			m.Begin(a, epoch)
			now := epoch.Add(5 * time.Second)
			switch c.hangs {
			case StepRecordRequest:
				m.Failed = []FailedAction{failed}
				m.Unrecorded(a, hung, now)
			case StepRecordFailure:
				m.Undecided(a, hung, now)
			default:
				m.FailedWith(a, hung, now)
			}
			m.Ask(domain.Request{ID: "r2", Kind: domain.RequestRevoke})
			next := m.Next(Situation{Now: now})
			require.Equal(t, Wait, next.Do, "%v", next)
			require.Equal(t, now.Add(pause), next.At)
			next = m.Next(Situation{Now: next.At})
			require.Equal(t, Action{Do: Run, Step: c.then}, Action{Do: next.Do, Step: next.Step})
		})
	}
}

// What the policy refuses is an answer of Postgres.
func TestALocalStepThatIsAnsweredHoldsUpNothing(t *testing.T) {
	t.Parallel()
	m := serving(func(m *Machine) { m.Record.Renewal.At = epoch })
	a := m.Next(Situation{Now: epoch})
	m.Begin(a, epoch)
	m.FailedWith(a, *fault(domain.FaultRateLimited, domain.ReasonRateLimited), epoch)
	require.Equal(t, StepRecordFailure, m.Next(Situation{Now: epoch}).Step)
}
