package lifecycle

import (
	"slices"

	"everleaf/domain"
)

// merge takes over how the stored record's targets stand.
func (m *Machine) merge(stored []domain.Delivery) {
	deliveries := slices.Clone(stored)
	for i := range deliveries {
		d := &deliveries[i]
		d.Contacted = true
		old := m.delivery(d.Target)
		if old == nil {
			d.Removing = !m.named(d.Target)
			if d.Failure != nil && d.Removing != (d.Failure.Step == string(StepRemove)) {
				d.Failure = nil // of what is not tried again
			}
			continue
		}
		d.Removing = old.Removing
		if old.Version == d.Version {
			d.Failure = latestFailure(old.Failure, d.Failure)
		}
	}
	for _, old := range m.Deliveries { // those that were not contacted are not stored
		if !old.Contacted && !slices.ContainsFunc(deliveries,
			func(d domain.Delivery) bool { return d.Target == old.Target }) {
			deliveries = append(deliveries, old)
		}
	}
	m.Deliveries = deliveries
}

// reconcile matches the targets with what the spec names: new ones are added, those that it does not name are removed,
// and one that was never contacted is forgotten.
func (m *Machine) reconcile() {
	leaves := m.Mode == Retiring || m.Mode == Retired || m.cancelled()
	m.Deliveries = slices.DeleteFunc(m.Deliveries, func(d domain.Delivery) bool {
		busy := m.busy(Action{Step: StepDeliver, Target: d.Target})
		return !m.named(d.Target) && !busy && (uncontacted(&d) || leaves)
	})
	for i := range m.Deliveries {
		d := &m.Deliveries[i]
		removing := !m.named(d.Target) && !leaves
		if removing != d.Removing {
			d.Removing, d.Failure = removing, nil
			if !removing {
				d.Version = "" // what a removal has begun is not known
			}
		}
	}
	if m.Mode != Active {
		return
	}
	for _, target := range m.Spec.Deliveries {
		if m.delivery(target) == nil {
			m.Deliveries = append(m.Deliveries, domain.Delivery{Target: target})
		}
	}
}

// uncontacted reports whether the certificate was never at the target, as far as is known.
func uncontacted(d *domain.Delivery) bool {
	return d == nil || !d.Contacted && d.Version == ""
}

// listed are the targets that callers see: one that the spec does not name any more is forgotten while the first try
// there is still at work, and comes back only if it was contacted.
func (m *Machine) listed() []domain.Delivery {
	return slices.DeleteFunc(slices.Clone(m.Deliveries),
		func(d domain.Delivery) bool { return d.Removing && uncontacted(&d) })
}

// named reports whether the target is to have the certificate.
func (m *Machine) named(target string) bool {
	return m.Mode == Active && slices.Contains(m.Spec.Deliveries, target)
}
