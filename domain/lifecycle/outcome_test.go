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
	record.Retirement = domain.Released
	perform(t, m, StepRecordRequest, func(a Action) { m.Recorded(a, domain.Recorded{Record: record}, epoch) })
	require.Equal(t, Retired, m.Mode)
	require.Nil(t, m.Want)
	require.Equal(t, Action{Do: End}, m.Next(Situation{Now: epoch}))
	require.Equal(t, record.Deliveries, m.Left())
}

// A request may be stored though each answer was lost: what Postgres has then counts.
func TestModeFollowsTheRecord(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		mode   Mode
		stored domain.Retirement
		then   Mode
	}{
		{Active, "", Active},
		{Active, domain.Retiring, Retiring},
		{Active, domain.Clearing, Clearing},
		{Active, domain.Released, Retired},
		{Retiring, "", Active},
		{Retiring, domain.Clearing, Clearing},
		{Retiring, domain.Released, Retired},
		{Clearing, "", Active},
		{Clearing, domain.Retiring, Retiring},
		{Clearing, domain.Released, Retired},
		{Cancelled, "", Cancelled},
		{Cancelled, domain.Retiring, Cancelled},
		{Ended, "", Ended},
	} {
		m := serving(func(m *Machine) {
			m.Mode, m.Want, m.Failure = c.mode, &domain.Want{Reason: domain.WakeRequested}, failing(0)
		})
		record := *m.Record
		record.Retirement = c.stored
		m.take(Action{Reads: m.Reads}, record)
		require.Equal(t, c.then, m.Mode, "in mode %s with %q", c.mode, c.stored)
		kept := c.mode != Active || c.then == Active
		require.Equal(t, kept, m.Want != nil, "in mode %s with %q", c.mode, c.stored)
	}
}

// A request that is not stored yet will say itself whether the certificate is kept.
func TestModeWaitsForARequest(t *testing.T) {
	t.Parallel()
	m := serving(func(m *Machine) { m.Ask(domain.Request{ID: "1", Kind: domain.RequestEnsure, Spec: &specA}) })
	record := *m.Record
	record.Retirement = domain.Retiring
	m.take(Action{Reads: m.Reads}, record)
	require.Equal(t, Active, m.Mode)
}

// A Retire that a later Ensure has overtaken changes nothing, and its caller hears so.
func TestRetireThatCameTooLate(t *testing.T) {
	t.Parallel()
	m := serving(func(m *Machine) { m.Ask(domain.Request{ID: "1", Kind: domain.RequestRetire}) })
	perform(t, m, StepRecordRequest, func(a Action) { m.Recorded(a, domain.Recorded{Record: *m.Record}, epoch) })
	require.Equal(t, Active, m.Mode)
	require.Equal(t, domain.ReasonNotRetired, m.Answer("1", Situation{Now: epoch}).Fault.Reason)
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
				m.Recorded(a, domain.Recorded{Record: record, Spec: &spec, Superseded: true, Needed: true}, epoch)
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
		m.Reserved(a, domain.Reserved{Record: *m.Record, Needed: true, Replaces: "v1"})
	})
	require.Nil(t, m.Attempt, "something has changed meanwhile")
	require.Equal(t, &domain.Want{Reason: domain.WakeRequested, Replaces: "v1", Force: true}, m.Want)
	perform(t, m, StepRecordRequest, func(a Action) { m.Recorded(a, domain.Recorded{Record: *m.Record}, epoch) })
	perform(t, m, StepReserve, func(a Action) {
		m.Reserved(a,
			domain.Reserved{Record: *m.Record, Needed: true, Replaces: "v1"})
	})
	require.True(t, m.Attempt.Want.Force)
	perform(t, m, StepObtain, func(a Action) { m.FailedWith(a, *fault(domain.FaultCA, "Down"), epoch) })
	perform(t, m, StepRecordFailure, func(a Action) { m.Decided(a, domain.Decision{Failure: *failing(time.Minute)}) })
	require.Equal(t, &domain.Want{Reason: domain.WakeRequested, Replaces: "v1", Tried: true}, m.Want,
		"the next try is an ordinary one")
}

