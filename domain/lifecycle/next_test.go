package lifecycle

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

// serving is a machine whose certificate is in service at its target, planned for renewal in an hour.
func serving(change func(m *Machine)) *Machine {
	m := New(name, State{Machine: Version, Spec: specA, Mode: Active}, Version, "r1", epoch)
	m.Record = &domain.Record{
		ReadBy: "run", Issued: &domain.Issued{Version: "v1", Issuer: "ca1", Names: specA.Names},
		Renewal:    &domain.RenewalPlan{At: epoch.Add(time.Hour)},
		Deliveries: []domain.Delivery{{Target: "t1", Version: "v1", Contacted: true}},
	}
	m.Deliveries = []domain.Delivery{{Target: "t1", Version: "v1", Contacted: true}}
	if change != nil {
		change(m)
	}
	return m
}

func failing(after time.Duration) *domain.Failure {
	return &domain.Failure{At: epoch, RetryAt: epoch.Add(after)}
}

func pending(version string, change func(r *domain.Revocation)) []domain.Revocation {
	r := domain.Revocation{Issued: domain.Issued{Version: version}}
	if change != nil {
		change(&r)
	}
	return []domain.Revocation{r}
}

func TestNext(t *testing.T) {
	t.Parallel()
	run := func(step Step, reason string) Action { return Action{Do: Run, Step: step, Reason: reason} }
	wait := func(after time.Duration, reason string) Action {
		return Action{Do: Wait, At: epoch.Add(after), Reason: reason}
	}
	awaited := func(change func(m *Machine)) func(m *Machine) {
		return func(m *Machine) {
			change(m)
			m.Tickets = []Ticket{{Request: domain.Request{ID: "r2", Kind: domain.RequestEnsure}, Recorded: true}}
		}
	}
	asked := &domain.Want{Reason: domain.WakeRequested, Replaces: "v1"}
	tried := &domain.Want{Reason: domain.WakeRequested, Replaces: "v1", Tried: true}
	forced := &domain.Want{Reason: domain.WakeRequested, Replaces: "v1", Force: true}
	holding := failing(time.Minute)
	holding.Holds = true
	for _, c := range []struct {
		name      string
		change    func(m *Machine)
		situation Situation
		want      Action
	}{
		{"sleep until the renewal", nil, Situation{}, wait(time.Hour, domain.WakeRenewal)},
		{"a renewal is due", func(m *Machine) { m.Record.Renewal.At = epoch }, Situation{},
			run(StepReserve, domain.WakeRenewal)},
		{"no plan", func(m *Machine) { m.Record.Renewal = nil }, Situation{}, run(StepReserve, domain.WakeUnplanned)},
		{"none in service", func(m *Machine) { m.Record = &domain.Record{} }, Situation{},
			run(StepReserve, domain.WakeNotIssued)},
		{"nothing is known", func(m *Machine) { m.Record = nil }, Situation{}, run(StepRecordRequest, domain.WakeRead)},
		{"what is known is stale", (*Machine).Notice, Situation{},
			Action{Do: Run, Step: StepRecordRequest, Reason: domain.WakeRead, Reads: 1}},
		{"it could not be read", func(m *Machine) {
			m.Record, m.Unread = nil,
				&Unread{RetryAt: epoch.Add(time.Second)}
		}, Situation{},
			wait(time.Second, domain.WakeRead)},
		{"a failure waits", func(m *Machine) { m.Failure = failing(time.Minute) }, Situation{},
			wait(time.Minute, domain.WakeRetry)},
		{"a failure is over", func(m *Machine) { m.Failure = failing(0) }, Situation{},
			run(StepReserve, domain.WakeRetry)},

		{"somebody asked", func(m *Machine) { m.Want = asked }, Situation{}, run(StepReserve, domain.WakeRequested)},
		{"somebody asked after a failure", func(m *Machine) { m.Want, m.Failure = asked, failing(time.Minute) },
			Situation{},
			run(StepReserve, domain.WakeRequested)},
		{"somebody asked before a failure", func(m *Machine) { m.Want, m.Failure = tried, failing(time.Minute) },
			Situation{},
			wait(time.Minute, domain.WakeRequested)},
		{"a limit holds what was asked for", func(m *Machine) { m.Want, m.Failure = asked, holding }, Situation{},
			wait(time.Minute, domain.WakeRequested)},
		{"force passes it", func(m *Machine) { m.Want, m.Failure = forced, holding }, Situation{},
			run(StepReserve, domain.WakeRequested)},
		{"a request comes first", func(m *Machine) {
			m.Want = asked
			m.Ask(domain.Request{ID: "r2", Kind: domain.RequestRetire})
		}, Situation{}, Action{Do: Run, Step: StepRecordRequest, Request: "r2", Reason: domain.WakeRequest}},
		{"the order waits for its turn", func(m *Machine) {
			m.Attempt = &Attempt{Stage: StepObtain,
				From: epoch.Add(time.Second)}
		}, Situation{},
			wait(time.Second, "")},

		{"a target is behind", func(m *Machine) { m.Deliveries[0].Version = "v0" }, Situation{},
			Action{Do: Run, Step: StepDeliver, Target: "t1", Version: "v1", Reason: domain.WakeDelivery}},
		{"a target is behind what is revoked",
			func(m *Machine) { m.Deliveries[0].Version, m.Record.Issued.Revoked = "v0", true }, Situation{},
			wait(time.Hour, domain.WakeRenewal)},
		{"a target is to be cleared", func(m *Machine) { m.Deliveries[0].Removing = true }, Situation{},
			Action{Do: Run, Step: StepRemove, Target: "t1", Reason: domain.WakeDelivery}},
		{"a target failed", func(m *Machine) {
			m.Deliveries[0].Version, m.Deliveries[0].Failure = "",
				failing(time.Second)
		}, Situation{},
			wait(time.Second, domain.WakeDelivery)},

		{"to be revoked, in service", func(m *Machine) { m.Record.Revocations = pending("v1", nil) }, Situation{},
			run(StepReserve, domain.WakeRevocation)},
		{"to be revoked without replacement", func(m *Machine) {
			m.Record.Revocations = pending("v1", func(r *domain.Revocation) { r.WithoutReplacement = true })
		}, Situation{}, Action{Do: Run, Step: StepRevoke, Version: "v1", Reason: domain.WakeRevocation}},
		{"to be revoked, replaced and delivered", func(m *Machine) { m.Record.Revocations = pending("v0", nil) },
			Situation{},
			Action{Do: Run, Step: StepRevoke, Version: "v0", Reason: domain.WakeRevocation}},
		{"to be revoked, replaced, and a target is behind", func(m *Machine) {
			m.Deliveries[0].Version, m.Deliveries[0].Failure = "v0", failing(time.Minute)
			m.Record.Revocations = pending("v0", func(r *domain.Revocation) { r.After = epoch.Add(time.Second) })
		}, Situation{}, wait(time.Second, domain.WakeRevocation)},
		{"a revocation failed", func(m *Machine) {
			m.Record.Revocations = pending("v0", func(r *domain.Revocation) { r.Failure = failing(time.Second) })
		}, Situation{}, wait(time.Second, domain.WakeRevocation)},

		{"failed", func(m *Machine) { m.Failed = []FailedAction{{Action: Action{Step: StepRevoke, Version: "v0"}}} },
			Situation{},
			Action{Do: Run, Step: StepRecordFailure, Version: "v0", Reason: string(StepRevoke)}},

		{"retiring", func(m *Machine) { m.Mode, m.Deliveries = Retiring, nil }, Situation{},
			run(StepRelease, domain.WakeRetired)},
		{"retiring, to be revoked", func(m *Machine) {
			m.Mode, m.Deliveries, m.Record.Revocations = Retiring, nil, pending("v0", nil)
		}, Situation{}, Action{Do: Run, Step: StepRevoke, Version: "v0", Reason: domain.WakeRevocation}},
		{"the release failed", func(m *Machine) {
			m.Mode, m.Deliveries, m.Failure = Retiring, nil,
				failing(time.Minute)
		}, Situation{},
			wait(time.Minute, domain.WakeRetired)},
		{"clearing", func(m *Machine) {
			m.Mode = Clearing
			m.reconcile()
		}, Situation{}, Action{Do: Run, Step: StepRemove, Target: "t1", Reason: domain.WakeDelivery}},
		{"cancelled", (*Machine).Cancel, Situation{}, run(StepRelease, domain.WakeRetired)},
		{"cancelled while a step runs", func(m *Machine) {
			m.Running = []Action{{Do: Run, Step: StepDeliver, Target: "t1", Version: "v1"}}
			m.Cancel()
		}, Situation{}, Action{Do: Wait}},
		{"retired", func(m *Machine) { m.Mode = Retired }, Situation{}, Action{Do: End}},
		{"retired, and a caller waits", awaited(func(m *Machine) { m.Mode = Retired }), Situation{}, Action{Do: Wait}},
		{"ended", func(m *Machine) { m.Mode = Ended }, Situation{}, Action{Do: End}},
		{"refused", func(m *Machine) { m.Mode = Refused }, Situation{}, Action{Do: Fail}},
		{"refused, and a caller waits", awaited(func(m *Machine) { m.Mode = Refused }), Situation{},
			Action{Do: Wait, Reason: "callers"}},

		{"the history is long", nil, Situation{Suggested: true}, Action{Do: ContinueAsNew}},
		{"the history is long, and a caller waits", awaited(func(*Machine) {}), Situation{Suggested: true},
			wait(time.Hour, domain.WakeRenewal)},
		{"a newer worker, asleep", nil, Situation{Outdated: true}, wait(time.Hour, domain.WakeRenewal)},
		{"a newer worker, at its wake", func(m *Machine) { m.Record.Renewal.At = epoch }, Situation{Outdated: true},
			Action{Do: ContinueAsNew}},
		{"enough certificates, asleep", func(m *Machine) { m.Obtained = cycles }, Situation{},
			wait(time.Hour, domain.WakeRenewal)},
		{"enough certificates, at its wake", func(m *Machine) { m.Obtained, m.Record.Renewal.At = cycles, epoch },
			Situation{},
			Action{Do: ContinueAsNew}},
		{"a run that has read nothing goes on", func(m *Machine) { m.Record = nil },
			Situation{Suggested: true, Outdated: true},
			run(StepRecordRequest, domain.WakeRead)},
		{"a step is at work", func(m *Machine) { m.Begin(Action{Do: Run, Step: StepRevoke, Version: "v0"}, epoch) },
			Situation{Suggested: true},
			wait(time.Hour, domain.WakeRenewal)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.situation.Now = epoch
			require.Equal(t, c.want, serving(c.change).Next(c.situation))
		})
	}
}

