package lifecycle

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

func TestTicket(t *testing.T) {
	t.Parallel()
	m := serving(nil)
	m.Ask(domain.Request{ID: "r2", Kind: domain.RequestRenew})
	ticket, ok := m.Ticket("r2")
	require.True(t, ok)
	require.Equal(t, Ticket{Request: domain.Request{ID: "r2", Kind: domain.RequestRenew}}, ticket)
	m.Forget("r2")
	ticket, ok = m.Ticket("r2")
	require.False(t, ok)
	require.Zero(t, ticket)
}

// Each lane has a failure of its own.
func TestPrevious(t *testing.T) {
	t.Parallel()
	attempt, target, revocation := failing(1), failing(2), failing(3)
	m := serving(func(m *Machine) {
		m.Failure, m.Deliveries[0].Failure = attempt, target
		m.Record.Revocations = pending("v0", func(r *domain.Revocation) { r.Failure = revocation })
	})
	for action, want := range map[Action]*domain.Failure{
		{Step: StepReserve}:                  attempt,
		{Step: StepObtain}:                   attempt,
		{Step: StepDeliver, Target: "t1"}:    target,
		{Step: StepRemove, Target: "t1"}:     target,
		{Step: StepDeliver, Target: "other"}: nil,
		{Step: StepRevoke, Version: "v0"}:    revocation,
		{Step: StepRevoke, Version: "other"}: nil,
	} {
		require.Equal(t, want, m.Previous(action), "%v", action)
	}
}

func TestTargetHost(t *testing.T) {
	t.Parallel()
	for delivery, want := range map[string][2]string{
		"disk": {"disk", ""}, "disk@h1": {"disk", "h1"}, "disk@h1.example.com": {"disk", "h1.example.com"},
		"disk@": {"disk", ""}, "": {"", ""},
	} {
		target, host := TargetHost(delivery)
		require.Equal(t, want, [2]string{target, host}, delivery)
	}
}

// A target that is listed without a version has met the certificate, so it may have it.
func TestStillDelivered(t *testing.T) {
	t.Parallel()
	require.Nil(t, StillDelivered("a", nil))
	fault := StillDelivered("a", []domain.Delivery{{Target: "disk", Version: "v1"},
		{Target: "perhaps", Contacted: true}, {Target: "web@h1"}})
	require.Equal(t, domain.ReasonStillDelivered, fault.Reason)
	require.Equal(t, domain.FaultSpec, fault.Kind)
	require.Contains(t, fault.Message, `certificate "a" is retired and was left at its targets disk, perhaps, web@h1, which nobody`)

	for length, want := range map[int]string{250: strings.Repeat("a", 248) + ", " + strings.Repeat("b", 250) +
		", which", 251: strings.Repeat("a", 248) + ", and 1 more, which"} {
		fault = StillDelivered("a", []domain.Delivery{{Target: strings.Repeat("a", 248)},
			{Target: strings.Repeat("b", length)}})
		require.Contains(t, fault.Message, want, "500 octets of targets, and no more")
	}

	many := make([]domain.Delivery, 100)
	for i := range many {
		many[i].Target = strings.Repeat("t", 200)
	}
	fault = StillDelivered("a", many)
	require.Less(t, len(fault.Message), 1000)
	require.Contains(t, fault.Message, "t, and 98 more, which nobody")
}
