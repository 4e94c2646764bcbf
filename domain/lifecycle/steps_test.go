package lifecycle

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"everleaf/domain"
)

func versionName(n int) string { return "v" + strconv.Itoa(n) }

// Ways in which a step can end. "ok" is success; "lost" is a fault before anything was stored, "late" one after all was.
var endings = map[Step][]string{
	StepRecordRequest: {"ok", "refused", "lost", "late"},
	StepReserve:       {"ok", "later", "lost", "limited"},
	StepObtain:        {"ok", "late", "lost", "limited", "name", "ca"},
	StepRecordFailure: {"ok", "lost", "late"},
	StepDeliver:       {"ok", "lost", "broken", "late"},
	StepRemove:        {"ok", "lost", "broken", "late"},
	StepRevoke:        {"ok", "lost", "late", "unknown"},
	StepRelease:       {"ok", "lost", "late"},
}

func fault(kind domain.FaultKind, reason domain.Reason) *domain.Fault {
	return &domain.Fault{Kind: kind, Reason: reason, Message: "on purpose"}
}

var faults = map[string]*domain.Fault{
	"lost":    fault(domain.FaultWait, "DatabaseUnavailable"),
	"late":    fault(domain.FaultWait, "DatabaseUnavailable"),
	"broken":  fault(domain.FaultWait, "TargetBroken"),
	"limited": fault(domain.FaultRateLimited, "RateLimited"),
	"name":    fault(domain.FaultName, "CAA"),
	"ca":      fault(domain.FaultCA, "CAUnreachable"),
	"unknown": fault(domain.FaultOperator, domain.ReasonUnknownVersion),
}

// commit has the step do what it does in the world, and keeps its answer for apply.
func (w *world) commit(i int, ending string) {
	a := w.Steps[i].Action
	out := &answer{Seen: w.Stored, Fault: faults[ending]}
	if out.Fault == nil || ending == "late" || ending == "broken" {
		if refusal := w.effect(a, ending, out); refusal != nil && out.Fault == nil {
			out.Fault = refusal
		}
	}
	out.Record = w.Store.record()
	w.Steps[i].Answer = out
}

// effect is what the action does; the fault is one that follows from what is stored.
func (w *world) effect(a Action, ending string, out *answer) *domain.Fault {
	s, m := &w.Store, w.Machine
	switch a.Step {
	case StepRecordRequest:
		if a.Request != "" {
			out.Recorded = w.recordRequest(m.ticket(a.Request).Request, ending)
		}
	case StepReserve:
		out.Reserved = &Reserved{Tenant: "tenant", Priority: 3}
		out.Reserved.Needed, out.Reserved.Replaces = domain.Needed(w.Now, s.record(), m.attemptSpec(), m.attemptWant())
		if ending == "later" {
			out.Reserved.From = w.Now.Add(10 * time.Minute)
		}
	case StepObtain:
		switch {
		case s.Released: // nothing is obtained any more
		case s.Issued == nil || s.version() == m.attemptWant().Replaces || !slices.Equal(s.Issued.Names, m.attemptSpec().Names):
			w.issue(m.attemptSpec())
		case s.Renewal == nil:
			s.Renewal = &domain.RenewalPlan{At: w.Now.Add(60 * 24 * time.Hour)}
		}
	case StepRecordFailure:
		out.Decision = w.recordFailure()
	case StepDeliver:
		return w.deliver(a, ending)
	case StepRemove:
		if d := s.delivery(a.Target); d != nil {
			d.Version = ""
		}
		if ending != "broken" {
			w.serve(a.Target, "")
			s.Deliveries = slices.DeleteFunc(s.Deliveries, func(d domain.Delivery) bool { return d.Target == a.Target })
		}
	case StepRevoke:
		r := s.pending(a.Version)
		if r != nil && (r.WithoutReplacement || s.version() != a.Version) {
			w.Revoked = append(w.Revoked, a.Version)
			if s.version() == a.Version {
				issued := *s.Issued
				issued.Revoked = true
				s.Issued = &issued
			}
			s.Revocations = slices.DeleteFunc(s.Revocations, func(r domain.Revocation) bool { return r.Issued.Version == a.Version })
		}
	case StepRelease:
		s.Released = true
	}
	return nil
}

