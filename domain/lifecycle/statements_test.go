package lifecycle

import (
	"slices"
	"strings"
	"time"

	"everleaf/domain"
)

// What the statements of the steps store, in short.

// recordRequest is stored once; what follows from it is seen by what is stored now.
func (w *world) recordRequest(request domain.Request, ending string) *domain.Recorded {
	s, out := &w.Store, &domain.Recorded{}
	stored := s.has(request.ID)
	if stored == nil && (ending == "refused" || request.Kind == domain.RequestRevoke && s.Issued == nil) {
		return &domain.Recorded{Refused: fault(domain.FaultSpec, "Refused")}
	}
	if expected := request.ExpectedGeneration; stored == nil && expected != nil && *expected != *generation(s.Spec) {
		spec := deep(s.Spec)
		return &domain.Recorded{Refused: fault(domain.FaultSpec, domain.ReasonGenerationConflict), Spec: &spec,
			Generation: *generation(spec)}
	}
	if request.Spec != nil {
		spec := deep(*request.Spec)
		out.Spec, out.Generation, out.Changes = &spec, *generation(spec), w.Machine.Spec.Changes(spec)
		needs := func(want domain.Want) bool {
			needed, replaces := domain.Needed(w.Now, s.record(), spec, want)
			return needed && (s.Issued == nil || replaces != "")
		}
		want := w.Machine.Want
		out.Needed = needs(domain.Want{Reason: domain.WakeChanged}) || want != nil && needs(*want)
	}
	if request.DryRun {
		return &domain.Recorded{Changes: out.Changes, Needed: out.Needed}
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
			if s.Retirement != domain.Released {
				s.Retirement = domain.Retiring
				if request.RemoveDeliveries {
					s.Retirement = domain.Clearing
				}
			}
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
	if s.Retirement == domain.Released { // what an earlier workflow has left to be done is tried at once
		for i := range s.Revocations {
			s.Revocations[i].After, s.Revocations[i].Failure = time.Time{}, nil
		}
		for i := range s.Deliveries {
			s.Deliveries[i].Failure = nil
		}
	}
	s.Spec, s.Retirement = deep(spec), ""
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
	if request.WithoutReplacement {
		w.Alone = append(w.Alone, s.version())
	}
	r := s.pending(s.version())
	if r.Failure = nil; request.WithoutReplacement || s.Retirement != "" {
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
			c.Void = w.Store.Retirement != "" && revoked(w.Store.record())
		case request.Kind == domain.RequestEnsure || request.Kind == domain.RequestStart:
			c.Kept = c.Recorded
		case request.Kind == domain.RequestRetire:
			c.Given = c.Recorded
		}
	}
}

// recordFailure stores what the policy decides about the oldest failure; a cancelled workflow has none.
func (w *world) recordFailure() *domain.Decision {
	s, m := &w.Store, w.Machine
	if len(m.Failed) == 0 {
		return &domain.Decision{}
	}
	failed := m.Failed[0]
	in := domain.Failed{Certificate: name, Step: string(failed.Action.Step), Fault: failed.Fault, At: failed.At,
		Target:  failed.Action.Target,
		Version: failed.Action.Version, Previous: m.Previous(failed.Action), Issued: m.Issued()}
	if m.Attempt != nil && failed.Action.lane() == "attempt" {
		in.Spec, in.Issuer, in.Tried = m.Attempt.Spec, m.Attempt.Issuer, m.Attempt.Tried
	}
	out := domain.Decide(in)
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
	d := s.contact(a.Target)
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
