package lifecycle

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

func TestStatus(t *testing.T) {
	t.Parallel()
	m := serving(func(m *Machine) { m.Failure = failing(time.Minute) })
	s := m.Status("run")
	require.Equal(t, domain.PhaseFailing, s.Phase)
	require.Equal(t, m.Record.Issued, s.Issued)
	require.Equal(t, m.Record.Renewal, s.Renewal)
	require.Equal(t, m.Failure, s.Failure)
	require.Equal(t, m.Deliveries, s.Deliveries)

	s = m.Status("the run after a reset")
	require.Equal(t, domain.Status{Name: name, Phase: domain.PhaseChecking, Spec: specA}, s,
		"what an earlier run has read is not reported")

	m.Failure = nil
	for _, c := range []struct {
		name   string
		change func(m *Machine)
		phase  domain.Phase
		step   string
	}{
		{"in service", nil, domain.PhaseReady, ""},
		{"nothing read yet", func(m *Machine) { m.Record = nil }, domain.PhaseIssuing, ""},
		{"none in service", func(m *Machine) { m.Record.Issued = nil }, domain.PhaseIssuing, ""},
		{"obtaining", func(m *Machine) { m.Attempt = &Attempt{Stage: StepObtain} }, domain.PhaseIssuing,
			string(StepObtain)},
		{"obtaining after a failure", func(m *Machine) {
			m.Attempt, m.Failure = &Attempt{Stage: StepReserve},
				failing(0)
		}, domain.PhaseIssuing,
			string(StepReserve)},
		{"delivering", func(m *Machine) { m.Running = []Action{{Step: StepDeliver}} }, domain.PhaseReady,
			string(StepDeliver)},
		{"retired", func(m *Machine) { m.Mode = Retired }, domain.PhaseReleased, ""},
		{"cancelled", (*Machine).Cancel, domain.PhaseReleased, ""},
		{"ended", func(m *Machine) { m.Mode = Ended }, domain.PhaseReleased, ""},
		{"retiring", func(m *Machine) { m.Mode = Retiring }, domain.PhaseRetiring, ""},
		{"clearing", func(m *Machine) { m.Mode, m.Failure = Clearing, failing(0) }, domain.PhaseRetiring, ""},
	} {
		s := serving(c.change).Status("run")
		require.Equal(t, c.phase, s.Phase, c.name)
		require.Equal(t, c.step, s.Step, c.name)
	}

	s = serving(func(m *Machine) { m.Mode, m.Deliveries, m.Failure = Retired, nil, failing(0) }).Status("run")
	require.Equal(t, []domain.Delivery{{Target: "t1", Version: "v1", Contacted: true}}, s.Deliveries,
		"those that keep it")
	require.Nil(t, s.Renewal)
	require.Nil(t, s.Failure)
}

func TestUnpublished(t *testing.T) {
	t.Parallel()
	known := Visible{State: string(domain.PhaseReady), Issuer: "ca1", NextRenewal: epoch.Add(time.Hour),
		Names: specA.Names}
	published := func(change func(m *Machine)) func(m *Machine) {
		return func(m *Machine) {
			m.Publish(known)
			if change != nil {
				change(m)
			}
		}
	}
	with := func(change func(v *Visible)) *Visible {
		v := known
		change(&v)
		return &v
	}
	failed := func(v *Visible) { v.State = string(domain.PhaseFailing) }
	for _, c := range []struct {
		name   string
		change func(m *Machine)
		want   *Visible
	}{
		{"nothing is known", nil, &known},
		{"all is known", published(nil), nil},
		{"an attempt passes", published(func(m *Machine) { m.Attempt = &Attempt{} }), nil},
		{"nothing is sure", published((*Machine).Notice), nil},
		{"on the way to the end", published(func(m *Machine) { m.Mode, m.Record.Renewal = Retiring, nil }), nil},
		{"the first is on its way", func(m *Machine) { m.Record.Issued = nil }, nil},
		{"the first failed", func(m *Machine) { m.Record, m.Failure = &domain.Record{}, failing(0) },
			&Visible{State: string(domain.PhaseFailing), Names: specA.Names}},
		{"a failure", published(func(m *Machine) { m.Failure = failing(0) }), with(failed)},
		{"a failure that follows another", func(m *Machine) { m.Publish(*with(failed)); m.Failure = failing(time.Hour) }, nil},
		{"the renewal moved", published(func(m *Machine) { m.Record.Renewal.At = epoch }),
			with(func(v *Visible) { v.NextRenewal = epoch })},
		{"the same instant elsewhere", published(func(m *Machine) { m.Record.Renewal.At = m.Record.Renewal.At.In(time.FixedZone("", 3600)) }), nil},
		{"other names", published(func(m *Machine) { m.Spec = specB }),
			with(func(v *Visible) { v.Names = specB.Names })},
		{"a name more", published(func(m *Machine) { m.Spec.Names = append(slices.Clone(specA.Names), "z.example") }),
			with(func(v *Visible) { v.Names = append(slices.Clone(specA.Names), "z.example") })},
		{"no plan", published(func(m *Machine) { m.Record.Renewal = nil }),
			with(func(v *Visible) { v.NextRenewal = time.Time{} })},
		{"another issuer", published(func(m *Machine) { m.Record.Issued = &domain.Issued{Issuer: "ca2"} }),
			with(func(v *Visible) { v.Issuer = "ca2" })},
		{"another certificate", published(func(m *Machine) {
			m.Record.Issued = &domain.Issued{Issuer: "ca1",
				NotAfter: epoch}
		}),
			with(func(v *Visible) { v.NotAfter = epoch })},
	} {
		m := serving(c.change)
		got := m.Unpublished()
		require.Equal(t, c.want, got, c.name)
		if got != nil {
			m.Publish(*got)
			require.Nil(t, m.Unpublished(), c.name)
		}
	}
}

// A record that cannot be read is why nobody knows what is in service.
func TestStatusSaysWhyTheRecordIsNotRead(t *testing.T) {
	t.Parallel()
	broken := domain.Fault{Kind: domain.FaultOperator, Reason: "DatabaseError", Message: "a malformed row"}
	m := serving(nil)
	m.Unread = &Unread{Tries: 2, RetryAt: epoch, Fault: broken}
	want := &domain.Failure{Fault: broken, Attempts: 2, RetryAt: epoch}
	require.Equal(t, domain.PhaseChecking, m.Status("run").Phase)
	require.Equal(t, want, m.Status("run").Failure)
	m.Record = nil
	require.Equal(t, domain.PhaseChecking, m.Status("run").Phase)
	require.Equal(t, want, m.Status("run").Failure)
}
