package lifecycle

import (
	"slices"

	"everleaf/domain"
)

// merge takes over how the stored record's targets stand.
func (m *Machine) merge(stored []domain.Delivery) {
	deliveries := slices.Clone(stored)
	for i := range deliveries {
		old := m.delivery(deliveries[i].Target)
		if old == nil {
			continue
		}
		deliveries[i].Removing = old.Removing
		if deliveries[i].Failure == nil && old.Version == deliveries[i].Version {
			deliveries[i].Failure = old.Failure
		}
	}
	for _, old := range m.Deliveries { // those that have not met the certificate are not stored
		if !old.Met && !slices.ContainsFunc(deliveries, func(d domain.Delivery) bool { return d.Target == old.Target }) {
			deliveries = append(deliveries, old)
		}
	}
	m.Deliveries = deliveries
}

// reconcile matches the targets with what the spec names: new ones are added, those that it does not name are removed,
// and one that never met the certificate is forgotten.
func (m *Machine) reconcile() {
	named := func(target string) bool { return m.Mode == Active && slices.Contains(m.Spec.Deliveries, target) }
	m.Deliveries = slices.DeleteFunc(m.Deliveries, func(d domain.Delivery) bool {
		busy := m.busy(Action{Step: StepDeliver, Target: d.Target})
		return !named(d.Target) && !busy && (!d.Met && d.Version == "" || m.Mode == Retiring || m.Mode == Retired)
	})
	for i := range m.Deliveries {
		d := &m.Deliveries[i]
		removing := !named(d.Target) && m.Mode != Retiring && m.Mode != Retired
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
