package sweeping

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"golang.org/x/sync/errgroup"

	"everleaf/adapters/activities"
	"everleaf/domain"
	"everleaf/ports"
)

// SweepRecords removes the DNS records of orders that nobody works on any more, with the solver that puts them there.
// What was removed is forgotten, so a repetition goes on where a killed try was. An order whose records stay is
// counted, and the next sweep tries it again: a zone that is down holds up nobody else's, since its solver soon answers
// for it at once.
func (a *Activities) SweepRecords(ctx context.Context, in ports.SweepRecordsInput) (ports.SweepRecordsOutput, error) {
	ctx, progress := activities.Beat(ctx, activities.Heartbeat, struct{}{})
	defer progress.Stop()
	out := ports.SweepRecordsOutput{Page: ports.PageState{After: in.After}}
	i := slices.IndexFunc(a.Solvers, func(s ports.Solver) bool { return s.Type() == domain.ChallengeDNS01 })
	if i < 0 {
		return out, domain.NewFault(domain.FaultOperator, domain.ReasonUnknownSolver, nil,
			"challenge %q: this worker has no solver for it, which removes forgotten DNS records",
			domain.ChallengeDNS01)
	}
	s := &removal{solver: a.Solvers[i], bound: a.pace.removal}
	for until := a.Clock.Now().Add(a.pace.budget); !out.Page.Done; {
		now := a.Clock.Now() // of this page: what began its next attempt since the walk did is nobody's orphan
		if !now.Before(until) {
			break
		}
		orphans, err := a.Records.OrphanedOrders(ctx, now, out.Page.After, a.pace.removals)
		if err != nil {
			return ports.SweepRecordsOutput{}, fmt.Errorf("read which orders left DNS records: %w", err)
		}
		all, pageCtx := errgroup.WithContext(ctx)
		for _, orderID := range orphans {
			all.Go(func() error { return s.one(pageCtx, orderID) })
		}
		if err := all.Wait(); err != nil {
			return ports.SweepRecordsOutput{}, err
		}
		if len(orphans) > 0 {
			out.Page.After = orphans[len(orphans)-1]
		}
		out.Page.Done = len(orphans) < a.pace.removals
	}
	out.Cleaned, out.Failed = s.cleaned, s.failed
	return out, nil
}

// removal is one step's walk.
type removal struct {
	solver ports.Solver
	// bound is how long one order's records may take.
	bound time.Duration

	mu              sync.Mutex
	cleaned, failed int
}

// one removes one order's records. Its error is the end of the step's own context.
func (r *removal) one(ctx context.Context, orderID string) error {
	cleanCtx, cancel := context.WithTimeout(ctx, r.bound)
	defer cancel()
	err := r.solver.CleanUp(cleanCtx, orderID)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		r.cleaned++
		return nil
	}
	fault := domain.AsFault(err)
	r.failed++
	activity.GetLogger(ctx).Warn("DNS records stay until the next sweep", "order", orderID, "reason", fault.Reason,
		"error", err)
	return nil
}
