package lifecycle

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

// A step that is repeated because its answer was lost finds its own work: the certificate does not count as released
// any more, so the policy sees no need. What is revoked is replaced all the same when somebody wants the certificate
// again.
func TestStartReplacesWhatIsRevoked(t *testing.T) {
	t.Parallel()
	revoked := domain.Record{
		Issued:  &domain.Issued{Version: "v1", Issuer: "ca1", Names: specA.Names, Revoked: true},
		Renewal: &domain.RenewalPlan{At: epoch.Add(time.Hour)},
	}
	retiring := serving(func(m *Machine) { m.Mode = Clearing })
	retiring.Ask(domain.Request{ID: "ensure", Kind: domain.RequestEnsure, Spec: &specA})
	perform(t, retiring, StepRecordRequest, func(a Action) {
		retiring.Recorded(a,
			domain.Recorded{Record: revoked, Spec: &specA}, epoch)
	})
	require.Equal(t, &domain.Want{Reason: domain.WakeChanged, Replaces: "v1"}, retiring.Want)
	for _, ensured := range []bool{false, true} {
		m := New(name, State{Spec: specA}, Version, "start", epoch)
		if ensured {
			m.Ask(domain.Request{ID: "ensure", Kind: domain.RequestEnsure, Spec: &specA})
		}
		a := m.Next(Situation{Now: epoch})
		require.Equal(t, StepRecordRequest, a.Step)
		m.Begin(a, epoch)
		m.Recorded(a, domain.Recorded{Record: revoked, Spec: &specA}, epoch)
		require.Equal(t, &domain.Want{Reason: domain.WakeChanged, Replaces: "v1"}, m.Want, "ensured: %t", ensured)
	}
}

// A request that is applied again after a reset, or whose answer was lost, has been carried out: it asks for nothing
// more, and what was asked for since stands.
func TestARepeatedRequestReplacesOnce(t *testing.T) {
	t.Parallel()
	for _, kind := range []domain.RequestKind{domain.RequestRenew, domain.RequestRevoke} {
		for version, want := range map[string]*domain.Want{
			"v1": {Reason: map[domain.RequestKind]string{domain.RequestRenew: domain.WakeRequested,
				domain.RequestRevoke: domain.WakeRevocation}[kind],
				Replaces: "v1"},
			"v0": {Reason: domain.WakeRequested, Replaces: "v1", Force: true},
		} {
			m := serving(func(m *Machine) {
				if version == "v0" {
					m.Want = &domain.Want{Reason: domain.WakeRequested, Replaces: "v1", Force: true}
				}
			})
			m.Ask(domain.Request{ID: "r2", Kind: kind})
			a := m.Next(Situation{Now: epoch})
			m.Begin(a, epoch)
			m.Recorded(a, domain.Recorded{Record: *m.Record, Version: version, Needed: kind == domain.RequestRevoke},
				epoch)
			require.Equal(t, want, m.Want, "%s of %s", kind, version)
		}
	}
}
