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
	perform(t, retiring, StepRecordRequest, func(a Action) { retiring.Recorded(a, Recorded{Record: revoked, Spec: &specA}, epoch) })
	require.Equal(t, &domain.Want{Reason: domain.WakeChanged, Replaces: "v1"}, retiring.Want)
	for _, ensured := range []bool{false, true} {
		m := New(name, State{Spec: specA}, "start", epoch)
		if ensured {
			m.Ask(domain.Request{ID: "ensure", Kind: domain.RequestEnsure, Spec: &specA})
		}
		a := m.Next(Situation{Now: epoch})
		require.Equal(t, StepRecordRequest, a.Step)
		m.Begin(a, epoch)
		m.Recorded(a, Recorded{Record: revoked, Spec: &specA}, epoch)
		require.Equal(t, &domain.Want{Reason: domain.WakeChanged, Replaces: "v1"}, m.Want, "ensured: %t", ensured)
	}
}
