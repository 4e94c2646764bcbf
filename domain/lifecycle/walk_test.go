package lifecycle

import (
	"flag"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	walks = flag.Int("explore.walks", 1, "take so many random walks")
	steps = flag.Int("explore.steps", 10_000, "of so many events each")
	seed  = flag.Uint64("explore.seed", 1, "draw the walks from this; 0 takes the clock")
)

// TestWalk takes random walks far beyond what can be explored, with all that follows tried out after each fourth event.
// A walk that breaks a rule is made shorter before it is shown.
func TestWalk(t *testing.T) {
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	steps := *steps
	if testing.Short() {
		steps = min(steps, 1000)
	}
	for i := range *walks {
		seed := *seed + uint64(i)
		start, w := time.Now(), begin(specA)
		way, err := w.walk(rand.New(rand.NewPCG(seed, 0)), steps)
		if err != nil {
			way, err = shorten(way, replay)
			t.Fatalf("seed %d: %v\nby way of:\n  %s", seed, err, strings.Join(way, "\n  "))
		}
		t.Logf("seed %d: %d events, %d certificates, in %s", seed, len(way), w.Next,
			time.Since(start).Round(time.Millisecond))
	}
}

// walk does what is drawn. Most goes well, or little would happen beyond the first failures; and few workflows end at
// once.
func (w *world) walk(rng *rand.Rand, steps int) (way []string, err error) {
	if err := w.settle(); err != nil {
		return nil, err
	}
	for len(way) < steps {
		events := w.events()
		e := events[rng.IntN(len(events))]
		if free := w.free(); free != nil && rng.IntN(3) > 0 {
			e = *free
		}
		if ends := strings.HasSuffix(e.name, "refused") || e.name == "cancel"; ends && rng.IntN(10) > 0 {
			continue
		}
		way = append(way, e.name)
		if err := w.step(e.name, len(way)%4 == 0); err != nil {
			return way, err
		}
	}
	return way, nil
}

// step does what is named. The machine goes on from what JSON keeps of it.
func (w *world) step(name string, probe bool) error {
	if err := w.happen(name); err != nil {
		return err
	}
	if err := w.checkPure(); err != nil {
		return err
	}
	if probe {
		if err := w.probe(); err != nil {
			return err
		}
	}
	w.Machine = w.throughJSON(w.Machine)
	return nil
}

// replay does what can happen of the events. It returns what did happen.
func replay(events []string) (done []string, err error) {
	w := begin(specA)
	if err := w.settle(); err != nil {
		return nil, err
	}
	for _, name := range events {
		if !slices.Contains(w.names(), name) {
			continue
		}
		done = append(done, name)
		if err := w.step(name, true); err != nil {
			return done, err
		}
	}
	return done, nil
}

// shorten is a shorter way to a broken rule: events are left out as long as one is still broken without them, as are
// those that cannot happen then.
func shorten(events []string, replay func(events []string) (done []string, err error)) (short []string, err error) {
	short, err = replay(events)
	for size := len(short); size > 0; {
		before := len(short)
		for at := 0; at+size <= len(short); {
			if done, failed := replay(slices.Delete(slices.Clone(short), at, at+size)); failed != nil &&
				len(done) < len(short) {
				short, err = done, failed
			} else {
				at += size
			}
		}
		if len(short) == before || size > 1 {
			size /= 2
		}
	}
	return short, err
}
