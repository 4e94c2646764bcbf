package lifecycle

import (
	"time"

	"everleaf/domain"
)

// Visible is what Temporal's visibility knows of a certificate.
type Visible struct {
	State       string    `json:"state"`
	Issuer      string    `json:"issuer,omitempty"`
	NotAfter    time.Time `json:"notAfter,omitzero"`
	NextRenewal time.Time `json:"nextRenewal,omitzero"`
	Names       []string  `json:"names,omitempty"`
}

// Status is what callers see. run is the run that asks: after a reset, what an earlier run has read is not reported.
func (m *Machine) Status(run string) domain.Status {
	s := domain.Status{Name: m.Name, Phase: m.phase(), Step: m.step(), Cycle: m.Cycle, Spec: m.Spec,
		Generation: m.Generation, Failure: m.Failure}
	if m.Record == nil || m.Record.ReadBy != run {
		if m.Record != nil || m.Unread != nil {
			s.Phase, s.Failure = domain.PhaseChecking, nil
		}
		if m.Unread != nil {
			s.Failure = m.Unread.failure()
		}
		return s
	}
	if m.Unread != nil { // what follows may be older than what is stored
		s.Phase = domain.PhaseChecking
		s.Failure = m.Unread.failure()
	}
	s.Issued, s.Renewal, s.Revoking, s.Deliveries = m.Record.Issued, m.Record.Renewal, m.Record.Revocations, m.listed()
	if m.Mode == Retired {
		s.Renewal, s.Failure, s.Deliveries = nil, nil, m.Left()
	}
	return s
}

// failure is why the record could not be read.
func (u *Unread) failure() *domain.Failure {
	return &domain.Failure{Fault: u.Fault, Attempts: u.Tries, RetryAt: u.RetryAt}
}

func (m *Machine) phase() domain.Phase {
	switch {
	case m.Mode == Retired || m.cancelled():
		return domain.PhaseReleased
	case m.Mode == Retiring || m.Mode == Clearing:
		return domain.PhaseRetiring
	case m.Attempt != nil:
		return domain.PhaseIssuing
	case m.Failure != nil:
		return domain.PhaseFailing
	case m.Issued() == nil:
		return domain.PhaseIssuing
	default:
		return domain.PhaseReady
	}
}

// step is the step at work that matters most.
func (m *Machine) step() string {
	if m.Attempt != nil {
		return string(m.Attempt.Stage)
	}
	if len(m.Running) > 0 {
		return string(m.Running[0].Step)
	}
	return ""
}

// Unpublished returns what visibility does not know yet, nil if it knows all. A passing state is not worth an action:
// neither an attempt at work nor a failure that follows another.
func (m *Machine) Unpublished() *Visible {
	if m.Attempt != nil || !m.known() || m.ends() || m.Issued() == nil && m.Failure == nil {
		return nil
	}
	now := Visible{State: string(m.phase()), Names: m.Spec.Names}
	if issued := m.Issued(); issued != nil {
		now.Issuer, now.NotAfter = issued.Issuer, issued.NotAfter
	}
	if m.Record.Renewal != nil {
		now.NextRenewal = m.Record.Renewal.At
	}
	if m.Visible != nil && m.Visible.same(now) {
		return nil
	}
	return &now
}

// Publish notes that visibility knows.
func (m *Machine) Publish(v Visible) { m.Visible = &v }

func (v Visible) same(other Visible) bool {
	same := v.State == other.State && v.Issuer == other.Issuer && v.NotAfter.Equal(other.NotAfter) &&
		v.NextRenewal.Equal(other.NextRenewal) && len(v.Names) == len(other.Names)
	for i := 0; same && i < len(v.Names); i++ {
		same = v.Names[i] == other.Names[i]
	}
	return same
}
