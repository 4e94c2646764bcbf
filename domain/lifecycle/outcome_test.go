package lifecycle

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

// perform begins what is next and gives it an answer.
func perform(t *testing.T, m *Machine, step Step, answer func(a Action)) {
	t.Helper()
	a := m.Next(Situation{Now: epoch})
	require.Equal(t, Run, a.Do, a.Reason)
	require.Equal(t, step, a.Step)
	m.Begin(a, epoch)
	answer(a)
}

// After a reset to before its end, a retired certificate's workflow ends again.
func TestReleasedRecordRetires(t *testing.T) {
	t.Parallel()
	m := serving(func(m *Machine) { m.Want, m.Failure = &domain.Want{Reason: domain.WakeRequested}, failing(0) })
	m.Notice()
	record := *m.Record
	record.Released = true
	perform(t, m, StepRecordRequest, func(a Action) { m.Recorded(a, Recorded{Record: record}, epoch) })
	require.Equal(t, Retired, m.Mode)
	require.Nil(t, m.Want)
	require.Equal(t, Action{Do: End}, m.Next(Situation{Now: epoch}))
	require.Equal(t, record.Deliveries, m.Left())
}

// After a reset to the midst of a retirement that is done, nothing is cleared any more; after one of a certificate that was
// ensured since, it is kept.
func TestARetirementThatWasReset(t *testing.T) {
	t.Parallel()
	for mode, stored := range map[Mode]domain.Record{Retired: {Retiring: true, Released: true}, Active: {}, Clearing: {Retiring: true}} {
		m := serving(func(m *Machine) { m.Mode = Clearing })
		m.reconcile()
		m.Notice()
		record := *m.Record
		record.Retiring, record.Released = stored.Retiring, stored.Released
		perform(t, m, StepRecordRequest, func(a Action) { m.Recorded(a, Recorded{Record: record}, epoch) })
		require.Equal(t, mode, m.Mode)
	}
}

// What is asked for again after a reset, and was superseded meanwhile, changes nothing.
func TestSupersededRequests(t *testing.T) {
	t.Parallel()
	for _, kind := range []domain.RequestKind{domain.RequestStart, domain.RequestEnsure, domain.RequestRetire} {
		m := serving(func(m *Machine) { m.Record.Issued.Revoked = true })
		spec := m.Spec
		m.ask(Ticket{Unattended: true, Request: domain.Request{ID: "start", Kind: domain.RequestStart}})
		m.Ask(domain.Request{ID: "again", Kind: kind, RemoveDeliveries: true})
		record := *m.Record
		for m.asked() {
			perform(t, m, StepRecordRequest, func(a Action) {
				m.Recorded(a, Recorded{Record: record, Spec: &spec, Superseded: true, Needed: true}, epoch)
			})
		}
		require.Equal(t, Active, m.Mode, kind)
		require.Nil(t, m.Want, kind)
		require.Equal(t, spec, m.Spec)
		require.Empty(t, slices.DeleteFunc(m.Tickets, func(t Ticket) bool { return t.Request.ID == "again" }))
	}
}

// Force is for the attempt that begins next, also where that has to begin again.
func TestForceIsForOneAttempt(t *testing.T) {
	t.Parallel()
	m := serving(func(m *Machine) { m.Want = &domain.Want{Reason: domain.WakeRequested, Replaces: "v1", Force: true} })
	perform(t, m, StepReserve, func(a Action) {
		require.True(t, m.Attempt.Want.Force)
		m.Notice()
		m.Reserved(a, Reserved{Record: *m.Record, Needed: true, Replaces: "v1"})
	})
	require.Nil(t, m.Attempt, "something has changed meanwhile")
	require.Equal(t, &domain.Want{Reason: domain.WakeRequested, Replaces: "v1", Force: true}, m.Want)
	perform(t, m, StepRecordRequest, func(a Action) { m.Recorded(a, Recorded{Record: *m.Record}, epoch) })
	perform(t, m, StepReserve, func(a Action) { m.Reserved(a, Reserved{Record: *m.Record, Needed: true, Replaces: "v1"}) })
	require.True(t, m.Attempt.Want.Force)
	perform(t, m, StepObtain, func(a Action) { m.FailedWith(a, *fault(domain.FaultCA, "Down"), epoch) })
	perform(t, m, StepRecordFailure, func(a Action) { m.Decided(a, Decision{Failure: *failing(time.Minute)}) })
	require.Equal(t, &domain.Want{Reason: domain.WakeRequested, Replaces: "v1", Tried: true}, m.Want, "the next try is an ordinary one")
}

