package lifecycle

import (
	"encoding/json"
	"flag"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var (
	walks = flag.Int("explore.walks", 3, "take so many random walks")
	steps = flag.Int("explore.steps", 10_000, "of so many events each")
	seed  = flag.Uint64("explore.seed", 1, "draw the walks from this; 0 is from another seed each time, which is shown when one fails")
)

// TestWalk takes random walks far beyond what can be explored. In a walk the machine goes through JSON after each event. One
// that breaks a rule is made shorter before it is shown.
func TestWalk(t *testing.T) {
	for name, value := range map[string]string{
		"rapid.checks": strconv.Itoa(*walks), "rapid.seed": strconv.FormatUint(*seed, 10), "rapid.nofailfile": "true",
	} {
		if err := flag.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		w := begin(specA)
		if err := w.walk(t, *steps); err != nil {
			t.Fatal(err)
		}
	})
}

// walk does what is drawn. Most goes well, or little would happen beyond the first failures.
func (w *world) walk(t *rapid.T, steps int) error {
	if err := w.settle(); err != nil {
		return err
	}
	for i := range steps {
		events := w.events()
		if len(events) == 0 { // the next workflow of the same certificate finds what this one has left
			w.again()
			if err := w.settle(); err != nil {
				return err
			}
			continue
		}
		e := events[rapid.IntRange(0, len(events)-1).Draw(t, "event")]
		if free := w.free(); free != nil && rapid.IntRange(0, 2).Draw(t, "luck") > 0 {
			e = *free
		}
		if strings.HasSuffix(e.name, "refused") || e.name == "cancel" && rapid.IntRange(0, 9).Draw(t, "end") > 0 {
			continue // a workflow that ends at once has little to show
		}
		t.Log(e.name)
		e.do(w)
		if err := w.settle(); err != nil {
			return err
		}
		if err := w.throughJSON(); err != nil {
			return err
		}
		if err := w.checkContinued(); err != nil {
			return err
		}
		if i%100 == 99 || i == steps-1 {
			if err := w.probe(); err != nil {
				return err
			}
		}
	}
	return nil
}

// throughJSON has the machine go on from what JSON keeps of it.
func (w *world) throughJSON() error {
	if err := w.checkPure(); err != nil {
		return err
	}
	var read Machine
	if err := json.Unmarshal(must(json.Marshal(w.Machine)), &read); err != nil {
		return fmt.Errorf("read the machine again: %w", err)
	}
	w.Machine = &read
	return nil
}

// again starts a workflow for a certificate whose workflow has ended.
func (w *world) again() {
	next := begin(specB)
	next.Store, next.Served, next.Next, next.Asked = w.Store, w.Served, w.Next, w.Asked
	next.Revoke, next.Revoked, next.Now = w.Revoke, w.Revoked, w.Now
	next.Store.Requests = nil
	next.Machine = New(name, State{Spec: specB, Mode: Active}, next.id(), w.Now)
	next.tamper = w.tamper
	*w = *next
}
