package lifecycle

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"everleaf/domain"
)

func versionName(n int) string { return "v" + strconv.Itoa(n) }

// Ways in which a step can end. "ok" is success; "lost" is a fault before anything was stored, "late" one after all
// was.
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
		out.Reserved = &domain.Reserved{Tenant: "tenant", Priority: 3}
		out.Reserved.Needed, out.Reserved.Replaces = domain.Needed(w.Now, s.record(), m.attemptSpec(), m.attemptWant())
		if ending == "later" {
			out.Reserved.From = w.Now.Add(10 * time.Minute)
		}
	case StepObtain:
		switch {
		case s.Retirement == domain.Released: // nothing is obtained any more
		case s.Issued == nil || s.version() == m.attemptWant().Replaces ||
			!slices.Equal(s.Issued.Names, m.attemptSpec().Names):
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
			done := func(r domain.Revocation) bool { return r.Issued.Version == a.Version }
			s.Revocations = slices.DeleteFunc(s.Revocations, done)
		}
	case StepRelease:
		s.Retirement = domain.Released
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
		recorded := domain.Recorded{}
		if out.Recorded != nil {
			recorded = *out.Recorded
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
	silent := a.Step == StepDeliver || a.Step == StepRemove || a.Step == StepRecordFailure
	if m.Reads > before && m.known() && !silent {
		w.Heard = max(w.Heard, out.Seen)
	}
}
