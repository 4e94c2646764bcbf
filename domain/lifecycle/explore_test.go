package lifecycle

import (
	"flag"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"everleaf/domain"
)

// progressEvery is after how many events there is word of progress.
const progressEvery = 500_000

var (
	depth = flag.Int("explore.depth", 2, "explore so many deviations from the way on which all goes well")
	probe = flag.Int("explore.probe", 32, "try out to the end what follows from each how many worlds; 0 is from none")
)

// origins are the worlds from which the explorer sets out, with how they came about.
var origins = map[string][]string{
	"new":        {},
	"asked":      {"ensure B with the start"},
	"in service": inService,
	"failing":    then(inService, "time passes", "ReserveOrder ok", "ObtainCertificate lost", "RecordFailure ok"),
	"limited": then(inService, "renew", "RecordRequest ok", "ReserveOrder ok", "ObtainCertificate limited",
		"RecordFailure ok"),
	"changing": then(inService, "ensure B", "RecordRequest ok", "ReserveOrder ok"),
	"revoking": then(inService, "revoke", "RecordRequest ok", "ReserveOrder ok", "ObtainCertificate ok",
		"DeliverCertificate t1 lost", "RecordFailure t1 ok"),
	"clearing":  then(inService, "retire and clear", "RecordRequest ok"),
	"releasing": then(inService, "retire", "RecordRequest ok"),
	"revoked": then(inService, "revoke now", "RecordRequest ok", "RevokeCertificate ok", "retire",
		"RecordRequest ok"),
}

var inService = []string{"RecordRequest ok", "ReserveOrder ok", "ObtainCertificate ok", "DeliverCertificate t1 ok"}

func then(first []string, more ...string) []string {
	return append(append([]string{}, first...), more...)
}

// origin is the world after what is named has happened.
func origin(events []string, broken *tamper) (*world, error) {
	w := begin(specA)
	w.tamper = broken
	if len(events) > 0 && events[0] == "ensure B with the start" {
		w.ask(domain.Request{Kind: domain.RequestEnsure, Spec: &specB})
		events = events[1:]
	}
	if err := w.settle(); err != nil {
		return w, err
	}
	for _, name := range events {
		if err := w.happen(name); err != nil {
			return w, err
		}
	}
	return w, nil
}

// node is a visited world, with the way to it. The cost is the number of deviations from the way on which all goes
// well.
type node struct {
	parent *node
	event  string
	cost   int
	world  *world
	key    uint64
}

func (n *node) trace() string {
	var events []string
	for ; n.parent != nil; n = n.parent {
		events = append(events, n.event)
	}
	slices.Reverse(events)
	return n.event + ":\n  " + strings.Join(events, "\n  ")
}

// explorer visits all worlds that can be reached with so many deviations, those with few first. Worlds that are alike
// are visited once.
type explorer struct {
	seen   map[uint64]int // the cost
	layers [][]*node      // those that are still to be looked at, by cost
	// maxCost is how far it goes, states and events are what it has seen.
	maxCost, states, events int
	// probe is from each how many worlds what follows is tried out to the end.
	probe int
	// progress is called now and then.
	progress func()
}

func newExplorer(maxCost int, broken *tamper) (*explorer, error) {
	e := &explorer{seen: map[uint64]int{}, maxCost: maxCost, progress: func() {}}
	for _, name := range slices.Sorted(maps.Keys(origins)) {
		w, err := origin(origins[name], broken)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		e.push(&node{event: name, world: w, key: w.key()})
	}
	return e, nil
}

func (e *explorer) push(n *node) {
	for len(e.layers) <= n.cost {
		e.layers = append(e.layers, nil)
	}
	e.layers[n.cost] = append(e.layers[n.cost], n)
}

// explore returns the way to a broken rule with the fewest deviations, nil without one.
func (e *explorer) explore() (*node, error) {
	for cost := 0; cost < len(e.layers); cost++ {
		for i := 0; i < len(e.layers[cost]); i++ { // free events append to the layer at hand
			if n, err := e.expand(e.layers[cost][i]); err != nil {
				return n, err
			}
			e.layers[cost][i] = nil
		}
	}
	return nil, nil
}

// expand visits all worlds that are one event away.
func (e *explorer) expand(n *node) (*node, error) {
	if e.seen[n.key] < n.cost {
		n.world = nil
		return nil, nil // there was a shorter way
	}
	for _, event := range n.world.events() {
		next := &node{parent: n, event: event.name, cost: n.cost}
		if !event.free {
			next.cost++
		}
		if next.cost > e.maxCost {
			continue
		}
		if e.events++; e.events%progressEvery == 0 {
			e.progress()
		}
		next.world = n.world.clone()
		event.do(next.world)
		if err := next.world.settle(); err != nil {
			return next, err
		}
		if n, err := e.visit(next); err != nil {
			return n, err
		}
	}
	n.world = nil // worlds, not ways, are what takes memory
	return nil, nil
}

func (e *explorer) visit(n *node) (*node, error) {
	n.key = n.world.key()
	cost, seen := e.seen[n.key]
	if seen && cost <= n.cost {
		return nil, nil
	}
	e.seen[n.key] = n.cost
	if !seen {
		e.states++
		if e.probe > 0 && e.states%e.probe == 0 {
			if err := n.world.probe(); err != nil {
				return n, err
			}
		}
	}
	if n.cost == e.maxCost { // only what is free follows: it need not be kept for later
		return e.expand(n)
	}
	e.push(n)
	return nil, nil
}

// probe tries out what follows from here: all goes well, or all fails in one way, or the run continues as new.
func (w *world) probe() error {
	if err := w.checkPure(); err != nil {
		return err
	}
	for _, ending := range []string{"ok", "lost", "late", "policy", "undecided", "limited", "broken", "unknown"} {
		if err := w.clone().drain(ending); err != nil {
			return fmt.Errorf("then all steps end with %q: %w", ending, err)
		}
	}
	return w.checkContinued()
}

func TestExplore(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	depth, start := *depth, time.Now()
	if testing.Short() {
		depth = min(depth, 1)
	}
	e, err := newExplorer(depth, nil)
	if err != nil {
		t.Fatal(err)
	}
	e.probe = *probe
	e.progress = func() {
		took := time.Since(start)
		t.Logf("%d states by %d events in %s, %.0f states a second", e.states, e.events, took.Round(time.Millisecond),
			float64(e.states)/took.Seconds())
	}
	if n, err := e.explore(); err != nil {
		t.Fatalf("%v\nby way of %s", err, n.trace())
	}
	e.progress()
	t.Logf("these are all that are at most %d deviations away from when all goes well", depth)
}
