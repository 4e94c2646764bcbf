package lifecycle

import (
	"encoding/json"
	"fmt"
	"slices"

	"everleaf/domain"
)

// The rules that hold in every world. Each is shown able to fail in breakers_test.go, under its name.

func broken(rule, format string, args ...any) error {
	return fmt.Errorf("%s: %s", rule, fmt.Sprintf(format, args...))
}

// checkBegin looks at an action that is about to begin.
func (w *world) checkBegin(a Action) error {
	m := w.Machine
	for _, s := range w.Steps {
		if s.Action.lane() == a.lane() {
			return broken("one action per lane", "%s beside %s", a.Step, s.Action.Step)
		}
	}
	acts := slices.Contains([]Step{StepReserve, StepDeliver, StepRemove, StepRevoke, StepRelease}, a.Step) &&
		!w.Cancelled
	if acts && w.Heard < w.Signalled {
		return broken("nothing acts on a stale record", "%s, %d changes behind", a.Step, w.Signalled-w.Heard)
	}
	switch a.Step {
	case StepReserve, StepObtain:
		if len(w.Store.Spec.Names) == 0 {
			return broken("what is obtained was recorded", "%s for %v", a.Step, m.Spec.Names)
		}
	case StepDeliver:
		r := m.revocation(a.Version)
		if slices.Contains(w.Revoked, a.Version) || r != nil && r.WithoutReplacement || a.Version != m.version() {
			return broken("what is revoked or superseded is not delivered", "%s to %s", a.Version, a.Target)
		}
	case StepRemove:
		if m.Mode == Active && slices.Contains(m.Spec.Deliveries, a.Target) || m.Mode == Retiring {
			return broken("what is served stays", "%s is cleared in mode %s", a.Target, m.Mode)
		}
	case StepRevoke:
		return w.checkRevoke(a.Version)
	case StepRelease:
		if !w.Cancelled && w.Store.Retirement == "" {
			return broken("what is ensured is kept", "released")
		}
		if !w.Cancelled && (m.Mode == Active || w.Store.revocable()) {
			return broken("a revocation is not lost", "released in mode %s with %d pending", m.Mode,
				len(w.Store.Revocations))
		}
	}
	return nil
}

// checkRevoke: what is revoked is replaced and delivered first, unless somebody asked otherwise or gave the certificate
// up.
func (w *world) checkRevoke(version string) error {
	r := w.Store.pending(version)
	if r == nil || r.WithoutReplacement {
		return nil
	}
	if w.Store.Issued == nil || w.Store.version() == version {
		return broken("replaced before it is revoked", "%s is in service", version)
	}
	for _, s := range w.Served {
		if s.Version == version && slices.Contains(w.Machine.Spec.Deliveries, s.Target) && w.Now.Before(r.After) {
			return broken("delivered before it is revoked", "%s still has %s", s.Target, version)
		}
	}
	return nil
}

// check looks at a world that waits.
func (w *world) check() error {
	m := w.Machine
	if len(w.Steps) == 0 && w.Until.IsZero() {
		return broken("no wait for ever", "in mode %s with %d callers, known %t", m.Mode, len(w.Callers), m.known())
	}
	if !w.Until.IsZero() && !w.Until.After(w.Now) {
		return broken("a wait is for later", "until %s", w.Until)
	}
	grown := len(m.Tickets) > len(w.Callers)+2 || len(m.Failed) > 4 || len(m.Deliveries) > 2
	if grown || m.Attempt != nil && len(m.Attempt.Tried) > 1 {
		return broken("nothing grows", "%d tickets, %d failed, %d deliveries", len(m.Tickets), len(m.Failed),
			len(m.Deliveries))
	}
	if w.Cancelled && !m.cancelled() && m.Mode != Refused {
		return broken("what is cancelled ends", "in mode %s", m.Mode)
	}
	done := len(w.Steps) == 0 && !m.Away.After(w.Now) && !m.asked() && m.known() && len(m.Deliveries) == 0 &&
		!m.revokes()
	if (m.Mode == Retiring || m.Mode == Clearing) && done &&
		(m.Failure == nil || m.Failure.Step != string(StepRelease)) {
		return broken("what is retired ends", "it waits until %s", w.Until)
	}
	if m.Generation != 0 && m.Generation != *generation(m.Spec) {
		return broken("a spec has its own generation", "%v has %d", m.Spec.Names, m.Generation)
	}
	if !m.known() || w.Heard != w.Stored || w.Signal {
		return nil
	}
	if ended := m.Mode != Active; !m.asked() && !m.cancelled() && m.Mode != Refused &&
		ended != (w.Store.Retirement != "") {
		return broken("the mode follows the record", "in mode %s, Postgres has %q", m.Mode, w.Store.Retirement)
	}
	shown := m.Status("run").Issued != nil
	if w.Shown && !shown {
		return broken("what is in service stays", "%s is not in the status", w.Store.version())
	}
	w.Shown = shown
	if m.Mode == Active {
		return w.checkTargets()
	}
	return nil
}

