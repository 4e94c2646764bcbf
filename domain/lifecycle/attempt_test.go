package lifecycle

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

// What follows when an attempt has its turn: the order, nothing, or another look at what is wanted.
func TestReserved(t *testing.T) {
	t.Parallel()
	asked := domain.Want{Reason: domain.WakeRequested, Replaces: "v1", Force: true}
	tried := domain.Want{Reason: domain.WakeRequested, Replaces: "v1", Tried: true}
	from := epoch.Add(time.Second)
	needed := domain.Reserved{Needed: true, Replaces: "v9", NewKey: true, From: from, Tenant: "shop",
		Priority: domain.PriorityUrgent}
	waits := &Attempt{Stage: StepObtain, Spec: specA,
		Want: domain.Want{Reason: domain.WakeRequested, Replaces: "v9", Force: true}, Issuer: "ca1", NewKey: true,
		From: from}
	for _, c := range []struct {
		name string
		// change is what happens meanwhile.
		change   func(m *Machine)
		out      domain.Reserved
		attempt  *Attempt
		want     *domain.Want
		failure  bool
		priority int
	}{
		{"it is needed", nil, needed, waits, &tried, true, domain.PriorityUrgent},
		{"it is not needed", nil, domain.Reserved{}, nil, nil, false, 0},
		{"it is not needed, and one more was asked for", func(m *Machine) { m.Want = &asked }, domain.Reserved{}, nil,
			&asked, false, 0},
		{"something has changed", (*Machine).Notice, needed, nil, &asked, true, 0},
		{"something has changed, and an issuer has failed", func(m *Machine) {
			m.Notice()
			m.Attempt.Tried = []domain.Failure{*failing(0)}
		}, needed, &Attempt{Stage: StepReserve, Spec: specA, Want: asked, Issuer: "ca1",
			Tried: []domain.Failure{*failing(0)}}, &tried, true, 0},
		{"nobody asked, and something has changed", func(m *Machine) { m.Notice(); m.Want = nil }, needed, nil, nil,
			true, 0},
		{"on the way to the end", func(m *Machine) { m.Mode, m.Record.Retirement = Retiring, domain.Retiring }, needed,
			nil, &tried, true, 0},
		{"it was given up", func(m *Machine) { m.Attempt = nil }, needed, nil, &tried, true, 0},
	} {
		failure := failing(0)
		m := serving(func(m *Machine) { m.Want, m.Failure, m.Record.Failure = &asked, failure, failure })
		perform(t, m, StepReserve, func(a Action) {
			if c.change != nil {
				c.change(m)
			}
			c.out.Record = *m.Record
			m.Reserved(a, c.out)
		})
		require.Equal(t, c.attempt, m.Attempt, c.name)
		require.Equal(t, c.want, m.Want, c.name)
		require.Equal(t, c.failure, m.Failure != nil, c.name)
		require.Equal(t, c.priority, m.Priority, c.name)
		require.Equal(t, c.out.Tenant, m.Tenant, c.name)
		require.Empty(t, m.Running, c.name)
	}
}

// A certificate ends what wanted it, and counts; one that was obtained because a plan was missing is no further cycle.
func TestObtainedCertificate(t *testing.T) {
	t.Parallel()
	asked := &domain.Want{Reason: domain.WakeRequested, Replaces: "v1"}
	for _, c := range []struct {
		name   string
		change func(m *Machine)
		cycle  int
		want   *domain.Want
	}{
		{"a renewal", func(m *Machine) { m.Record.Renewal.At = epoch }, 8, nil},
		{"asked for", func(m *Machine) { m.Want = asked }, 8, nil},
		{"a plan was missing", func(m *Machine) { m.Record.Renewal = nil }, 7, nil},
	} {
		m := serving(func(m *Machine) { m.Cycle, m.Obtained = 7, 2 })
		c.change(m)
		record := domain.Record{Issued: &domain.Issued{Version: "v2"},
			Renewal: &domain.RenewalPlan{At: epoch.Add(time.Hour)}}
		perform(t, m, StepReserve, func(a Action) { m.Reserved(a, domain.Reserved{Record: *m.Record, Needed: true}) })
		m.Failure = failing(0)
		perform(t, m, StepObtain, func(a Action) { m.ObtainedCertificate(a, record) })
		require.Equal(t, c.cycle, m.Cycle, c.name)
		require.Equal(t, 3, m.Obtained, c.name)
		require.Equal(t, c.want, m.Want, c.name)
		require.Equal(t, "v2", m.version(), c.name)
		require.Nil(t, m.Attempt, c.name)
		require.Nil(t, m.Failure, c.name)
		require.Empty(t, m.Running, c.name)
	}
	m := serving(func(m *Machine) { m.Cycle = 7 })
	m.ObtainedCertificate(Action{Step: StepObtain}, *m.Record)
	require.Equal(t, 8, m.Cycle, "its attempt was given up meanwhile")
}

