package lifecycle

import (
	"fmt"
	"slices"
	"strings"
)

const (
	// maxOutcomes is within how many outcomes all that can be done at one instant is done, maxWaits in how many waits
	// the rest.
	maxOutcomes = 40
	// maxRepeats is how often an action begins in the same state: reads that overlap with something are repeated.
	maxRepeats = 3
	maxWaits   = 60
)

// drain has all steps end in the same way, and time pass, until nothing is left to do but the next renewal. ending is
// "ok", or how all steps fail that can fail so; those that cannot are lost.
func (w *world) drain(ending string) error {
	for waits := 0; ; waits++ {
		if err := w.freeze(ending); err != nil {
			return err
		}
		switch {
		case w.Over != "", w.rests():
			return nil
		case waits == maxWaits && len(w.Callers) > 0:
			return broken("a caller gets an answer", "%s waits after %d waits", w.Callers[0].Request.Kind, waits)
		case waits == maxWaits:
			return broken("all is done in the end", "%v", w.left())
		case ending != "ok" && len(w.Callers) == 0 && waits > 2:
			return nil
		}
		w.Now = w.Until
		if err := w.settle(); err != nil {
			return err
		}
	}
}

// freeze has all steps end in the same way while no time passes.
func (w *world) freeze(ending string) error {
	seen := map[string]int{}
	for outcomes := 0; w.Over == "" && (len(w.Steps) > 0 || w.Signal); outcomes++ {
		if outcomes > maxOutcomes {
			return broken("no hot loop", "after %d outcomes %s goes on", outcomes, w.Steps[0].Action.Step)
		}
		var err error
		switch {
		case w.Signal:
			w.signal()
			err = w.settle()
		case w.Steps[0].Answer != nil:
			w.apply(0)
			err = w.settle()
		default:
			w.commit(0, w.ending(ending))
			w.apply(0)
			err = w.settle()
		}
		if err != nil {
			return err
		}
		for _, a := range w.begun {
			a.Reads = 0
			key := fmt.Sprint(w.machineKey(), a)
			if seen[key]++; seen[key] > maxRepeats {
				return broken("no hot loop", "%s is done again and again in the same state", a.Step)
			}
		}
	}
	return nil
}

// ending is how the oldest step ends when all end so.
func (w *world) ending(ending string) string {
	a := w.Steps[0].Action
	switch {
	case slices.Contains(endings[a.Step], ending) && w.possible(a, ending):
		return ending
	case a.Step == StepRecordRequest && slices.Contains([]string{"policy", "undecided", "unknown"}, ending),
		a.Step == StepRecordFailure && slices.Contains([]string{"policy", "unknown"}, ending):
		return "ok" // all else fails
	}
	return "lost"
}

// rests reports whether nothing is left to do but what is planned.
func (w *world) rests() bool { return len(w.left()) == 0 }

// left is what is still to be done.
func (w *world) left() (left []string) {
	m, s := w.Machine, &w.Store
	note := func(undone bool, format string, args ...any) {
		if undone {
			left = append(left, fmt.Sprintf(format, args...))
		}
	}
	for _, c := range w.Callers {
		note(true, "an answer to %s", c.Request.Kind)
	}
	note(m.Mode != Active, "the end")
	note(!m.known(), "a read")
	note(m.Attempt != nil || m.Want != nil || m.Failure != nil, "an attempt")
	note(s.Issued == nil || !slices.Equal(s.Issued.Names, m.Spec.Names), "a certificate for the spec")
	note(s.Issued != nil && s.Issued.Revoked && !slices.Contains(w.Alone, s.version()),
		"a replacement of what is revoked")
	note(s.Renewal == nil || !s.Renewal.At.After(w.Now), "a renewal")
	for _, version := range w.Revoke {
		note(!slices.Contains(w.Revoked, version), "the revocation of %s", version)
	}
	for _, target := range m.Spec.Deliveries {
		d := s.delivery(target)
		has := slices.Contains(w.Served, served{target, s.version()}) && d != nil && d.Version == s.version()
		note(!has && s.Issued != nil && !s.Issued.Revoked, "the delivery to %s", target)
	}
	for _, d := range s.Deliveries {
		note(!slices.Contains(m.Spec.Deliveries, d.Target), "clearing %s", d.Target)
	}
	return left
}

// summary is what is there in the end, whatever the way.
func (w *world) summary() string {
	s := &w.Store
	var names []string
	var revoked bool
	if s.Issued != nil {
		names, revoked = s.Issued.Names, s.Issued.Revoked
	}
	deliveries := make([]string, 0, len(s.Deliveries))
	for _, d := range s.Deliveries {
		deliveries = append(deliveries, fmt.Sprintf("%s current %t", d.Target, d.Version == s.version()))
	}
	revocations := slices.Clone(w.Revoked)
	slices.Sort(revocations)
	return strings.Join([]string{
		fmt.Sprintf("mode %s, over %q, %q", w.Machine.Mode, w.Over, s.Retirement),
		fmt.Sprintf("version %d for %v, revoked in service %t", w.Next, names, revoked),
		fmt.Sprintf("deliveries %v, served %d, revoked %v, pending %d", deliveries, len(w.Served), revocations,
			len(s.Revocations)),
		fmt.Sprintf("spec %v", w.Machine.Spec.Names),
	}, "; ")
}

// continued is the same world in which the run continues as new right now; nil where it may not.
func (w *world) continued() *world {
	m := w.Machine
	if w.Over != "" || len(w.Steps) > 0 || len(m.Failed) > 0 || len(m.Tickets) > 0 || len(w.Callers) > 0 ||
		m.Record == nil ||
		m.Mode != Active && m.Mode != Retiring && m.Mode != Clearing {
		return nil
	}
	next := w.clone()
	if err := next.continueAsNew(); err != nil {
		panic(err)
	}
	return next
}

// checkContinued: a run that continues as new comes to the same end as one that does not.
func (w *world) checkContinued() error {
	next := w.continued()
	if next == nil || w.Heard != w.Stored || w.Machine.version() != w.Store.version() { // the next run would know more
		return nil
	}
	same := w.clone()
	if err := same.drain("ok"); err != nil {
		return err
	}
	if err := next.settle(); err != nil {
		return err
	}
	if err := next.drain("ok"); err != nil {
		return fmt.Errorf("continued as new: %w", err)
	}
	if a, b := same.summary(), next.summary(); a != b {
		return broken("continue-as-new loses nothing", "without: %s; with: %s", a, b)
	}
	return nil
}
