package lifecycle

import (
	"fmt"
	"slices"
	"time"

	"everleaf/domain"
	"everleaf/domain/lifecycle"
	"everleaf/ports"
)

// store stands in for Postgres, the CA, the targets and the policy: the eight steps over one record, in a few rules.
type store struct {
	record domain.Record
	// renewal is after how long a certificate is replaced.
	renewal time.Duration
	// requested are the versions that were in service when a request was recorded first.
	requested map[string]string
	// issued counts the certificates, failures are those to come, by step.
	issued   int
	failures map[string][]error
	// slow is how long the CA asks to wait before an order is placed.
	slow time.Duration
	// tenant is the fairness key that the policy gives, priority the urgency.
	tenant   string
	priority int
	// readBy is the run that has got the answers, if it is not the one that asks.
	readBy string
}

const (
	day      = 24 * time.Hour
	lifetime = 90 * day
	renewal  = 60 * day
	backoff  = time.Minute
)

func newStore() *store {
	return &store{failures: map[string][]error{}, requested: map[string]string{}, renewal: renewal}
}

// answer is the record as a step of the run sees it.
func (s *store) answer(run string) domain.Record {
	record := s.record
	record.ReadBy = run
	if s.readBy != "" {
		record.ReadBy = s.readBy
	}
	record.Revocations, record.Deliveries = slices.Clone(record.Revocations), slices.Clone(record.Deliveries)
	return record
}

// failure is the next failure of a step, nil for a success.
func (s *store) failure(step string) error {
	next := s.failures[step]
	if len(next) == 0 {
		return nil
	}
	s.failures[step] = next[1:]
	return next[0]
}

func (s *store) version() string {
	if s.record.Issued == nil {
		return ""
	}
	return s.record.Issued.Version
}

// carryOut does what a step does, by its input, for a run.
func (s *store) carryOut(run string, now time.Time, in any) any {
	switch in := in.(type) {
	case ports.RecordRequestInput:
		return s.recordRequest(run, in)
	case ports.ReserveOrderInput:
		return s.reserve(run, in)
	case ports.ObtainCertificateInput:
		return s.obtain(run, now, in)
	case ports.RecordFailureInput:
		return s.recordFailure(in)
	case ports.DeliverCertificateInput:
		return s.deliver(now, in)
	case ports.RemoveDeliveryInput:
		s.remove(in.Target)
		return ports.RemoveDeliveryOutput{}
	case ports.RevokeCertificateInput:
		return s.revoke(run, in)
	case ports.RecordReleasedInput:
		return s.release(run)
	default:
		panic(fmt.Sprintf("no step takes %T", in))
	}
}

func (s *store) recordRequest(run string, in ports.RecordRequestInput) (out ports.RecordRequestOutput) {
	request := in.Request
	if request == nil {
		return ports.RecordRequestOutput{Record: s.answer(run)}
	}
	if _, recorded := s.requested[request.ID]; !recorded {
		s.requested[request.ID] = s.version()
	}
	switch request.Kind {
	case domain.RequestRenew:
		out.Version = s.requested[request.ID]
	case domain.RequestStart, domain.RequestEnsure:
		spec, err := request.Spec.Validated()
		if err != nil {
			out.Refused = domain.AsFault(err)
			break
		}
		out.Spec = &spec
		needed, replaces := domain.Needed(request.At, s.record, spec, domain.Want{Reason: domain.WakeChanged})
		out.Needed = needed && (s.record.Issued == nil || replaces != "")
		s.record.Retirement = ""
		if len(in.Before.Names) > 0 && !slices.Equal(in.Before.Names, spec.Names) {
			out.Changes = append(out.Changes, "names")
		}
		if !slices.Equal(in.Before.Deliveries, spec.Deliveries) {
			out.Changes = append(out.Changes, "deliveries")
		}
	case domain.RequestRevoke:
		if s.record.Issued == nil {
			out.Refused = &domain.Fault{Kind: domain.FaultSpec, Reason: "NothingToRevoke",
				Message: "none is in service"}
			break
		}
		out.Version, out.Needed = s.version(), !request.WithoutReplacement
		s.record.Revocations = append(s.record.Revocations, domain.Revocation{
			Issued: *s.record.Issued, Reason: request.Reason, SignedBy: request.SignedBy,
			WithoutReplacement: request.WithoutReplacement,
		})
	case domain.RequestRetire:
		if s.record.Retirement != domain.Released {
			s.record.Retirement = domain.Retiring
			if request.RemoveDeliveries {
				s.record.Retirement = domain.Clearing
			}
		}
		for i := range s.record.Revocations { // nothing replaces them
			s.record.Revocations[i].WithoutReplacement, s.record.Revocations[i].After = true, time.Time{}
		}
	}
	out.Record = s.answer(run)
	return out
}

