package lifecycle

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
	"everleaf/domain/lifecycle"
	"everleaf/ports"
)

var (
	lives = flag.Int("lives", 300, "how many random lives are lived")
	seed  = flag.Uint64("seed", 0, "the first life's seed")
)

// TestRandomLives lives drawn lives twice: in the workflow, and with the machine alone, driven by the same requests,
// notices and outcomes at the same instants. The executor adds nothing and loses nothing: each moment of the machine
// is the same.
func TestRandomLives(t *testing.T) {
	for i := range uint64(*lives) {
		life := draw(*seed + i)
		want, got := life.driven(), life.executed(t)
		for n := range min(len(want.trace), len(got.trace)) {
			require.Equal(t, want.trace[n], got.trace[n], "seed %d, moment %d", *seed+i, n)
		}
		require.Equal(t, want, got, "seed %d", *seed+i)
	}
}

// life is a script: what comes in at which instant, and how each step goes.
type life struct {
	seed uint64
	spec domain.Spec
	// events come in at instants of their own.
	events []event
}

type event struct {
	at time.Duration
	// update and its argument, or what happens to the record before a notice, or a cancellation. suggests is a notice
	// with the server's suggestion to hand over.
	id, update       string
	argument         any
	happens          func(*store, time.Time)
	cancel, suggests bool
}

// lived is what one saw of a life.
type lived struct {
	// trace has each step's beginning, with the machine then.
	trace []string
	// answers are those of the requests, by ID, ends how each run has ended.
	answers map[string]string
	ends    []string
}

func (l *lived) begin(now time.Time, step string, m *lifecycle.Machine) {
	l.trace = append(l.trace, fmt.Sprintf("%s %s %s", now.Sub(start), step, text(m)))
}

func text(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(data)
}

// draw makes a life of some weeks to months, most of whose events come close together.
func draw(seed uint64) life {
	r := rand.New(rand.NewPCG(seed, 1))
	specs := []domain.Spec{spec, changed, delivered,
		{Names: spec.Names, Deliveries: []string{"lb", "nginx@web1"}, Issuers: []string{"a", "b"}}}
	l := life{seed: seed, spec: specs[r.IntN(len(specs))]}
	at := time.Duration(r.Int64N(int64(time.Minute)))
	for n := range 2 + r.IntN(12) {
		e := event{at: at, id: fmt.Sprintf("u%d", n)}
		switch r.IntN(11) {
		case 0, 1:
			e.update, e.argument = ports.EnsureUpdate, ports.EnsureRequest{Spec: specs[r.IntN(len(specs))]}
		case 2, 3:
			e.update, e.argument = ports.RenewUpdate, ports.RenewRequest{Force: r.IntN(3) == 0}
		case 4, 5:
			e.update, e.argument = ports.RevokeUpdate, ports.RevokeRequest{WithoutReplacement: r.IntN(2) == 0}
		case 6:
			e.update, e.argument = ports.RetireUpdate, ports.RetireRequest{RemoveDeliveries: r.IntN(2) == 0}
		case 7:
			e.happens = func(s *store, now time.Time) {
				for i := range s.record.Deliveries {
					s.record.Deliveries[i].Version = ""
				}
			}
		case 8:
			e.happens = func(s *store, now time.Time) {
				if s.record.Renewal != nil {
					s.record.Renewal = &domain.RenewalPlan{At: now.Add(time.Hour), Reason: "ARIWindow"}
				}
			}
		case 9:
			e.happens = func(*store, time.Time) {}
		case 10:
			e.happens, e.suggests = func(*store, time.Time) {}, true
		}
		l.events = append(l.events, e)
		gap := []time.Duration{time.Second, time.Minute, 10 * time.Minute, 3 * time.Hour, 100 * day}[r.IntN(5)]
		at += 1 + time.Duration(r.Int64N(int64(gap)))
	}
	l.events = append(l.events, event{at: at, cancel: true})
	return l
}

// sides is what each side of a life has for itself: the store, and how often each step was called.
type sides struct {
	life  life
	store *store
	calls map[string]int
}

func (l life) side() *sides {
	s := newStore()
	s.tenant = "team"
	return &sides{life: l, store: s, calls: map[string]int{}}
}

// goes is how the next call of a step goes: how long it takes, and its fault.
func (s *sides) goes(step string) (takes time.Duration, fault *domain.Fault) {
	s.calls[step]++
	name := uint64(len(step))<<32 | uint64(step[0])<<16 | uint64(step[len(step)-1])<<8
	r := rand.New(rand.NewPCG(s.life.seed, name^uint64(s.calls[step])<<40))
	takes = time.Duration(1 + r.Int64N(int64(time.Second)))
	if r.IntN(3) == 0 {
		takes *= time.Duration(1 + r.IntN(600))
	}
	faults := []*domain.Fault{nameFault, waitFault, limitedFault, briefFault, caFault}
	if r.IntN(4) == 0 {
		fault = faults[r.IntN(len(faults))]
	}
	return takes, fault
}

// upcoming are the events of a life after an instant.
func (l life) upcoming(since time.Duration) []event {
	return slices.DeleteFunc(slices.Clone(l.events), func(e event) bool { return e.at <= since })
}
