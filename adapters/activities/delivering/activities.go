// Package delivering holds the steps of the delivery queues: they contact targets.
package delivering

import (
	"go.temporal.io/sdk/worker"

	"everleaf/adapters/activities"
	"everleaf/ports"
)

// Params are the ports that the steps call; none may be nil.
type Params struct {
	Deliveries ports.Deliveries
	Targets    ports.Targets
	Keys       ports.Keys
	Notifier   ports.Notifier
	Processes  ports.Processes
	Clock      ports.Clock
	Observer   ports.Observer
}

// Activities holds the steps. Between calls it knows nothing.
type Activities struct{ Params }

// New makes the steps.
func New(p Params) *Activities { return &Activities{Params: p} }

// Register makes the steps known to a worker on a delivery queue.
func Register(r worker.ActivityRegistry, a *Activities) {
	activities.Register(r, ports.DeliverCertificate, a.DeliverCertificate)
	activities.Register(r, ports.RemoveDelivery, a.RemoveDelivery)
	activities.Register(r, ports.SweepDeliveries, a.SweepDeliveries)
}
