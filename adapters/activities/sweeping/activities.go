// Package sweeping holds the steps of a sweep that contact CAs, DNS zones and key services, on the authorization queue.
package sweeping

import (
	"time"

	"go.temporal.io/sdk/worker"

	"everleaf/adapters/activities"
	"everleaf/ports"
)

// Params are the ports that the steps call; none may be nil.
type Params struct {
	Advice   ports.Advice
	Backlog  ports.Backlog
	Issuers  ports.Issuers
	Notifier ports.Notifier
	Resealer ports.Resealer
	Records  ports.DNSRecords
	// Solvers are those of the worker; the one for dns-01 removes what orders have left in DNS.
	Solvers  []ports.Solver
	Clock    ports.Clock
	Rand     ports.Rand
	Observer ports.Observer
}

// Activities holds the steps. Between calls it knows nothing.
type Activities struct {
	Params
	pace pace
}

// pace holds the limits of a sweep.
type pace struct {
	// page is how many certificates are read at once, together how many questions one CA gets at once.
	page, together int
	// advice bounds one question.
	advice time.Duration
	// pageLimit is how long a page waits for a CA that is slow; what was not asked by then is due again at the next
	// sweep.
	pageLimit time.Duration
	// failures in a row are how many a CA may have before it is left alone until the next step.
	failures int
	// removals is how many orders' DNS records are removed at once.
	removals int
	// removal bounds those of one order: well over a zone's time-out, of which an order may need several.
	removal time.Duration
	// budget is how long a step goes on, so that few steps do a large fleet.
	budget time.Duration
}

var defaultPace = pace{
	page: 500, together: 16, advice: 10 * time.Second, pageLimit: 30 * time.Second, failures: 10, removals: 8,
	removal: time.Minute, budget: 2 * time.Minute,
}

// New makes the steps.
func New(p Params) *Activities { return &Activities{Params: p, pace: defaultPace} }

// Register makes the steps known to a worker on the authorization queue.
func Register(r worker.ActivityRegistry, a *Activities) {
	activities.Register(r, ports.BeginSweep, a.BeginSweep)
	activities.Register(r, ports.SweepRenewals, a.SweepRenewals)
	activities.Register(r, ports.ResealSecrets, a.ResealSecrets)
	activities.Register(r, ports.SweepRecords, a.SweepRecords)
}