// A step that does not find the version in service has the record read again, and waits when that did not help.
func TestDenied(t *testing.T) {
	t.Parallel()
	m := serving(func(m *Machine) { m.Deliveries[0].Version = "" })
	denied := func(a Action) { m.FailedWith(a, *fault(domain.FaultWait, domain.ReasonVersionReplaced), epoch) }
	stored := *m.Record
	stored.Deliveries = []domain.Delivery{{Target: "t1"}}
	read := func(a Action) { m.Recorded(a, domain.Recorded{Record: stored}, epoch) }
	perform(t, m, StepDeliver, denied)
	require.Empty(t, m.Failed)
	perform(t, m, StepRecordRequest, read)
	perform(t, m, StepDeliver, denied)
	require.Len(t, m.Failed, 1, "the same version again")
	perform(t, m, StepRecordFailure, func(a Action) { m.Decided(a, domain.Decision{Failure: *failing(time.Minute)}) })
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
		record := domain.Record{Issued: m.Record.Issued, Renewal: m.Record.Renewal, Failure: c.stored,
			Revocations: pending("v0", nil),
			Deliveries:  []domain.Delivery{{Target: "t1", Version: "v1", Failure: c.stored}}}
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
			m.Recorded(a, domain.Recorded{Record: *m.Record, Spec: &specB, Changes: []string{"names"}, Needed: true},
				epoch)
		})
		require.Equal(t, domain.Reason("Retired"), m.Answer("r2", Situation{Now: epoch}).Fault.Reason)
		m.Forget("r2")
		if mode != Retired {
			perform(t, m, StepRelease, func(a Action) { m.FailedWith(a, *fault(domain.FaultWait, "Away"), epoch) })
		}
		require.Equal(t, Action{Do: End}, m.Next(Situation{Now: epoch}), mode)
	}
}

// Two steps that did not find the version in service, of before the record is read again: neither is a failure yet.
func TestDeniedTwiceAtOnce(t *testing.T) {
	t.Parallel()
	m := serving(func(m *Machine) {
		m.Spec.Deliveries, m.Deliveries = []string{"t1", "t2"}, []domain.Delivery{{Target: "t1"}, {Target: "t2"}}
	})
	var begun []Action
	for range 2 {
		perform(t, m, StepDeliver, func(a Action) { begun = append(begun, a) })
	}
	for _, a := range begun {
		m.FailedWith(a, *fault(domain.FaultWait, domain.ReasonVersionReplaced), epoch)
	}
	require.Empty(t, m.Failed)
	require.True(t, m.Stale)
}

// While the policy is asked about an attempt's failure, the status says so; a failure in another lane changes nothing
// there.
func TestAFailedAttemptShowsThatThePolicyIsAsked(t *testing.T) {
	t.Parallel()
	m := serving(func(m *Machine) { m.Record.Renewal.At = epoch })
	perform(t, m, StepReserve, func(a Action) {
		m.FailedWith(Action{Step: StepRevoke, Version: "v0"}, *fault(domain.FaultCA, "Down"), epoch)
		require.Equal(t, string(StepReserve), m.Status("run").Step)
		m.FailedWith(a, *fault(domain.FaultCA, "Down"), epoch)
	})
	require.Equal(t, string(StepRecordFailure), m.Status("run").Step)
}

// A caller waits through a few failures that are not for him, then has the last one.
func TestACallerWaitsThroughAFewFailures(t *testing.T) {
	t.Parallel()
	m := serving(func(m *Machine) {
		m.Want = &domain.Want{Reason: domain.WakeRequested, Replaces: "v1"}
		m.Tickets = []Ticket{{Request: domain.Request{ID: "r2", Kind: domain.RequestRenew}, Recorded: true}}
	})
	now := epoch
	for failures := 1; failures <= maxFailures; failures++ {
		reserve := m.Next(Situation{Now: now})
		require.Equal(t, StepReserve, reserve.Step)
		m.Begin(reserve, now)
		m.FailedWith(reserve, *fault(domain.FaultCA, "Down"), now)
		m.Decided(m.Next(Situation{Now: now}),
			domain.Decision{Failure: domain.Failure{At: now, RetryAt: now.Add(time.Second)}})
		require.Equal(t, failures, m.Failures)
		require.Equal(t, failures < maxFailures, m.Answer("r2", Situation{Now: now}).Wait)
		now = now.Add(time.Second)
	}
}

// Where the policy cannot be asked, the failure is tried again in a minute, and its caller is answered.
func TestUndecided(t *testing.T) {
	t.Parallel()
	m := serving(func(m *Machine) { m.Record.Renewal.At = epoch })
	perform(t, m, StepReserve, func(a Action) { m.FailedWith(a, *fault(domain.FaultCA, "Down"), epoch) })
	perform(t, m, StepRecordFailure, func(a Action) {
		m.Undecided(a, *fault(domain.FaultWait, "Away"), epoch.Add(time.Second).In(time.FixedZone("", 3600)))
	})
	at := epoch.Add(time.Second)
	require.Equal(t, &domain.Failure{Fault: *fault(domain.FaultCA, "Down"), Attempts: 1, At: at,
		RetryAt: at.Add(time.Minute),
		Step:    string(StepReserve), Answer: true, Undecided: true}, m.Failure)
	require.Equal(t, at.Add(5*time.Second), m.Away)

	m = serving(func(m *Machine) { m.Failed = []FailedAction{{Action: deliver("v1")}} })
	perform(t, m, StepRecordFailure, func(a Action) {
		m.Cancel()
		m.Undecided(a, *fault(domain.FaultWait, "Away"), epoch)
	})
	require.Empty(t, m.Running)
	require.Nil(t, m.Deliveries[0].Failure, "it was cancelled meanwhile")
}