// A step that does not find the version in service has the record read again, and waits when that did not help.
func TestDenied(t *testing.T) {
	t.Parallel()
	m := serving(func(m *Machine) { m.Deliveries[0].Version = "" })
	denied := func(a Action) { m.FailedWith(a, *fault(domain.FaultWait, domain.ReasonVersionReplaced), epoch) }
	stored := *m.Record
	stored.Deliveries = []domain.Delivery{{Target: "t1"}}
	read := func(a Action) { m.Recorded(a, Recorded{Record: stored}, epoch) }
	perform(t, m, StepDeliver, denied)
	require.Empty(t, m.Failed)
	perform(t, m, StepRecordRequest, read)
	perform(t, m, StepDeliver, denied)
	require.Len(t, m.Failed, 1, "the same version again")
	perform(t, m, StepRecordFailure, func(a Action) { m.Decided(a, Decision{Failure: *failing(time.Minute)}) })
	stored.Deliveries[0].Failure = failing(time.Minute)
	perform(t, m, StepRecordRequest, read)
	require.Equal(t, epoch.Add(time.Minute), m.Next(Situation{Now: epoch}).At)

	stored.Issued = &domain.Issued{Version: "v2"}
	stored.Deliveries[0].Failure = nil
	m.Notice()
	perform(t, m, StepRecordRequest, read)
	perform(t, m, StepDeliver, denied)
	require.Empty(t, m.Failed, "another version")
}

// A failure is gone when it is gone in Postgres, unless Postgres never had it.
func TestStandingFailure(t *testing.T) {
	t.Parallel()
	earlier, later := failing(time.Minute), failing(time.Hour)
	later.At = epoch.Add(time.Second)
	unstored := *later
	unstored.Undecided = true
	for _, c := range []struct{ known, stored, want *domain.Failure }{
		{nil, nil, nil},
		{nil, earlier, earlier},
		{earlier, nil, nil},
		{earlier, later, later},
		{&unstored, nil, &unstored},
		{&unstored, earlier, &unstored},
		{&unstored, later, later},
	} {
		m := serving(func(m *Machine) {
			m.Failure, m.Deliveries[0].Failure, m.Record.Revocations = c.known, c.known, pending("v0", nil)
			m.Record.Revocations[0].Failure = c.known
		})
		record := domain.Record{Issued: m.Record.Issued, Renewal: m.Record.Renewal, Failure: c.stored, Revocations: pending("v0", nil),
			Deliveries: []domain.Delivery{{Target: "t1", Version: "v1", Failure: c.stored}}}
		record.Revocations[0].Failure = c.stored
		m.take(Action{}, record)
		require.Equal(t, c.want, m.Failure)
		require.Equal(t, c.want, m.Deliveries[0].Failure)
		require.Equal(t, c.want, m.Record.Revocations[0].Failure)
	}
}

// A cancelled workflow answers its callers and ends, whatever comes in.
func TestCancelledIsNotRevived(t *testing.T) {
	t.Parallel()
	for _, mode := range []Mode{Active, Retiring, Clearing, Retired} {
		m := serving(func(m *Machine) { m.Mode = mode })
		m.Ask(domain.Request{ID: "r2", Kind: domain.RequestEnsure, Spec: &specB})
		perform(t, m, StepRecordRequest, func(a Action) {
			m.Cancel()
			require.True(t, m.Answer("r2", Situation{Now: epoch}).Wait)
			m.Recorded(a, Recorded{Record: *m.Record, Spec: &specB, Changes: []string{"names"}, Needed: true}, epoch)
		})
		require.Equal(t, domain.Reason("GivenUp"), m.Answer("r2", Situation{Now: epoch}).Fault.Reason)
		m.Forget("r2")
		if mode != Retired {
			perform(t, m, StepRelease, func(a Action) { m.FailedWith(a, *fault(domain.FaultWait, "Away"), epoch) })
		}
		require.Equal(t, Action{Do: End}, m.Next(Situation{Now: epoch}), mode)
	}
}