func (s *store) reserve(run string, in ports.ReserveOrderInput) ports.ReserveOrderOutput {
	out := ports.ReserveOrderOutput{Record: s.answer(run), Tenant: s.tenant, Priority: s.priority}
	out.Needed, out.Replaces = domain.Needed(in.At, s.record, in.Spec, in.Want)
	if out.Needed && s.slow > 0 {
		out.From = in.At.Add(s.slow)
	}
	out.NewKey = slices.ContainsFunc(s.record.Revocations,
		func(r domain.Revocation) bool { return r.Reason == domain.RevokedKeyCompromise })
	return out
}

func (s *store) obtain(run string, now time.Time, in ports.ObtainCertificateInput) ports.ObtainCertificateOutput {
	if s.version() == in.Replaces {
		s.issued++
		issued := domain.Issued{
			Version: fmt.Sprintf("v%d", s.issued), Serial: fmt.Sprintf("%02x", s.issued), Issuer: in.Issuer,
			Names:   in.Spec.Names,
			KeyType: in.Spec.KeyType, Profile: in.Spec.Profile, NotBefore: now, NotAfter: now.Add(lifetime),
		}
		for i := range s.record.Revocations {
			if r := &s.record.Revocations[i]; len(in.Spec.Deliveries) > 0 && r.Issued.Version == in.Replaces {
				r.After = now.Add(day)
			}
		}
		s.record.Issued = &issued
	}
	s.record.Renewal = &domain.RenewalPlan{At: now.Add(s.renewal), Reason: "ARIWindow"}
	s.record.Failure = nil
	for i := range s.record.Deliveries {
		s.record.Deliveries[i].Failure = nil
	}
	return ports.ObtainCertificateOutput{Record: s.answer(run)}
}

func (s *store) deliver(now time.Time, in ports.DeliverCertificateInput) ports.DeliverCertificateOutput {
	s.remove(in.Target)
	s.record.Deliveries = append(s.record.Deliveries,
		domain.Delivery{Target: in.Target, Version: in.Version, At: now, Contacted: true})
	slices.SortFunc(s.record.Deliveries, func(a, b domain.Delivery) int { return len(a.Target) - len(b.Target) })
	return ports.DeliverCertificateOutput{}
}

func (s *store) remove(target string) {
	s.record.Deliveries = slices.DeleteFunc(s.record.Deliveries,
		func(d domain.Delivery) bool { return d.Target == target })
}

func (s *store) revoke(run string, in ports.RevokeCertificateInput) ports.RevokeCertificateOutput {
	s.record.Revocations = slices.DeleteFunc(s.record.Revocations,
		func(r domain.Revocation) bool { return r.Issued.Version == in.Version })
	if s.version() == in.Version {
		revoked := *s.record.Issued
		revoked.Revoked = true
		s.record.Issued = &revoked
	}
	return ports.RevokeCertificateOutput{Record: s.answer(run)}
}

// recordFailure is the policy in short: a minute more each time or what the other side asked, another issuer where the
// CA is at fault.
func (s *store) recordFailure(in ports.RecordFailureInput) (out ports.RecordFailureOutput) {
	out.Failure = domain.Failure{Fault: in.Fault, Attempts: 1, At: in.At, Step: in.Step}
	if in.Previous != nil {
		out.Failure.Attempts += in.Previous.Attempts
	}
	wait := time.Duration(out.Failure.Attempts) * backoff
	if in.Fault.RetryAfter > 0 {
		wait = in.Fault.RetryAfter
	}
	out.Failure.RetryAt = in.At.Add(wait)
	out.Failure.Answer = wait >= backoff || in.Fault.Kind == domain.FaultName
	out.Failure.Holds = in.Fault.Kind == domain.FaultRateLimited
	switch lifecycle.Step(in.Step) {
	case lifecycle.StepReserve, lifecycle.StepObtain:
		if in.Fault.Kind == domain.FaultCA && len(in.Spec.Issuers) > len(in.Tried)+1 {
			out.Next = in.Spec.Issuers[len(in.Tried)+1]
			return out
		}
		s.record.Failure = &out.Failure
	case lifecycle.StepRevoke:
		for i := range s.record.Revocations {
			if s.record.Revocations[i].Issued.Version == in.Version {
				s.record.Revocations[i].Failure = &out.Failure
			}
		}
	case lifecycle.StepDeliver, lifecycle.StepRemove:
		for i := range s.record.Deliveries {
			if s.record.Deliveries[i].Target == in.Target {
				s.record.Deliveries[i].Failure = &out.Failure
			}
		}
	}
	return out
}

func (s *store) release(run string) ports.RecordReleasedOutput {
	s.record.Retirement = domain.Released
	return ports.RecordReleasedOutput{Record: s.answer(run)}
}
