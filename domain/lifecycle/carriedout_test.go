package lifecycle

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

// What a recorded Ensure makes wanted: a change that needs another certificate, and what comes anyway not a second
// time.
func TestEnsureAsksForWhatDoesNotCome(t *testing.T) {
	t.Parallel()
	asked := &domain.Want{Reason: domain.WakeRequested, Replaces: "v1", Tried: true}
	changed, replacing := &domain.Want{Reason: domain.WakeChanged},
		&domain.Want{Reason: domain.WakeChanged, Replaces: "v1"}
	obtaining := func(m *Machine) { m.Attempt, m.Running = &Attempt{Stage: StepObtain}, []Action{{Step: StepObtain}} }
	failed := func(m *Machine) { m.Failure = failing(time.Minute) }
	stored := func(m *Machine) { m.Record.Failure = failing(time.Minute) }
	none := func(m *Machine) { m.Record.Issued = nil }
	also := func(changes ...func(m *Machine)) func(m *Machine) {
		return func(m *Machine) {
			for _, change := range changes {
				change(m)
			}
		}
	}
	wanting := func(want *domain.Want) func(m *Machine) { return func(m *Machine) { m.Want = want } }
	retiring := func(m *Machine) { m.Mode = Retiring }
	revoking := func(m *Machine) { m.Record.Revocations = pending("v1", nil) }
	for _, c := range []struct {
		name            string
		change          func(m *Machine)
		changed, needed bool
		overlaps        bool
		want            *domain.Want
	}{
		{"nothing new", nil, false, false, false, nil},
		{"a change", nil, true, true, false, changed},
		{"a change that needs none", nil, true, false, false, nil},
		{"needed all the same", nil, false, true, false, changed},
		{"needed, and asked for", wanting(asked), false, true, false, asked},
		{"needed, and at work", obtaining, false, true, false, nil},
		{"needed, and it failed", failed, false, true, false, nil},
		{"needed, and a failure is stored", stored, false, true, false, nil},
		{"a change of the first", none, true, true, false, nil},
		{"a change of the first, which failed", also(none, failed), true, true, false, changed},
		{"a change of the first, of which a failure is stored", also(none, stored), true, true, false, changed},
		{"a change while one is obtained", obtaining, true, false, false, changed},
		{"a change, and something else has changed", nil, true, false, true, changed},
		{"nothing new, and something else has changed", nil, false, false, true, nil},
		{"a change is taken back", wanting(changed), true, false, false, nil},
		{"a change is said again", wanting(changed), false, false, false, changed},
		{"a change is taken back, and one was asked for", wanting(asked), true, false, false, asked},
		{"a change while one was asked for", wanting(asked), true, true, false,
			&domain.Want{Reason: domain.WakeRequested, Replaces: "v1"}},
		{"in place of the end", retiring, false, false, false, nil},
		{"in place of the end, and needed", retiring, false, true, false, replacing},
		{"in place of the end, and revoked", also(retiring, revoking), false, false, false, replacing},
		{"in place of the end, and another is revoked",
			also(retiring, func(m *Machine) { m.Record.Revocations = pending("v0", nil) }), false, false, false, nil},
		{"in place of the end, of the first", also(retiring, none), false, true, false, nil},
		{"to be revoked", revoking, true, false, false, nil},
	} {
		m := serving(c.change)
		m.Ask(domain.Request{ID: "r2", Kind: domain.RequestEnsure, Spec: &specC})
		out := domain.Recorded{Record: *m.Record, Spec: &specC, Needed: c.needed}
		if c.changed {
			out.Changes = []string{"something"}
		}
		a := Action{Step: StepRecordRequest, Request: "r2", Reads: m.Reads}
		if c.overlaps {
			m.Notice()
		}
		m.Recorded(a, out, epoch)
		require.Equal(t, c.want, m.Want, c.name)
		require.Equal(t, Active, m.Mode, c.name)
		require.Equal(t, specC, m.Spec, c.name)
		ticket, _ := m.Ticket("r2")
		require.True(t, ticket.Recorded, c.name)
		require.Equal(t, out.Changes, ticket.Changes, c.name)
	}
}

