package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"everleaf/domain"
	"everleaf/ports"
)

// PlanAction is what a plan does with a certificate.
type PlanAction string

const (
	// PlanCreate: it is asked for the first time. PlanResume: it was kept before, and no workflow keeps it.
	PlanCreate PlanAction = "create"
	PlanResume PlanAction = "resume"
	// PlanChange: its spec is another one.
	PlanChange PlanAction = "change"
	// PlanWait: it is asked for as the file says, and not in service yet.
	PlanWait PlanAction = "wait"
	// PlanUnchanged: it is as the file says.
	PlanUnchanged PlanAction = "unchanged"
	// PlanRetire: the file does not list it any more.
	PlanRetire PlanAction = "retire"
)

// Planned is one certificate of a plan.
type Planned struct {
	Name   string     `json:"name"`
	Action PlanAction `json:"action"`
	// Issues reports whether a certificate is obtained for it.
	Issues  bool     `json:"issues"`
	Changes []string `json:"changes,omitempty"`
	// Done reports whether it was carried out, and Fault why not.
	Done  bool   `json:"done,omitempty"`
	Fault *Fault `json:"error,omitempty"`

	spec, before Spec
	generation   int64
}

// Plan is what brings certificates to what a file says, in order of name, those to retire at the end.
type Plan struct {
	Fleet        string    `json:"fleet,omitempty"`
	Certificates []Planned `json:"certificates"`
	// kept counts the fleet's certificates that are kept now.
	kept int
}

// Count is how many certificates the plan does this with.
func (p Plan) Count(action PlanAction) (n int) {
	for _, c := range p.Certificates {
		if c.Action == action {
			n++
		}
	}
	return n
}

// Check refuses a plan with what none of the processes on the task queue could carry out.
func (p Plan) Check(processes []Process, queue string) error {
	for _, c := range p.Certificates {
		if c.Action == PlanCreate || c.Action == PlanResume || c.Action == PlanChange {
			if err := CheckConfigured(processes, queue, c.spec, c.before); err != nil {
				return fmt.Errorf("certificate %q: %w", c.Name, err)
			}
		}
	}
	return nil
}

// Retired is how many certificates were retired.
func (p Plan) Retired() (n int) {
	for _, c := range p.Certificates {
		if c.Action == PlanRetire && c.Done {
			n++
		}
	}
	return n
}

// RetiresMost reports whether more than half of the fleet would be retired: a file that was cut off would do that.
func (p Plan) RetiresMost() bool { return 2*p.Count(PlanRetire) > p.kept }

// PlanFleet compares a file with what there is. It looks at so many certificates at a time, and changes nothing. One
// that another fleet has is a Spec fault "OtherFleet". Without pruned, nothing is retired; otherwise it lists what the
// fleet has. What somebody has retired already is left to that.
func PlanFleet(ctx context.Context, file Fleet, parallel int, find func(ctx context.Context, name string) (Held, error),
	pruned func(ctx context.Context, fleet string) ([]Record, error)) (Plan, error) {
	names := slices.Sorted(maps.Keys(file.Specs))
	plan := Plan{Fleet: file.Name, Certificates: make([]Planned, len(names))}
	group, looking := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for i, name := range names {
		group.Go(func() (err error) {
			held, err := find(looking, name)
			if err != nil {
				return fmt.Errorf("certificate %q: %w", name, err)
			}
			plan.Certificates[i], err = planned(name, file.Specs[name], held)
			return err
		})
	}
	if err := group.Wait(); err != nil || pruned == nil {
		return plan, err
	}
	records, err := pruned(ctx, file.Name)
	if err != nil {
		return plan, err
	}
	for _, record := range records {
		if record.Retirement != "" { // asked for again, it would leave the certificate where it is being cleared
			continue
		}
		plan.kept++
		if _, listed := file.Specs[record.Name]; !listed {
			plan.Certificates = append(plan.Certificates, Planned{Name: record.Name, Action: PlanRetire})
		}
	}
	return plan, nil
}

