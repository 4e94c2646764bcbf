package lifecycle

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

// deliver and remove are what is at work at the target; a version that is not the one in service is outgrown.
func deliver(version string) Action {
	return Action{Do: Run, Step: StepDeliver, Target: "t1", Version: version}
}

var remove = Action{Do: Run, Step: StepRemove, Target: "t1"}

// A delivery that was confirmed stands, unless the target is to be cleared by now: then only the record says what it
// has.
func TestDelivered(t *testing.T) {
	t.Parallel()
	behind := domain.Delivery{Target: "t1", Version: "v0", Failure: failing(time.Minute)}
	leaves := behind
	leaves.Removing = true
	confirmed := domain.Delivery{Target: "t1", Version: "v1", At: epoch, Contacted: true}
	for _, c := range []struct {
		name   string
		change func(m *Machine)
		want   []domain.Delivery
		stale  bool
	}{
		{"the target has it", func(*Machine) {}, []domain.Delivery{confirmed}, false},
		{"the target is to be cleared", func(m *Machine) { m.Spec.Deliveries, m.Deliveries[0] = nil, leaves },
			[]domain.Delivery{leaves}, true},
		{"the target is not known any more", func(m *Machine) { m.Spec.Deliveries, m.Deliveries = nil, nil }, nil,
			true},
		{"on the way to the end", func(m *Machine) { m.Mode = Retiring }, nil, false},
	} {
		m := serving(func(m *Machine) { m.Deliveries = []domain.Delivery{behind} })
		c.change(m)
		m.Running = []Action{deliver("v1")}
		before := m.Reads
		m.Delivered(deliver("v1"), epoch.In(time.FixedZone("", 3600)))
		require.ElementsMatch(t, c.want, m.Deliveries, c.name)
		require.Equal(t, c.stale, m.Stale, c.name)
		require.Greater(t, m.Reads, before, "%s: what was read meanwhile may be older", c.name)
		require.Empty(t, m.Running, c.name)
	}
}

// Deliveries are as urgent as the attempt until all targets have the certificate and none other is obtained.
func TestDeliveredEndsTheUrgency(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(m *Machine)
		want   int
	}{
		{"all have it", func(*Machine) {}, 0},
		{"another is behind", func(m *Machine) {
			m.Spec.Deliveries = []string{"t1", "t2"}
			m.Deliveries = append(m.Deliveries, domain.Delivery{Target: "t2"})
		}, domain.PriorityUrgent},
		{"the next is obtained", func(m *Machine) { m.Attempt = &Attempt{Stage: StepObtain} }, domain.PriorityUrgent},
	} {
		m := serving(func(m *Machine) { m.Priority, m.Deliveries[0].Version = domain.PriorityUrgent, "v0" })
		c.change(m)
		m.Delivered(deliver("v1"), epoch)
		require.Equal(t, c.want, m.Priority, c.name)
	}
}

// A target that was cleared is forgotten, and begins from nothing where the spec names it by now.
func TestRemoved(t *testing.T) {
	t.Parallel()
	m := serving(func(m *Machine) {
		m.Spec.Deliveries, m.Deliveries[0].Removing, m.Running = []string{"t2"}, true, []Action{remove}
	})
	m.Deliveries = append(m.Deliveries, domain.Delivery{Target: "t2", Version: "v1", Contacted: true})
	before := m.Reads
	m.Removed(remove)
	require.Equal(t, []domain.Delivery{{Target: "t2", Version: "v1", Contacted: true}}, m.Deliveries)
	require.Empty(t, m.Running)
	require.Greater(t, m.Reads, before)

	m = serving(func(m *Machine) { m.Running = []Action{remove} })
	m.Removed(remove)
	require.Equal(t, []domain.Delivery{{Target: "t1"}}, m.Deliveries)
}

// A failure stands at the target if what failed there is tried again: not that of an outgrown version, nor that of a
// delivery where the target is to be cleared by now, or the other way round.
func TestDecidedAboutATarget(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name            string
		failed          Action
		removing, gone  bool
		stands, rereads bool
	}{
		{"a delivery", deliver("v1"), false, false, true, false},
		{"a delivery of an outgrown version", deliver("v0"), false, false, false, false},
		{"a delivery, to be cleared by now", deliver("v1"), true, false, false, true},
		{"a delivery to a target that is gone", deliver("v1"), true, true, false, true},
		{"a removal", remove, true, false, true, false},
		{"a removal, to be delivered by now", remove, false, false, false, true},
		{"a removal from a target that is gone", remove, true, true, false, false},
	} {
		m := serving(func(m *Machine) {
			m.Failed = []FailedAction{{Action: c.failed}}
			if m.Deliveries[0].Removing = c.removing; c.removing {
				m.Spec.Deliveries = nil
			}
			if c.gone {
				m.Deliveries = nil
			}
		})
		before := m.Reads
		m.Decided(Action{Step: StepRecordFailure}, domain.Decision{Failure: *failing(time.Minute)})
		d := m.delivery("t1")
		require.Equal(t, c.stands, d != nil && d.Failure != nil, c.name)
		require.Equal(t, c.gone, d == nil, c.name)
		require.Equal(t, c.rereads, m.Stale, c.name)
		require.Greater(t, m.Reads, before, c.name)
		require.Empty(t, m.Failed, c.name)
		require.Nil(t, m.Failure, c.name)
	}
}

// A revocation's failure stands at the revocation, if that is still to be done.
func TestDecidedAboutARevocation(t *testing.T) {
	t.Parallel()
	m := serving(func(m *Machine) {
		m.Record.Revocations = append(pending("v0", nil), pending("v1", nil)...)
		m.Failed = []FailedAction{{Action: Action{Step: StepRevoke, Version: "v1"}},
			{Action: Action{Step: StepRevoke, Version: "gone"}}}
	})
	m.Decided(Action{}, domain.Decision{Failure: *failing(time.Minute)})
	require.Nil(t, m.Record.Revocations[0].Failure)
	require.Equal(t, failing(time.Minute), m.Record.Revocations[1].Failure)
	m.Decided(Action{}, domain.Decision{Failure: *failing(time.Hour)})
	require.Equal(t, failing(time.Minute), m.Record.Revocations[1].Failure)
	require.Empty(t, m.Failed)
	require.False(t, m.Stale)
	require.Nil(t, m.Failure)
}
