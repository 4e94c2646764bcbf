package lifecycle

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

// The record says how the targets stand. What it has not met is not stored, and a failure of what is not tried again is
// dropped.
func TestTargetsAreThoseOfTheRecord(t *testing.T) {
	t.Parallel()
	by := func(step Step) *domain.Failure {
		return &domain.Failure{RetryAt: epoch.Add(time.Minute), Step: string(step)}
	}
	for _, c := range []struct {
		name                string
		known, stored, want domain.Delivery
	}{
		{"a delivery that failed", domain.Delivery{}, domain.Delivery{Target: "t1", Failure: by(StepDeliver)},
			domain.Delivery{Target: "t1", Contacted: true, Failure: by(StepDeliver)}},
		{"a removal that failed, of what is to be delivered", domain.Delivery{},
			domain.Delivery{Target: "t1", Failure: by(StepRemove)},
			domain.Delivery{Target: "t1", Contacted: true}},
		{"a removal that failed", domain.Delivery{},
			domain.Delivery{Target: "t2", Version: "v1", Failure: by(StepRemove)},
			domain.Delivery{Target: "t2", Version: "v1", Contacted: true, Removing: true, Failure: by(StepRemove)}},
		{"a delivery that failed, to what is to be cleared", domain.Delivery{},
			domain.Delivery{Target: "t2", Version: "v1", Failure: by(StepDeliver)},
			domain.Delivery{Target: "t2", Version: "v1", Contacted: true, Removing: true}},
		{"confirmed since", domain.Delivery{Target: "t1"}, domain.Delivery{Target: "t1", Version: "v1"},
			domain.Delivery{Target: "t1", Version: "v1", Contacted: true}},
		{"never met, and named", domain.Delivery{Target: "t1"}, domain.Delivery{}, domain.Delivery{Target: "t1"}},
		{"met, and not stored: it was cleared", domain.Delivery{Target: "t1", Version: "v1", Contacted: true},
			domain.Delivery{}, domain.Delivery{Target: "t1"}},
	} {
		list := func(d domain.Delivery) []domain.Delivery {
			if d.Target == "" {
				return nil
			}
			return []domain.Delivery{d}
		}
		m := serving(func(m *Machine) { m.Deliveries = list(c.known) })
		record := *m.Record
		record.Deliveries = list(c.stored)
		m.take(Action{}, record)
		got := m.delivery(c.want.Target)
		require.NotNil(t, got, c.name)
		require.Equal(t, c.want, *got, c.name)
		require.Equal(t, list(c.stored), record.Deliveries, "%s: the record is not changed", c.name)
	}
}

// A failure that the policy was not asked about is not stored: it stands as long as the target has the same version.
func TestAnUnstoredFailureStandsAtItsVersion(t *testing.T) {
	t.Parallel()
	unstored := failing(time.Minute)
	unstored.Undecided = true
	for version, want := range map[string]*domain.Failure{"v0": unstored, "v1": nil} {
		m := serving(func(m *Machine) {
			m.Deliveries = []domain.Delivery{{Target: "t1", Version: "v0", Contacted: true, Failure: unstored}}
		})
		record := *m.Record
		record.Deliveries = []domain.Delivery{{Target: "t1", Version: version}}
		m.take(Action{}, record)
		require.Equal(t, want, m.Deliveries[0].Failure, version)
	}
}

// A target that the spec stops to name is cleared, one that never met the certificate is forgotten, and one that is
// named again is delivered to from nothing: what its removal has begun is not known.
func TestTargetsFollowTheSpec(t *testing.T) {
	t.Parallel()
	failed := func(d domain.Delivery) domain.Delivery {
		d.Failure = failing(time.Minute)
		return d
	}
	met := domain.Delivery{Target: "t1", Version: "v1", Contacted: true}
	removing := domain.Delivery{Target: "t1", Version: "v1", Contacted: true, Removing: true}
	busy := func(m *Machine) { m.Running = []Action{deliver("v1")} }
	for _, c := range []struct {
		name   string
		mode   Mode
		named  []string
		target domain.Delivery
		change func(m *Machine)
		want   []domain.Delivery
	}{
		{"named", Active, []string{"t1"}, failed(met), nil, []domain.Delivery{failed(met)}},
		{"one more is named", Active, []string{"t1", "t2"}, met, nil, []domain.Delivery{met, {Target: "t2"}}},
		{"not named any more", Active, nil, failed(met), nil, []domain.Delivery{removing}},
		{"being cleared", Active, nil, failed(removing), nil, []domain.Delivery{failed(removing)}},
		{"named again", Active, []string{"t1"}, failed(removing), nil,
			[]domain.Delivery{{Target: "t1", Contacted: true}}},
		{"never met", Active, nil, domain.Delivery{Target: "t1"}, nil, nil},
		{"never met, and a delivery is at work", Active, nil, domain.Delivery{Target: "t1"}, busy,
			[]domain.Delivery{{Target: "t1", Removing: true}}},
		{"met without a version", Active, nil, domain.Delivery{Target: "t1", Contacted: true}, nil,
			[]domain.Delivery{{Target: "t1", Contacted: true, Removing: true}}},
		{"a version that is not known to be met", Active, nil, domain.Delivery{Target: "t1", Version: "v1"}, nil,
			[]domain.Delivery{{Target: "t1", Version: "v1", Removing: true}}},
		{"retiring leaves it", Retiring, []string{"t1"}, met, nil, nil},
		{"retiring, and a delivery is at work", Retiring, []string{"t1"}, met, busy, []domain.Delivery{met}},
		{"retired leaves it", Retired, []string{"t1"}, met, nil, nil},
		{"cancelled leaves it", Cancelled, []string{"t1"}, removing, nil, nil},
		{"clearing clears it", Clearing, []string{"t1"}, met, nil, []domain.Delivery{removing}},
	} {
		m := serving(func(m *Machine) {
			m.Mode, m.Spec.Deliveries, m.Deliveries = c.mode, c.named, []domain.Delivery{c.target}
		})
		if c.change != nil {
			c.change(m)
		}
		m.reconcile()
		require.ElementsMatch(t, c.want, m.Deliveries, c.name)
	}
}