func planned(name string, spec Spec, held Held) (Planned, error) {
	p := Planned{Name: name, spec: spec, before: held.Spec, generation: held.Generation,
		Issues: !spec.FulfilledBy(held.Status.Issued)}
	if other := held.Spec.Fleet; other != "" && other != spec.Fleet {
		return p, domain.NewFault(domain.FaultSpec, domain.ReasonOtherFleet, nil,
			"certificate %q: it belongs to the fleet %q: take it out of one of the files, or change its fleet first (cert spec, "+
				"cert ensure --spec)", name, other)
	}
	if held.Known {
		p.Changes = held.Spec.Changes(spec)
	}
	switch {
	case !held.Known:
		p.Action = PlanCreate
	case !held.Kept:
		p.Action, p.Issues = PlanResume, issues(held, spec)
	case len(p.Changes) > 0:
		p.Action = PlanChange
	case held.Status.Phase != domain.PhaseReady:
		p.Action = PlanWait
	default:
		p.Action, p.Issues = PlanUnchanged, false
	}
	return p, nil
}

// Apply carries the plan out, so many certificates at a time, each for this long at most; their workflows go on after
// it. report is called with each that is done, or failed, one at a time. Certificates are retired last, and none is if
// another failed: what replaces it may not be in service. Nor is one that another fleet has by then, or that somebody
// has retired meanwhile. Applied again, it goes on.
func (p *Plan) Apply(ctx context.Context, keeper Editor, parallel int, each time.Duration,
	find func(ctx context.Context, name string) (Held, error), report func(Planned, Status)) (failed int) {
	var mu sync.Mutex
	run := func(actions []PlanAction, call func(ctx context.Context, c Planned) (Status, error)) {
		var group errgroup.Group
		group.SetLimit(parallel)
		for i := range p.Certificates {
			c := &p.Certificates[i]
			if !slices.Contains(actions, c.Action) {
				continue
			}
			group.Go(func() error {
				bounded, cancel := context.WithTimeout(ctx, each)
				defer cancel()
				status, err := call(bounded, *c)
				mu.Lock()
				defer mu.Unlock()
				if c.Done = err == nil; err != nil {
					c.Fault = faultOf(err, c.Name, each)
					failed++
				}
				report(*c, status)
				return nil
			})
		}
		_ = group.Wait() // nothing in it returns an error
	}
	run([]PlanAction{PlanCreate, PlanResume, PlanChange, PlanWait},
		func(ctx context.Context, c Planned) (Status, error) {
			return keeper.EnsureWith(ctx, c.Name, ports.EnsureRequest{Spec: c.spec, ExpectedGeneration: &c.generation})
		})
	if failed > 0 {
		return failed
	}
	run([]PlanAction{PlanRetire}, func(ctx context.Context, c Planned) (Status, error) {
		held, err := find(ctx, c.Name)
		if err != nil {
			return Status{}, err
		}
		if held.Status.Phase == domain.PhaseRetiring {
			return held.Status, nil
		}
		if held.Known && held.Spec.Fleet != p.Fleet {
			return Status{}, domain.NewFault(domain.FaultSpec, domain.ReasonOtherFleet, nil,
				"certificate %q: it has left the fleet %q since the plan was made: it is not retired", c.Name, p.Fleet)
		}
		return keeper.Retire(ctx, c.Name, RetireRequest{Note: "not in the file of the fleet " + p.Fleet + " any more"})
	})
	return failed
}

func faultOf(err error, name string, each time.Duration) *Fault {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return domain.NewFault(domain.FaultWait, domain.ReasonNoAnswer, nil,
			"no result after %s; the workflow %s goes on", each,
			WorkflowID(name))
	case errors.Is(err, context.Canceled):
		return domain.NewFault(domain.FaultWait, domain.ReasonNoAnswer, nil, "interrupted; what was begun goes on")
	default:
		fault := *domain.AsFault(err)
		fault.Message = err.Error()
		return &fault
	}
}
