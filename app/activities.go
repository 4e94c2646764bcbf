package app

import (
	"go.uber.org/fx"

	"everleaf/adapters/activities/delivering"
	"everleaf/adapters/activities/issuing"
	"everleaf/adapters/activities/sweeping"
	"everleaf/adapters/caller"
	"everleaf/ports"
)

// work is what the roles' workers run; what no role of the process needs is nil.
type work struct {
	fx.In
	Issuing    *issuing.Activities    `optional:"true"`
	Sweeping   *sweeping.Activities   `optional:"true"`
	Delivering *delivering.Activities `optional:"true"`
	Caller     *caller.Client
}

// provideActivities makes the steps, and all that they need, only for the roles that run them: a process that only
// delivers has no CA.
func provideActivities(config Config) fx.Option {
	var made []fx.Option
	if len(config.issuing()) > 0 {
		made = append(made, fx.Provide(newIssuing, newSweeping))
	}
	if config.has(RoleDelivery) {
		made = append(made, fx.Provide(newDelivering))
	}
	return fx.Options(made...)
}

// solvers join by being in the group.
type solvers struct {
	fx.In
	All []ports.Solver `group:"solvers"`
}

func newIssuing(orders ports.Orders, certificates ports.Certificates, deliveries ports.Deliveries,
	validations ports.Validations,
	issuers ports.Issuers, solvers solvers, keys ports.Keys, clock ports.Clock, random ports.Rand,
	observer ports.Observer, processes ports.Processes,
) *issuing.Activities {
	return issuing.New(issuing.Params{
		Orders: orders, Certificates: certificates, Deliveries: deliveries, Validations: validations, Issuers: issuers,
		Solvers: solvers.All,
		Keys:    keys, Clock: clock, Rand: random, Observer: observer, Processes: processes,
	})
}

func newSweeping(advice ports.Advice, backlog ports.Backlog, issuers ports.Issuers, notifier ports.Notifier,
	resealer ports.Resealer,
	records ports.DNSRecords, solvers solvers, clock ports.Clock, random ports.Rand, observer ports.Observer,
) *sweeping.Activities {
	return sweeping.New(sweeping.Params{
		Advice: advice, Backlog: backlog, Issuers: issuers, Notifier: notifier, Resealer: resealer, Records: records,
		Solvers: solvers.All,
		Clock:   clock, Rand: random, Observer: observer,
	})
}

func newDelivering(deliveries ports.Deliveries, targets ports.Targets, keys ports.Keys, notifier ports.Notifier,
	processes ports.Processes, clock ports.Clock, observer ports.Observer,
) *delivering.Activities {
	return delivering.New(delivering.Params{
		Deliveries: deliveries, Targets: targets, Keys: keys, Notifier: notifier, Processes: processes,
		Clock: clock, Observer: observer,
	})
}