// attemptSpec and attemptWant are those of the attempt at work; a cancelled workflow does not have them any more.
func (m *Machine) attemptSpec() domain.Spec {
	if m.Attempt == nil {
		return m.Spec
	}
	return m.Attempt.Spec
}

func (m *Machine) attemptWant() domain.Want {
	if m.Attempt == nil {
		return domain.Want{}
	}
	return m.Attempt.Want
}

// recordRequest is stored once; what follows from it is seen by what is stored now.
func (w *world) recordRequest(request domain.Request, ending string) *Recorded {
	s, out := &w.Store, &Recorded{}
	stored := s.has(request.ID)
	if stored == nil && (ending == "refused" || request.Kind == domain.RequestRevoke && s.Issued == nil) {
		return &Recorded{Refused: fault(domain.FaultSpec, "Refused")}
	}
	if request.Spec != nil {
		spec := deep(*request.Spec)
		out.Spec, out.Changes = &spec, w.Machine.Spec.Changes(spec)
		needs := func(want domain.Want) bool {
			needed, replaces := domain.Needed(w.Now, s.record(), spec, want)
			return needed && (s.Issued == nil || replaces != "")
		}
		want := w.Machine.Want
		out.Needed = needs(domain.Want{Reason: domain.WakeChanged}) || want != nil && needs(*want)
	}
	if stored == nil {
		w.noteRecorded(request)
		s.Requests = append(s.Requests, recorded{ID: request.ID, Version: s.version()})
		stored = s.has(request.ID)
		switch request.Kind {
		case domain.RequestStart, domain.RequestEnsure:
			s.ensure(*request.Spec, !out.Needed)
		case domain.RequestRevoke:
			w.revoke(request)
		case domain.RequestRetire:
			s.Retiring = true
			for i := range s.Revocations { // nothing replaces them
				r := &s.Revocations[i]
				r.WithoutReplacement, r.After, r.Failure = true, time.Time{}, nil
			}
		}
	}
	if request.Kind == domain.RequestRenew {
		out.Version = stored.Version
	}
	if request.Kind == domain.RequestRevoke {
		out.Version = stored.Version
		r := s.pending(stored.Version)
		out.Needed = r != nil && !r.WithoutReplacement
	}
	return out
}

func (s *store) ensure(spec domain.Spec, fulfilled bool) {
	if fulfilled && s.Issued != nil {
		s.Failure = nil
	}
	if s.Released { // what an earlier workflow has left to be done is tried at once
		for i := range s.Revocations {
			s.Revocations[i].After, s.Revocations[i].Failure = time.Time{}, nil
		}
		for i := range s.Deliveries {
			s.Deliveries[i].Failure = nil
		}
	}
	s.Spec, s.Released, s.Retiring = deep(spec), false, false
}

// revoke stores a revocation of what is in service, or what is new about one.
func (w *world) revoke(request domain.Request) {
	s := &w.Store
	if s.Issued.Revoked {
		return
	}
	if s.pending(s.version()) == nil {
		s.Revocations = append(s.Revocations, domain.Revocation{Issued: *s.Issued})
		w.Revoke = append(w.Revoke, s.version())
	}
	r := s.pending(s.version())
	if r.Failure = nil; request.WithoutReplacement || s.Retiring || s.Released {
		r.WithoutReplacement, r.After = true, time.Time{}
	}
}

// noteRecorded keeps what callers may expect.
func (w *world) noteRecorded(request domain.Request) {
	for i := range w.Callers {
		c := &w.Callers[i]
		switch {
		case c.Request.ID == request.ID:
			c.Recorded, c.Version = true, w.Store.version()
			c.Void = (w.Store.Released || w.Store.Retiring) && revoked(w.Store.record())
		case request.Kind == domain.RequestEnsure || request.Kind == domain.RequestStart:
			c.Kept = c.Recorded
		case request.Kind == domain.RequestRetire:
			c.Given = c.Recorded
		}
	}
}

