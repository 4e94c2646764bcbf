package lifecycle

import (
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

// The status has the generation of the spec that it shows, from the record that Postgres answered with.
func TestStatusHasTheGeneration(t *testing.T) {
	t.Parallel()
	m := New(name, State{Spec: specA, Expected: generation(specB)}, Version, "start", epoch)
	require.Zero(t, m.Status("run").Generation, "nobody has counted yet")
	require.Nil(t, m.Expected, "the next run expects nothing")
	ticket, _ := m.Ticket("start")
	require.Equal(t, generation(specB), ticket.Request.ExpectedGeneration)
	perform(t, m, StepRecordRequest, func(a Action) {
		m.Recorded(a, domain.Recorded{Spec: &specA, Generation: 4},
			epoch)
	})
	require.EqualValues(t, 4, m.Status("run").Generation)

	m.Ask(domain.Request{ID: "r2", Kind: domain.RequestEnsure, Spec: &specB})
	perform(t, m, StepRecordRequest, func(a Action) {
		m.Recorded(a, domain.Recorded{Record: *m.Record, Superseded: true, Spec: &specC, Generation: 6}, epoch)
	})
	require.EqualValues(t, 6, m.Status("run").Generation)
	require.Equal(t, specC, m.Spec)
}

// A refusal for another generation corrects a workflow that was reset to before a change, and no other.
func TestAConflictCorrectsTheSpec(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		out     domain.Recorded
		mode    Mode
		spec    domain.Spec
		want    bool
		refusal domain.RequestKind
	}{
		{"as it is known", domain.Recorded{Spec: &specA, Generation: 2}, Active, specA, false, domain.RequestEnsure},
		{"later than is known", domain.Recorded{Spec: &specB, Generation: 3}, Active, specB, true,
			domain.RequestEnsure},
		{"later than is known, on the way to the end", domain.Recorded{Spec: &specB, Generation: 3}, Retiring, specB,
			false, domain.RequestEnsure},
		{"nothing is stored", domain.Recorded{}, Active, specA, false, domain.RequestEnsure},
		{"a plain start", domain.Recorded{Spec: &specB, Generation: 3}, Active, specA, false, domain.RequestStart},
	} {
		m := serving(func(m *Machine) { m.Spec, m.Generation, m.Mode = specA, 2, c.mode })
		m.Ask(domain.Request{ID: "r2", Kind: c.refusal, Spec: &specC, ExpectedGeneration: generation(specC)})
		c.out.Refused = fault(domain.FaultSpec, domain.ReasonGenerationConflict)
		perform(t, m, StepRecordRequest, func(a Action) { m.Recorded(a, c.out, epoch) })
		require.Equal(t, c.spec, m.Spec, c.name)
		require.Equal(t, c.want, m.Want != nil, c.name)
		require.Equal(t, c.spec.Names[0] == specB.Names[0], m.Stale, "%s: the record is read again", c.name)
		if c.refusal == domain.RequestEnsure {
			require.Equal(t, Answer{Fault: c.out.Refused}, m.Answer("r2", Situation{Now: epoch}), c.name)
		} else {
			require.Equal(t, Refused, m.Mode, c.name)
		}
	}
}

// A dry run is answered from what the step says, and the machine wants nothing new.
func TestADryRunChangesNothing(t *testing.T) {
	t.Parallel()
	for _, mode := range []Mode{Active, Retiring, Retired} {
		m := serving(func(m *Machine) {
			m.Mode = mode
			if mode != Active {
				m.Record.Retirement = domain.Retiring
			}
		})
		spec := m.Spec
		m.Ask(domain.Request{ID: "r2", Kind: domain.RequestEnsure, Spec: &specB, DryRun: true})
		perform(t, m, StepRecordRequest, func(a Action) {
			m.Recorded(a, domain.Recorded{Record: *m.Record, Changes: []string{"names"}, Needed: true}, epoch)
		})
		require.Equal(t, Answer{}, m.Answer("r2", Situation{Now: epoch}))
		ticket, _ := m.Ticket("r2")
		require.Equal(t, []string{"names"}, ticket.Changes)
		require.True(t, ticket.WouldIssue)
		require.Nil(t, m.Want)
		require.Equal(t, spec, m.Spec)
	}
	m := New(name, State{Spec: specA}, Version, "start", epoch)
	m.Ask(domain.Request{ID: "r2", Kind: domain.RequestEnsure, Spec: &specB, DryRun: true})
	require.Equal(t, "start", m.Next(Situation{Now: epoch}).Request, "it does not stand for the start")
}
