package ops

import (
	"context"
	"sync"
	"time"
)

const (
	// checkBound is what one look at one check may take.
	checkBound = 3 * time.Second
	// checkFresh is how long a look counts: however many probe, and however often, it costs one look in that time.
	checkFresh = time.Second
)

// panel looks at all checks side by side and remembers for a moment what it saw.
type panel struct {
	probes       []*probe
	bound, fresh time.Duration

	mu    sync.Mutex
	seen  []result
	at    time.Time
	round chan struct{} // closed when the round that is under way has ended
}

func newPanel(checks []Check, bound, fresh time.Duration) *panel {
	p := &panel{bound: bound, fresh: fresh}
	for _, check := range checks {
		p.probes = append(p.probes, &probe{check: check})
		p.seen = append(p.seen, result{name: check.Name, detail: "not looked at yet"})
	}
	return p
}

// results are those of a look that is fresh, or of a new one, which all who ask in the meantime share. A new look takes
// as long as the slowest check, at most its bound. When ctx ends first, the last results are good enough.
func (p *panel) results(ctx context.Context) []result {
	if len(p.probes) == 0 {
		return nil
	}
	p.mu.Lock()
	if !p.at.IsZero() && time.Since(p.at) < p.fresh {
		defer p.mu.Unlock()
		return p.seen
	}
	if p.round == nil {
		p.round = make(chan struct{})
		go p.look() // by itself: one prober that gives up must not change the answer for the others
	}
	round := p.round
	p.mu.Unlock()
	select {
	case <-round:
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen
}

func (p *panel) look() {
	seen := make([]result, len(p.probes))
	var all sync.WaitGroup
	for i, probe := range p.probes {
		all.Go(func() { seen[i] = probe.look(p.bound) })
	}
	all.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen, p.at = seen, time.Now()
	close(p.round)
	p.round = nil
}
