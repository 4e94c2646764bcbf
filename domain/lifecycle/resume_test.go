package lifecycle

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

// A workflow that was lost is started with nothing but the wish to go on. The request that came with the start is
// carried out on what is stored, and nothing else is begun before it.
func TestAResumedRunGoesOnWithWhatIsStored(t *testing.T) {
	t.Parallel()
	stored := domain.Record{
		Issued:  &domain.Issued{Version: "v1", Issuer: "ca1", Names: specA.Names},
		Renewal: &domain.RenewalPlan{At: epoch.Add(-time.Hour)}, // due, and not what was asked for
	}
	resumed := func(retirement domain.Retirement, kind domain.RequestKind) *Machine {
		state, err := Decode([]byte(`{"resume": true, "caller": "ops"}`), false)
		require.NoError(t, err)
		m := New(name, state, Version, "start", epoch)
		m.Ask(domain.Request{ID: "asked", Kind: kind})
		a := m.Next(Situation{Now: epoch})
		require.Equal(t, "start", a.Request)
		start, _ := m.Ticket(a.Request)
		require.Equal(t, domain.Request{ID: "start", Kind: domain.RequestStart, At: epoch, Caller: "ops", Resume: true},
			start.Request)
		m.Begin(a, epoch)
		record := stored
		record.Retirement = retirement
		m.Recorded(a, domain.Recorded{Record: record, Spec: &specA, Generation: 7, Superseded: true}, epoch)
		require.Equal(t, specA, m.Spec)
		require.EqualValues(t, 7, m.Generation)
		a = m.Next(Situation{Now: epoch})
		require.Equal(t, "asked", a.Request, "before the renewal that is due")
		m.Begin(a, epoch)
		switch kind {
		case domain.RequestRetire:
			if record.Retirement == "" {
				record.Retirement = domain.Clearing
			}
		case domain.RequestRevoke:
			record.Revocations = []domain.Revocation{{Issued: *stored.Issued, WithoutReplacement: true}}
		}
		m.Recorded(a, domain.Recorded{Record: record, Version: "v1"}, epoch)
		return m
	}
	require.Equal(t, Clearing, resumed("", domain.RequestRetire).Mode)
	require.Equal(t, &domain.Want{Reason: domain.WakeRequested, Replaces: "v1"}, resumed("", domain.RequestRenew).Want)

	retired := resumed(domain.Released, domain.RequestRetire)
	require.Equal(t, Retired, retired.Mode)
	ticket, _ := retired.Ticket("asked")
	require.True(t, ticket.Already)
	require.Equal(t, domain.ReasonRetired,
		resumed(domain.Released, domain.RequestRenew).Answer("asked", Situation{Now: epoch}).Fault.Reason)
	revoking := resumed(domain.Released, domain.RequestRevoke)
	require.Equal(t, StepRevoke, revoking.Next(Situation{Now: epoch}).Step)
	require.Equal(t, domain.PhaseRetiring, revoking.Status("").Phase)

	// An Ensure is compared with what is stored.
	m := New(name, State{Resume: true, Mode: Active}, Version, "start", epoch)
	m.Ask(domain.Request{ID: "ensure", Kind: domain.RequestEnsure, Spec: &specA})
	require.Equal(t, "start", m.Next(Situation{Now: epoch}).Request)
}
