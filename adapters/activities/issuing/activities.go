package issuing

import (
	"context"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/worker"
	"golang.org/x/sync/singleflight"

	"everleaf/domain"
	"everleaf/ports"
)

// Params are the ports that the steps call.
type Params struct {
	Orders       ports.Orders
	Certificates ports.Certificates
	Issuers      ports.Issuers
	Keys         ports.Keys
	Sealer       ports.Sealer
	Deliveries   ports.Deliveries
	Targets      ports.Targets
	Advice       ports.Advice
	Backlog      ports.Backlog
	Notifier     ports.Notifier
	Validations  ports.Validations
	// Resealer is nil where nothing is sealed anew.
	Resealer ports.Resealer
	// Records is nil where no DNS records are removed.
	Records  ports.DNSRecords
	Solvers  []ports.Solver
	Clock    ports.Clock
	Dice     ports.Dice
	Observer ports.Observer
}

// Activities holds the steps. Between calls it knows only which PlaceOrder is running and what it could not
// store.
type Activities struct {
	Params
	solvers map[domain.ChallengeType]ports.Solver
	pace    pace
	sweep   sweepPace
	placing singleflight.Group
	// unstored are orders that the CA has placed and Postgres does not have yet, by our ID.
	unstored sync.Map
}

// New makes the steps.
func New(p Params) *Activities {
	a := &Activities{Params: p, solvers: map[domain.ChallengeType]ports.Solver{}, pace: defaultPace, sweep: defaultSweepPace}
	if a.Observer == nil {
		a.Observer = unobserved{}
	}
	for _, s := range p.Solvers {
		a.solvers[s.Type()] = s
	}
	return a
}

// RegisterShort makes the steps known that workflows run in their own workflow tasks, on the queue of the workflows.
// AuthorizeOrder is there too: workflows that began before the authorization queue was have scheduled it there.
func RegisterShort(r worker.ActivityRegistry, a *Activities) {
	register(r, ports.PlaceOrder, a.PlaceOrder)
	register(r, ports.AuthorizeOrder, a.AuthorizeOrder)
	register(r, ports.FinalizeOrder, a.FinalizeOrder)
	register(r, ports.PlanRenewal, a.PlanRenewal)
	register(r, ports.RecordFailure, a.RecordFailure)
	register(r, ports.RecordReleased, a.RecordReleased)
	register(r, ports.RecordRevoking, a.RecordRevoking)
	register(r, ports.RecordUndelivered, a.RecordUndelivered)
	register(r, ports.RecordChange, a.RecordChange)
}

// RegisterLong makes the steps known that wait for the CA, on the authorization queue.
func RegisterLong(r worker.ActivityRegistry, a *Activities) {
	register(r, ports.ObtainCertificate, a.ObtainCertificate)
	register(r, ports.AuthorizeOrder, a.AuthorizeOrder)
	register(r, ports.RevokeCertificate, a.RevokeCertificate)
	register(r, ports.BeginSweep, a.BeginSweep)
	register(r, ports.SweepRenewals, a.SweepRenewals)
	register(r, ports.ResealSecrets, a.ResealSecrets)
	register(r, ports.SweepRecords, a.SweepRecords)
}

// RegisterDelivery makes the steps known that meet targets, on the delivery queues.
func RegisterDelivery(r worker.ActivityRegistry, a *Activities) {
	register(r, ports.DeliverCertificate, a.DeliverCertificate)
	register(r, ports.RemoveDelivery, a.RemoveDelivery)
	register(r, ports.SweepDeliveries, a.SweepDeliveries)
}

// Summarizer is a registry that also wants to know what each step does, in a few words.
type Summarizer interface{ Summarize(step, summary string) }

// register joins a step's contract to its function, so that the compiler checks both, and classifies its errors.
func register[In, Out any](r worker.ActivityRegistry, step ports.Step[In, Out], run func(context.Context, In) (Out, error)) {
	if s, ok := r.(Summarizer); ok {
		s.Summarize(step.Name, step.Summary)
	}
	r.RegisterActivityWithOptions(func(ctx context.Context, in In) (Out, error) {
		out, err := run(ctx, in)
		return out, classify(ctx, err)
	}, activity.RegisterOptions{Name: step.Name})
}

// pace holds how long a step waits in place before it hands the wait to the workflow.
type pace struct {
	// heartbeat is the interval of heartbeats, well under the heartbeat timeout.
	heartbeat time.Duration
	// check is the first pause between looks at a challenge from our side, checkMax the longest.
	check, checkMax time.Duration
	// first is the pause between telling the CA of a challenge and the first look: a look that comes too early costs
	// the Retry-After of its answer.
	first time.Duration
	// poll is the first pause between looks at the CA when it names none, pollMax the longest; toldMax bounds what it
	// names, well under the step's time-out.
	poll, pollMax, toldMax time.Duration
	// finalize is how long FinalizeOrder waits in place: well under a workflow task's 10 s.
	finalize time.Duration
	// cleanUp bounds the removal of challenges after the step's own context ended.
	cleanUp time.Duration
	// advice bounds the question when to renew.
	advice time.Duration
}

var defaultPace = pace{
	heartbeat: 4 * time.Second, check: time.Second, checkMax: 5 * time.Second,
	first: 250 * time.Millisecond, poll: 500 * time.Millisecond, pollMax: 30 * time.Second, toldMax: 5 * time.Minute, finalize: 5 * time.Second, cleanUp: 10 * time.Second, advice: 5 * time.Second,
}

// wait sleeps in place for d or until ctx ends.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// pauseOr is what the CA asked for, else fallback, at most limit.
func pauseOr(asked, fallback, limit time.Duration) time.Duration {
	if asked <= 0 {
		asked = fallback
	}
	return min(asked, limit)
}