// What was begun before something changed has not the last word.
func TestAnAnswerThatOverlapsIsReadAgain(t *testing.T) {
	t.Parallel()
	other := domain.Record{Issued: &domain.Issued{Version: "v2"}}
	m := serving(nil)
	m.Notice()
	perform(t, m, StepRecordRequest, func(a Action) {
		m.Notice()
		m.Recorded(a, domain.Recorded{Record: other}, epoch)
	})
	require.Equal(t, "v1", m.version())
	require.True(t, m.Stale)
	perform(t, m, StepRecordRequest, func(a Action) {
		before := m.Reads
		m.Recorded(a, domain.Recorded{Record: other}, epoch)
		require.Greater(t, m.Reads, before, "an action that began before this is older")
	})
	require.Equal(t, "v2", m.version())
	require.False(t, m.Stale)
}

// Failures are about the certificate in service: another one begins without them, but for that of a release.
func TestAnotherCertificateBeginsWithoutFailures(t *testing.T) {
	t.Parallel()
	unstored := failing(time.Minute)
	unstored.Undecided = true
	for version, want := range map[string]*domain.Failure{"v1": unstored, "v2": nil} {
		m := serving(func(m *Machine) {
			m.Spec.Deliveries = []string{"t1", "t2"}
			m.Deliveries = []domain.Delivery{{Target: "t1", Contacted: true, Failure: unstored},
				{Target: "t2", Failure: unstored}}
		})
		m.take(Action{}, domain.Record{Issued: &domain.Issued{Version: version},
			Deliveries: []domain.Delivery{{Target: "t1"}}})
		require.Equal(t, want, m.delivery("t1").Failure, version)
		require.Equal(t, want, m.delivery("t2").Failure, version)
	}
	for stored, want := range map[domain.Retirement]*domain.Failure{"": nil, domain.Retiring: failing(time.Minute)} {
		m := serving(func(m *Machine) { m.Failure, m.Record.Retirement = failing(time.Minute), stored })
		if stored != "" {
			m.Mode = Retiring
		}
		m.take(Action{}, *m.Record)
		require.Equal(t, want, m.Failure, stored)
	}
}

// A cancelled workflow drops what it was about, once; one that has refused its input, or ended, stays as it is.
func TestCancel(t *testing.T) {
	t.Parallel()
	for from, to := range map[Mode]Mode{Active: Cancelled, Retiring: Cancelled, Clearing: Cancelled, Retired: Ended,
		Cancelled: Cancelled, Ended: Ended, Refused: Refused} {
		m := serving(func(m *Machine) {
			m.Mode, m.Failed, m.Attempt = from, []FailedAction{{Action: deliver("v1")}}, &Attempt{}
		})
		m.Cancel()
		require.Equal(t, to, m.Mode)
		dropped := to == Cancelled && from != Cancelled
		require.Equal(t, dropped, m.Attempt == nil, from)
		require.Equal(t, dropped, len(m.Failed) == 0, from)
	}
}

// The release is the end if nothing came in between and nothing is left to be revoked.
func TestReleased(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		mode   Mode
		change func(m *Machine, record *domain.Record)
		want   Mode
	}{
		{"retired", Retiring, nil, Retired},
		{"cleared", Clearing, nil, Retired},
		{"cancelled", Cancelled, nil, Ended},
		{"ensured meanwhile", Active, nil, Active},
		{"asked for more", Retiring, func(m *Machine,
			_ *domain.Record) {
			m.Ask(domain.Request{ID: "r2", Kind: domain.RequestEnsure})
		}, Retiring},
		{"something has changed", Retiring, func(m *Machine, _ *domain.Record) { m.Notice() }, Retiring},
		{"to be revoked", Retiring, func(_ *Machine,
			record *domain.Record) {
			record.Revocations = pending("v0", nil)
		}, Retiring},
		{"what is in service would have been replaced", Retiring,
			func(_ *Machine, record *domain.Record) { record.Revocations = pending("v1", nil) }, Retired},
	} {
		m := serving(func(m *Machine) { m.Mode, m.Deliveries = c.mode, nil })
		a, record := Action{Step: StepRelease, Reads: m.Reads}, *m.Record
		m.Running = []Action{a}
		if c.mode != Active {
			record.Retirement = domain.Released
		}
		if c.change != nil {
			c.change(m, &record)
		}
		m.Released(a, record)
		require.Equal(t, c.want, m.Mode, c.name)
		require.Empty(t, m.Running, c.name)
	}
}
