package lifecycle

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

// An attempt begins with the spec's first issuer, and shows the step that is at work.
func TestBeginAnAttempt(t *testing.T) {
	t.Parallel()
	for _, issuers := range [][]string{{"ca1", "ca2"}, nil} {
		m := serving(func(m *Machine) { m.Spec.Issuers, m.Record.Renewal.At = issuers, epoch })
		first := ""
		if issuers != nil {
			first = issuers[0]
		}
		perform(t, m, StepReserve, func(a Action) {
			want := domain.Want{Reason: domain.WakeRenewal, Planned: epoch}
			require.Equal(t, &Attempt{Stage: StepReserve, Spec: m.Spec, Want: want, Issuer: first}, m.Attempt)
			require.Equal(t, string(StepReserve), m.Status("run").Step)
			m.Reserved(a, domain.Reserved{Record: *m.Record, Needed: true, Replaces: "v1"})
		})
		perform(t, m, StepObtain, func(Action) { require.Equal(t, StepObtain, m.Attempt.Stage) })
	}
}

// Another step leaves the attempt alone.
func TestBeginBesideAnAttempt(t *testing.T) {
	t.Parallel()
	m := serving(func(m *Machine) { m.Attempt = &Attempt{Stage: StepObtain, Issuer: "ca2"} })
	m.Begin(deliver("v1"), epoch)
	require.Equal(t, &Attempt{Stage: StepObtain, Issuer: "ca2"}, m.Attempt)
}

// Postgres is asked again after a while, which grows up to a minute; after three tries, callers are answered.
func TestUnrecordedWaitsLongerEachTime(t *testing.T) {
	t.Parallel()
	const s = time.Second
	waits := []time.Duration{5 * s, 10 * s, 20 * s, 40 * s, 60 * s, 60 * s, 60 * s}
	read, away := Action{Step: StepRecordRequest}, *fault(domain.FaultWait, "Away")
	m := serving((*Machine).Notice)
	for i, wait := range waits {
		m.Unrecorded(read, away, epoch.In(time.FixedZone("", 3600)))
		require.Equal(t, &Unread{Tries: i + 1, RetryAt: epoch.Add(wait), Fault: away}, m.Unread)
	}

	m = New(name, State{Spec: specA}, Version, "start", epoch)
	for _, wait := range waits {
		m.Unrecorded(Action{Step: StepRecordRequest, Request: "start"}, away, epoch)
		require.Equal(t, epoch.Add(wait), m.Tickets[0].RetryAt, "a start is tried for ever")
		require.Nil(t, m.Tickets[0].Fault)
	}

	m = serving(nil)
	m.Ask(domain.Request{ID: "r2", Kind: domain.RequestRenew})
	m.Ask(domain.Request{ID: "r3", Kind: domain.RequestRenew})
	for try := 1; try <= maxFailures; try++ {
		require.True(t, m.Answer("r2", Situation{Now: epoch}).Wait)
		require.True(t, m.Answer("r3", Situation{Now: epoch}).Wait)
		m.Unrecorded(Action{Step: StepRecordRequest, Request: "r2"}, away, epoch)
		require.True(t, m.Stale, "it may have been recorded all the same")
	}
	require.Equal(t, &away, m.Answer("r2", Situation{Now: epoch}).Fault)
	require.Equal(t, &away, m.Answer("r3", Situation{Now: epoch}).Fault, "it waited behind")
}

// What cannot be recorded at all is refused at once, and only that.
func TestUnrecordedForGood(t *testing.T) {
	t.Parallel()
	m := serving(nil)
	m.Ask(domain.Request{ID: "r2", Kind: domain.RequestEnsure})
	m.Ask(domain.Request{ID: "r3", Kind: domain.RequestRenew})
	m.Unrecorded(Action{Step: StepRecordRequest, Request: "r2"}, *fault(domain.FaultSpec, "No"), epoch)
	require.Equal(t, fault(domain.FaultSpec, "No"), m.Answer("r2", Situation{Now: epoch}).Fault)
	require.Zero(t, m.Tickets[1].Tries)
	require.Equal(t, Active, m.Mode)
	require.Zero(t, m.Away, "Postgres has answered")
}

// A caller of a retired certificate that Postgres does not answer is answered, and the record is asked once more.
func TestUnrecordedAfterTheEnd(t *testing.T) {
	t.Parallel()
	for tries, mode := range map[int]Mode{maxFailures - 1: Retired, maxFailures: Retiring} {
		m := serving(func(m *Machine) { m.Mode = Retired })
		m.Ask(domain.Request{ID: "r2", Kind: domain.RequestEnsure})
		for range tries {
			m.Unrecorded(Action{Step: StepRecordRequest, Request: "r2"}, *fault(domain.FaultWait, "Away"), epoch)
		}
		require.Equal(t, mode, m.Mode, "%d tries", tries)
	}
}
