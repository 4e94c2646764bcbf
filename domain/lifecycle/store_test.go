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
	Retirement  domain.Retirement
	// Spec is the one that was recorded last. Requests are those that are recorded and not answered yet.
	Spec     domain.Spec
	Requests []recorded
}

// recorded is a request that Postgres has, with the version that was in service then.
type recorded struct{ ID, Version string }

func (s *store) record() domain.Record {
	return deep(domain.Record{ReadBy: "run", Issued: s.Issued, Renewal: s.Renewal, Failure: s.Failure,
		Revocations: s.Revocations,
		Deliveries:  s.Deliveries, Retirement: s.Retirement})
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

// revocable reports whether something is to be revoked that need not be replaced first. What was to be replaced when
// Postgres did not know that the certificate is retired waits for an Ensure.
func (s *store) revocable() bool {
	due := func(r domain.Revocation) bool { return r.WithoutReplacement || r.Issued.Version != s.version() }
	return slices.ContainsFunc(s.Revocations, due)
}

func (s *store) delivery(target string) *domain.Delivery {
	i := slices.IndexFunc(s.Deliveries, func(d domain.Delivery) bool { return d.Target == target })
	if i < 0 {
		return nil
	}
	return &s.Deliveries[i]
}

// contact notes that a step contacts the target.
func (s *store) contact(target string) *domain.Delivery {
	if s.delivery(target) == nil {
		s.Deliveries = append(s.Deliveries, domain.Delivery{Target: target, Contacted: true})
		slices.SortFunc(s.Deliveries, func(a, b domain.Delivery) int { return strings.Compare(a.Target, b.Target) })
	}
	return s.delivery(target)
}

// issue puts a version in service, as RecordIssued does.
func (w *world) issue(spec domain.Spec) {
	s := &w.Store
	w.Next++
	old := s.version()
	s.Issued = &domain.Issued{Version: versionName(w.Next), Issuer: "ca1", Names: slices.Clone(spec.Names),
		KeyType:   domain.KeyECDSAP256,
		NotBefore: w.Now, NotAfter: w.Now.Add(90 * 24 * time.Hour)}
	s.For, s.Renewal, s.Failure = spec, &domain.RenewalPlan{At: w.Now.Add(60 * 24 * time.Hour)}, nil
	for i := range s.Deliveries {
		s.Deliveries[i].Failure = nil
	}
	for i := range s.Revocations {
		if r := &s.Revocations[i]; r.Issued.Version == old && len(spec.Deliveries) > 0 && !r.WithoutReplacement {
			r.After = w.Now.Add(24 * time.Hour)
		}
	}
}