// recordFailure stores what the policy decides about the oldest failure; a cancelled workflow has none.
func (w *world) recordFailure() *Decision {
	s, m := &w.Store, w.Machine
	if len(m.Failed) == 0 {
		return &Decision{}
	}
	failed := m.Failed[0]
	in := domain.Failed{Certificate: name, Step: string(failed.Action.Step), Fault: failed.Fault, At: failed.At, Target: failed.Action.Target,
		Version: failed.Action.Version, Previous: m.Previous(failed.Action), Issued: m.Issued()}
	if m.Attempt != nil && failed.Action.lane() == "attempt" {
		in.Spec, in.Issuer, in.Tried = m.Attempt.Spec, m.Attempt.Issuer, m.Attempt.Tried
	}
	out := Decision(domain.Decide(in))
	failure := out.Failure
	switch {
	case in.Target != "":
		if d := s.delivery(in.Target); d != nil {
			d.Failure = &failure
		}
	case in.Version != "":
		if r := s.pending(in.Version); r != nil {
			r.Failure = &failure
		}
	case out.Next == "":
		s.Failure = &failure
	}
	return &out
}

func (w *world) deliver(a Action, ending string) *domain.Fault {
	s := &w.Store
	if s.version() != a.Version {
		return fault(domain.FaultWait, domain.ReasonVersionReplaced)
	}
	d := s.met(a.Target)
	w.serve(a.Target, a.Version)
	if ending != "broken" {
		d.Version, d.At, d.Failure = a.Version, w.Now, nil
	}
	return nil
}

// serve puts a version on a target, or none.
func (w *world) serve(target, version string) {
	w.Served = slices.DeleteFunc(w.Served, func(s served) bool { return s.Target == target })
	if version != "" {
		w.Served = append(w.Served, served{target, version})
		slices.SortFunc(w.Served, func(a, b served) int { return strings.Compare(a.Target, b.Target) })
	}
}

// apply hands the step's answer to the machine, as the executor does.
func (w *world) apply(i int) {
	m, a, out := w.Machine, w.Steps[i].Action, w.Steps[i].Answer
	w.Steps = slices.Delete(w.Steps, i, i+1)
	before := m.Reads
	record := deep(out.Record)
	switch {
	case out.Fault != nil && a.Step == StepRecordRequest:
		m.Unrecorded(a, *out.Fault, w.Now)
	case out.Fault != nil && a.Step == StepRecordFailure:
		m.Undecided(a, *out.Fault, w.Now)
	case out.Fault != nil:
		m.FailedWith(a, *out.Fault, w.Now)
	case a.Step == StepRecordRequest:
		recorded := Recorded{}
		if out.Recorded != nil {
			recorded = *out.Recorded
		}
		if t := m.ticket(a.Request); t != nil && recorded.Refused == nil {
			ensures, retires := t.Request.Spec != nil, t.Request.Kind == domain.RequestRetire
			w.Kept = w.Kept && !retires || ensures
		}
		recorded.Record = record
		m.Recorded(a, recorded, w.Now)
	case a.Step == StepReserve:
		reserved := *out.Reserved
		reserved.Record = record
		m.Reserved(a, reserved)
	case a.Step == StepObtain:
		m.ObtainedCertificate(a, record)
	case a.Step == StepRecordFailure:
		m.Decided(a, *out.Decision)
	case a.Step == StepDeliver:
		m.Delivered(a, w.Now)
	case a.Step == StepRemove:
		m.Removed(a)
	case a.Step == StepRevoke:
		m.Revoked(a, record)
	case a.Step == StepRelease:
		m.Released(a, record)
	default:
		panic(fmt.Sprintf("no outcome for %v", a))
	}
	if m.Reads > before && m.Record != nil && m.known() && a.Step != StepDeliver && a.Step != StepRemove && a.Step != StepRecordFailure {
		w.Heard = max(w.Heard, out.Seen)
	}
}