// checkTargets: one that has had a certificate is confirmed, or being cleared, or will be. What the machine says of it
// is true.
func (w *world) checkTargets() error {
	m := w.Machine
	for _, s := range w.Served {
		if m.delivery(s.Target) == nil {
			return broken("no target is forgotten", "%s has %s", s.Target, s.Version)
		}
	}
	for _, d := range m.Deliveries {
		busy := m.busy(Action{Step: StepDeliver, Target: d.Target})
		claimed := d.Version != "" && d.Version == m.version() && !d.Removing && !busy
		if claimed && !slices.Contains(w.Served, served{d.Target, d.Version}) {
			return broken("what is confirmed is there", "%s does not have %s", d.Target, d.Version)
		}
	}
	return nil
}

// checkAnswer: who hears of no problem has what he asked for.
func (w *world) checkAnswer(c caller, out Answer) error {
	if out.Fault != nil || out.Failure != nil || c.Request.DryRun {
		return nil
	}
	if !c.Recorded {
		return broken("what is answered is recorded", "%s", c.Request.Kind)
	}
	s := &w.Store
	switch c.Request.Kind {
	case domain.RequestEnsure:
		if !c.Kept && !c.Given && (s.Issued == nil || !slices.Equal(s.Issued.Names, c.Request.Spec.Names)) {
			return broken("who is answered has what he asked for", "Ensure: %+v is in service", s.Issued)
		}
		if !c.Kept && !c.Given && c.Void && s.version() == c.Version {
			return broken("what is ensured after the end is not revoked", "%s is in service", c.Version)
		}
	case domain.RequestRenew:
		if s.Issued == nil || s.version() == c.Version {
			return broken("who is answered has what he asked for", "Renew: %q is in service", s.version())
		}
	case domain.RequestRevoke:
		if !slices.Contains(w.Revoked, c.Version) {
			return broken("who is answered has what he asked for", "Revoke: %s is not revoked", c.Version)
		}
	case domain.RequestRetire:
		if s.Retirement != domain.Released || c.Request.RemoveDeliveries && len(w.Served) > 0 {
			return broken("who is answered has what he asked for", "Retire: %q, served %v", s.Retirement, w.Served)
		}
	}
	return nil
}

// checkOver looks at a workflow that has ended.
func (w *world) checkOver() error {
	m := w.Machine
	if len(w.Callers) > 0 || len(w.Steps) > 0 {
		return broken("nobody is left behind", "%d callers, %d steps", len(w.Callers), len(w.Steps))
	}
	if w.Over == Fail {
		if m.Refusal == nil {
			return broken("nobody is left behind", "it fails without a reason")
		}
		return nil
	}
	if w.Cancelled {
		return nil
	}
	if w.Store.Retirement != domain.Released {
		return broken("what is ensured is kept", "it ends, and Postgres has %q", w.Store.Retirement)
	}
	if w.Store.revocable() {
		return broken("a revocation is not lost", "it ends with %d pending", len(w.Store.Revocations))
	}
	for _, s := range w.Served {
		if !slices.ContainsFunc(m.Left(), func(d domain.Delivery) bool { return d.Target == s.Target }) {
			return broken("no target is forgotten", "%s is not listed as left", s.Target)
		}
	}
	return nil
}

// checkPure: Next changes nothing and says the same twice, and the machine is the same after a trip through JSON.
func (w *world) checkPure() error {
	before := must(json.Marshal(w.Machine))
	first := w.next()
	second := w.next()
	text := must(json.Marshal(w.Machine))
	if first != second || !slices.Equal(text, before) {
		return broken("Next is pure", "%v, then %v", first, second)
	}
	read := w.throughJSON(w.Machine)
	if !slices.Equal(text, must(json.Marshal(read))) || read.Next(w.situation()) != w.Machine.Next(w.situation()) {
		return broken("the machine survives JSON", "%s", text)
	}
	if state := must(json.Marshal(w.Machine.State)); len(state) > 2000 {
		return broken("nothing grows", "a state of %d octets", len(state))
	}
	return nil
}