// A delivery is as urgent as the attempt at its certificate was, and one that repairs a target later is not.
func TestDeliveriesAreAsUrgentAsTheAttempt(t *testing.T) {
	t.Parallel()
	m := serving(func(m *Machine) { m.Record.Renewal.At = epoch })
	reserve := m.Next(Situation{Now: epoch})
	m.Begin(reserve, epoch)
	m.Reserved(reserve, domain.Reserved{Record: *m.Record, Needed: true, Replaces: "v1",
		Priority: domain.PriorityUrgent})
	obtain := m.Next(Situation{Now: epoch})
	m.Begin(obtain, epoch)
	record := *m.Record
	record.Issued, record.Renewal = &domain.Issued{Version: "v2", Names: specA.Names},
		&domain.RenewalPlan{At: epoch.Add(time.Hour)}
	m.ObtainedCertificate(obtain, record)
	deliver := m.Next(Situation{Now: epoch})
	require.Equal(t, Action{Do: Run, Step: StepDeliver, Target: "t1", Version: "v2", Reason: domain.WakeDelivery,
		Reads: m.Reads}, deliver)
	require.Equal(t, domain.PriorityUrgent, m.Priority)
	m.Begin(deliver, epoch)
	m.FailedWith(deliver, *fault(domain.FaultWait, "TargetBroken"), epoch)
	decide := m.Next(Situation{Now: epoch})
	m.Begin(decide, epoch)
	m.Decided(decide, domain.Decision{Failure: *failing(time.Second)})
	require.Equal(t, domain.PriorityUrgent, m.Priority)
	deliver = m.Next(Situation{Now: epoch.Add(time.Second)})
	require.Equal(t, StepDeliver, deliver.Step)
	m.Begin(deliver, epoch.Add(time.Second))
	m.Delivered(deliver, epoch.Add(time.Second))
	require.Zero(t, m.Priority)
}

// A retired certificate's record is read again only for somebody who waits for it.
func TestRetiredReadsForCallers(t *testing.T) {
	t.Parallel()
	m := serving(func(m *Machine) {
		m.Mode, m.Stale, m.Deliveries = Retired, true, nil
		m.Tickets = []Ticket{{Request: domain.Request{ID: "1", Kind: domain.RequestRevoke}, Recorded: true}}
	})
	a := m.Next(Situation{Now: epoch})
	require.Equal(t, Run, a.Do)
	require.Equal(t, StepRecordRequest, a.Step)
	require.Empty(t, a.Request)
	m.Forget("1")
	require.Equal(t, End, m.Next(Situation{Now: epoch}).Do)
}