// A change that was tried and is taken back takes its failure with it, also one that could not be stored.
func TestATriedChangeThatIsTakenBack(t *testing.T) {
	t.Parallel()
	unstored := failing(time.Minute)
	unstored.Undecided = true
	for tried, want := range map[bool]*domain.Failure{true: nil, false: unstored} {
		m := serving(func(m *Machine) {
			m.Want, m.Failure = &domain.Want{Reason: domain.WakeChanged, Tried: tried},
				unstored
		})
		m.Ask(domain.Request{ID: "r2", Kind: domain.RequestEnsure, Spec: &specA})
		perform(t, m, StepRecordRequest, func(a Action) {
			m.Recorded(a, domain.Recorded{Record: *m.Record, Spec: &specA, Changes: []string{"names"}}, epoch)
		})
		require.Nil(t, m.Want)
		require.Equal(t, want, m.Failure)
	}
}

// An attempt for which nothing is placed yet begins again for a changed spec; what it was for is wanted as before.
func TestAChangeBeginsTheAttemptAgain(t *testing.T) {
	t.Parallel()
	for changes, again := range map[string]bool{"names": true, "": false} {
		m := serving(func(m *Machine) {
			m.Want = &domain.Want{Reason: domain.WakeRequested, Replaces: "v1", Tried: true}
			m.Attempt = &Attempt{Stage: StepObtain, From: epoch.Add(time.Hour), Want: domain.Want{Force: true}}
		})
		m.Ask(domain.Request{ID: "r2", Kind: domain.RequestEnsure, Spec: &specA})
		perform(t, m, StepRecordRequest, func(a Action) {
			out := domain.Recorded{Record: *m.Record, Spec: &specA}
			if changes != "" {
				out.Changes = []string{changes}
			}
			m.Recorded(a, out, epoch)
		})
		require.Equal(t, again, m.Attempt == nil)
		require.Equal(t, again, m.Want.Force)
		require.Equal(t, !again, m.Want.Tried)
	}
}

// What a recorded Renew or Revoke makes wanted.
func TestRenewAndRevokeAsk(t *testing.T) {
	t.Parallel()
	requested := &domain.Want{Reason: domain.WakeRequested, Replaces: "v1"}
	revocation := &domain.Want{Reason: domain.WakeRevocation, Replaces: "v1"}
	none := func(m *Machine) { m.Record.Issued = nil }
	retired := func(mode Mode, stored domain.Retirement) func(m *Machine) {
		return func(m *Machine) { m.Mode, m.Record.Retirement = mode, stored }
	}
	for _, c := range []struct {
		name   string
		kind   domain.RequestKind
		change func(m *Machine)
		needed bool
		want   *domain.Want
		mode   Mode
	}{
		{"a renewal", domain.RequestRenew, nil, false, requested, Active},
		{"a renewal of the first", domain.RequestRenew, none, false, nil, Active},
		{"a renewal of the first, which failed", domain.RequestRenew,
			func(m *Machine) { none(m); m.Failure = failing(0) }, false,
			&domain.Want{Reason: domain.WakeRequested}, Active},
		{"a renewal on the way to the end", domain.RequestRenew, retired(Retiring, domain.Retiring), false, nil,
			Retiring},
		{"a revocation", domain.RequestRevoke, nil, true, revocation, Active},
		{"a revocation without a replacement", domain.RequestRevoke, nil, false, nil, Active},
		{"a revocation on the way to the end", domain.RequestRevoke, retired(Retiring, domain.Retiring), true, nil,
			Retiring},
		{"a revocation after the end", domain.RequestRevoke, func(m *Machine) {
			retired(Retired, domain.Released)(m)
			m.Record.Revocations = []domain.Revocation{{Issued: *m.Record.Issued, WithoutReplacement: true}}
		}, true, nil, Retiring},
	} {
		m := serving(c.change)
		m.Failures = 2
		m.Ask(domain.Request{ID: "r2", Kind: c.kind})
		perform(t, m, StepRecordRequest, func(a Action) {
			m.Recorded(a, domain.Recorded{Record: *m.Record, Version: m.version(), Needed: c.needed}, epoch)
		})
		require.Equal(t, c.want, m.Want, c.name)
		require.Equal(t, c.mode, m.Mode, c.name)
		ticket, _ := m.Ticket("r2")
		refused := c.kind == domain.RequestRenew && c.mode != Active
		require.Equal(t, refused, ticket.Fault != nil, c.name)
		require.Equal(t, Ticket{Request: ticket.Request, Recorded: true, Version: m.version(), Failures: 2,
			Fault: ticket.Fault}, ticket, c.name)
	}
}

