package lifecycle

import (
	"fmt"
	"strings"

	"everleaf/domain"
)

// event is one thing that can happen. The free ones are how all goes well: the oldest step succeeds, and its answer
// comes.
type event struct {
	name string
	free bool
	do   func(w *world)
}

var (
	// specA and specB differ in names, targets and issuers, specC from specA in targets alone.
	specA = domain.Spec{Names: []string{"a.example"}, Issuers: []string{"ca1", "ca2"}, Deliveries: []string{"t1"}}
	specB = domain.Spec{Names: []string{"b.example"}, Issuers: []string{"ca1"}, Deliveries: []string{"t2"}}
	specC = domain.Spec{Names: []string{"a.example"}, Issuers: []string{"ca1", "ca2"}}
)

// generation is a spec's own in this world: only whether two are the same counts, and there are no more worlds than
// specs.
func generation(s domain.Spec) *int64 {
	g := int64(1 + len(s.Deliveries))
	if len(s.Names) == 0 {
		g = 0
	} else if s.Names[0] == specB.Names[0] {
		g = 3
	}
	return &g
}

var requests = []struct {
	name    string
	request domain.Request
}{
	{"ensure A", domain.Request{Kind: domain.RequestEnsure, Spec: &specA}},
	{"ensure B", domain.Request{Kind: domain.RequestEnsure, Spec: &specB}},
	{"ensure C", domain.Request{Kind: domain.RequestEnsure, Spec: &specC}},
	{"ensure C in place of A", domain.Request{Kind: domain.RequestEnsure, Spec: &specC,
		ExpectedGeneration: generation(specA)}},
	{"try B out", domain.Request{Kind: domain.RequestEnsure, Spec: &specB, DryRun: true}},
	{"renew", domain.Request{Kind: domain.RequestRenew}},
	{"renew by force", domain.Request{Kind: domain.RequestRenew, Force: true}},
	{"revoke", domain.Request{Kind: domain.RequestRevoke}},
	{"revoke now", domain.Request{Kind: domain.RequestRevoke, WithoutReplacement: true}},
	{"retire", domain.Request{Kind: domain.RequestRetire}},
	{"retire and clear", domain.Request{Kind: domain.RequestRetire, RemoveDeliveries: true}},
}

// maxCallers is how many wait at a time.
const maxCallers = 2

// events are all that can happen now, in the same order in the same world.
func (w *world) events() (all []event) {
	add := func(name string, do func(w *world)) { all = append(all, event{name: name, do: do}) }
	if w.Over != "" { // the next workflow of the certificate finds what this one has left
		add("start A", func(w *world) { w.again(specA) })
		add("start B", func(w *world) { w.again(specB) })
		for _, r := range requests { // while handlers return their answers, one more may come in
			add(r.name+" at the last moment", func(w *world) {
				w.Over = ""
				w.ask(r.request)
			})
		}
		return all
	}
	for i, s := range w.Steps {
		label := strings.TrimSpace(fmt.Sprintf("%s %s", s.Action.Step, s.Action.Target))
		if s.Answer != nil {
			all = append(all, event{name: label + " answers", free: true, do: func(w *world) { w.apply(i) }})
			continue
		}
		for _, ending := range endings[s.Action.Step] {
			if !w.possible(s.Action, ending) {
				continue
			}
			all = append(all, event{name: label + " " + ending, free: i == 0 && ending == "ok", do: func(w *world) {
				w.commit(i, ending)
				w.apply(i)
			}})
			if ending == "ok" || ending == "late" { // its answer takes a while
				add(label+" "+ending+", silent", func(w *world) { w.commit(i, ending) })
			}
		}
	}
	if len(w.Callers) < maxCallers {
		for _, r := range requests {
			add(r.name, func(w *world) { w.ask(r.request) })
		}
	}
	if w.Store.Issued != nil {
		add("somebody replaces the version", func(w *world) { w.issue(w.Store.For) })
		if plan := w.Store.Renewal; plan != nil && plan.At.After(w.Now) {
			add("the plan moves", func(w *world) {
				w.Store.Renewal = &domain.RenewalPlan{At: w.Now}
				w.tell()
			})
		}
	}
	for _, d := range w.Store.Deliveries {
		if d.Version != "" {
			add("target "+d.Target+" drifts", func(w *world) {
				w.Store.delivery(d.Target).Version = ""
				w.serve(d.Target, "")
				w.tell()
			})
		}
	}
	if w.Signal {
		all = append(all, event{name: "signal", free: len(w.Steps) == 0, do: func(w *world) { w.signal() }})
	}
	if !w.Cancelled {
		add("cancel", func(w *world) {
			w.Cancelled = true
			w.Machine.Cancel()
		})
	}
	if !w.Suggested {
		add("a shorter history is suggested", func(w *world) { w.Suggested = true })
	}
	if !w.Outdated {
		add("a newer worker takes over", func(w *world) { w.Outdated = true })
	}
	if w.Until.After(w.Now) {
		add("time passes", func(w *world) { w.Now = w.Until })
	}
	return all
}

// possible reports whether a step can end so, beyond what it does for every action.
func (w *world) possible(a Action, ending string) bool {
	switch {
	case a.Step == StepRecordRequest && ending == "refused":
		t := w.Machine.ticket(a.Request)
		return t != nil && t.Request.Spec != nil
	case a.Step == StepRecordRequest && a.Request == "":
		return ending != "late"
	default:
		return true
	}
}

func (w *world) ask(request domain.Request) {
	request.ID, request.At = w.id(), w.Now
	w.Callers = append(w.Callers, caller{Request: request})
	w.Machine.Ask(request)
}

// tell notes a change of which a signal informs the machine.
func (w *world) tell() {
	w.Stored++
	w.Signal = true
}

func (w *world) signal() {
	w.Signal, w.Signalled = false, w.Stored
	w.Machine.Notice()
}

// happen does what is named, and settles.
func (w *world) happen(name string) error {
	for _, e := range w.events() {
		if e.name == name {
			e.do(w)
			return w.settle()
		}
	}
	return fmt.Errorf("%q cannot happen here: %s", name, strings.Join(w.names(), "; "))
}

func (w *world) names() (names []string) {
	for _, e := range w.events() {
		names = append(names, e.name)
	}
	return names
}

// free is what happens next when all goes well; nil if nothing does.
func (w *world) free() *event {
	for _, e := range w.events() {
		if e.free {
			return &e
		}
	}
	return nil
}
