package lifecycle

import (
	"slices"
	"strings"
	"time"

	"everleaf/domain"
)

// store is what Postgres has of the certificate.
type store struct {
	Issued      *domain.Issued
	For         domain.Spec
	Renewal     *domain.RenewalPlan
	Failure     *domain.Failure
	Revocations []domain.Revocation
	Deliveries  []domain.Delivery
	Released    bool
	// Spec is the one that was recorded last. Requests are those that are recorded and not answered yet.
	Spec     domain.Spec
	Requests []recorded
}

// recorded is a request that Postgres has, with the version that was in service then.
type recorded struct{ ID, Version string }

func (s *store) record() domain.Record {
	return deep(domain.Record{ReadBy: "run", Issued: s.Issued, Renewal: s.Renewal, Failure: s.Failure, Revocations: s.Revocations,
		Deliveries: s.Deliveries, Released: s.Released})
}

func (s *store) version() string {
	if s.Issued == nil {
		return ""
	}
	return s.Issued.Version
}

func (s *store) forget(id string) {
	s.Requests = slices.DeleteFunc(s.Requests, func(r recorded) bool { return r.ID == id })
}

func (s *store) has(id string) *recorded {
	i := slices.IndexFunc(s.Requests, func(r recorded) bool { return r.ID == id })
	if i < 0 {
		return nil
	}
	return &s.Requests[i]
}

func (s *store) pending(version string) *domain.Revocation {
	i := slices.IndexFunc(s.Revocations, func(r domain.Revocation) bool { return r.Issued.Version == version })
	if i < 0 {
		return nil
	}
	return &s.Revocations[i]
}

func (s *store) delivery(target string) *domain.Delivery {
	i := slices.IndexFunc(s.Deliveries, func(d domain.Delivery) bool { return d.Target == target })
	if i < 0 {
		return nil
	}
	return &s.Deliveries[i]
}

// met notes that a step contacts the target.
func (s *store) met(target string) *domain.Delivery {
	if s.delivery(target) == nil {
		s.Deliveries = append(s.Deliveries, domain.Delivery{Target: target, Met: true})
		slices.SortFunc(s.Deliveries, func(a, b domain.Delivery) int { return strings.Compare(a.Target, b.Target) })
	}
	return s.delivery(target)
}

// Policy, as far as the machine depends on it.

// fulfils reports whether what is in service is as good as what spec asks for.
func (s *store) fulfils(spec domain.Spec) bool {
	return s.Issued != nil && !s.Issued.Revoked && s.pending(s.version()) == nil && slices.Equal(s.Issued.Names, spec.Names)
}

// needs reports whether a certificate has to be obtained: somebody wants what is in service replaced, or it lacks something.
func (s *store) needs(spec domain.Spec, want domain.Want, now time.Time) bool {
	asked := (want.Reason == domain.WakeRequested || want.Reason == domain.WakeRevocation) && want.Replaces == s.version()
	pending := s.pending(s.version())
	switch {
	case s.Issued == nil, asked, !slices.Equal(s.Issued.Names, spec.Names), pending != nil && !pending.WithoutReplacement:
		return true
	default:
		revoked := s.Issued.Revoked && want.Reason == domain.WakeChanged
		return revoked || s.Renewal == nil || !s.Renewal.At.After(now)
	}
}

// issue puts a version in service, as RecordIssued does.
func (w *world) issue(spec domain.Spec) {
	s := &w.Store
	w.Next++
	old := s.version()
	s.Issued = &domain.Issued{Version: versionName(w.Next), Issuer: "ca1", Names: slices.Clone(spec.Names)}
	s.For, s.Renewal, s.Failure = spec, &domain.RenewalPlan{At: w.Now.Add(60 * 24 * time.Hour)}, nil
	for i := range s.Deliveries {
		s.Deliveries[i].Failure = nil
	}
	for i := range s.Revocations {
		if r := &s.Revocations[i]; r.Issued.Version == old && len(spec.Deliveries) > 0 {
			r.After = w.Now.Add(24 * time.Hour)
		}
	}
}

// decide is the failure policy.
func decide(in FailedAction, issuer string, issuers []string, tried []domain.Failure) Decision {
	f := domain.Failure{Fault: in.Fault, Attempts: 1, At: in.At, RetryAt: in.At.Add(time.Minute), Step: string(in.Action.Step), Issuer: issuer}
	switch in.Fault.Kind {
	case domain.FaultRateLimited:
		f.RetryAt, f.Holds, f.Answer = in.At.Add(time.Hour), true, true
	case domain.FaultName:
		f.RetryAt, f.Answer = in.At.Add(24*time.Hour), true
	case domain.FaultCA:
		if i := slices.Index(issuers, issuer); i >= 0 && i+1 < len(issuers) && len(tried) < len(issuers) {
			return Decision{Failure: f, Next: issuers[i+1]}
		}
	}
	return Decision{Failure: f}
}