// A Revoke says which serial it is about: that of the version that was in service when it was recorded first.
func TestRevokeKnowsTheSerial(t *testing.T) {
	t.Parallel()
	m := serving(nil)
	m.Ask(domain.Request{ID: "r2", Kind: domain.RequestRevoke})
	perform(t, m, StepRecordRequest, func(a Action) {
		record := *m.Record
		record.Revocations = []domain.Revocation{
			{Issued: domain.Issued{Version: "v0", Serial: "00"}}, {Issued: domain.Issued{Version: "v1", Serial: "01"}},
			{Issued: domain.Issued{Version: "v2", Serial: "02"}},
		}
		m.Recorded(a, domain.Recorded{Record: record, Version: "v1", Needed: true}, epoch)
	})
	ticket, _ := m.Ticket("r2")
	require.Equal(t, "01", ticket.Serial)
}

// A Retire says whether the certificate was retired before.
func TestRetireFindsItRetired(t *testing.T) {
	t.Parallel()
	for mode, already := range map[Mode]bool{Active: false, Retiring: false, Clearing: false, Retired: true} {
		m := serving(func(m *Machine) { m.Mode, m.Record.Retirement = mode, domain.Released })
		m.Ask(domain.Request{ID: "r2", Kind: domain.RequestRetire})
		perform(t, m, StepRecordRequest, func(a Action) { m.Recorded(a, domain.Recorded{Record: *m.Record}, epoch) })
		ticket, _ := m.Ticket("r2")
		require.Equal(t, already, ticket.Already, mode)
	}
}

// Force stands until the attempt that it is for begins.
func TestForceIsNotLostToALaterRequest(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ before, then, want bool }{{true, false, true}, {false, true, true},
		{false, false, false}} {
		m := serving(func(m *Machine) {
			m.Want = &domain.Want{Reason: domain.WakeRequested, Replaces: "v1",
				Force: c.before}
		})
		m.want(domain.Want{Reason: domain.WakeRevocation, Replaces: "v2", Force: c.then})
		require.Equal(t, &domain.Want{Reason: domain.WakeRevocation, Replaces: "v2", Force: c.want}, m.Want)
	}
}

// An Ensure says all that a plain start says, so it goes before one that is not at work.
func TestAnEnsureGoesBeforeThePlainStart(t *testing.T) {
	t.Parallel()
	ask := func(m *Machine, id string, kind domain.RequestKind) { m.Ask(domain.Request{ID: id, Kind: kind}) }
	ids := func(m *Machine) (ids []string) {
		for _, t := range m.Tickets {
			ids = append(ids, t.Request.ID)
		}
		return ids
	}
	m := New(name, State{Spec: specA}, Version, "start", epoch)
	ask(m, "renew", domain.RequestRenew)
	ask(m, "ensure", domain.RequestEnsure)
	ask(m, "ensure2", domain.RequestEnsure)
	require.Equal(t, []string{"ensure", "ensure2", "start", "renew"}, ids(m))

	m = New(name, State{Spec: specA}, Version, "start", epoch)
	m.Begin(m.Next(Situation{Now: epoch}), epoch)
	ask(m, "ensure", domain.RequestEnsure)
	require.Equal(t, []string{"start", "ensure"}, ids(m), "the start is at work")

	m = serving(nil)
	ask(m, "renew", domain.RequestRenew)
	ask(m, "ensure", domain.RequestEnsure)
	require.Equal(t, []string{"renew", "ensure"}, ids(m))
}

// A caller that has its answer is forgotten, but for a request that is being recorded: that is carried out all the
// same.
func TestForget(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name                string
		recorded, recording bool
		kept                bool
	}{
		{"not recorded yet", false, false, false},
		{"being recorded", false, true, true},
		{"recorded", true, false, false},
		{"recorded, and recorded again", true, true, false},
	} {
		m := serving(func(m *Machine) {
			m.Tickets = []Ticket{{Request: domain.Request{ID: "r2"}, Recorded: c.recorded},
				{Request: domain.Request{ID: "r3"}}}
		})
		if c.recording {
			m.Running = []Action{{Step: StepRecordRequest, Request: "r2"}}
		}
		m.Forget("r2")
		ticket, kept := m.Ticket("r2")
		require.Equal(t, c.kept, kept, c.name)
		require.Equal(t, c.kept, ticket.Unattended, c.name)
		require.True(t, m.Awaited(), "the other caller waits")
		m.Forget("nobody")
		m.Forget("r3")
		require.False(t, m.Awaited(), c.name)
	}
}
