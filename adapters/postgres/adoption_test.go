package postgres_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
	"everleaf/ports"
)

func TestAdoption(t *testing.T) {
	s := newStore(t)
	found, err := s.InService(t.Context(), "web")
	require.NoError(t, err)
	require.Nil(t, found)
	order := s.placed(newOrder("web", "web/1"))
	issued, err := s.RecordIssued(t.Context(), order.ID, issuedFor(order), []byte("chain"))
	require.NoError(t, err)
	s.release("web")
	found, err = s.InService(t.Context(), "web")
	require.NoError(t, err)
	require.Equal(t, issued, *found.Issued)
	require.NotNil(t, found.ReleasedAt)
	for range 2 {
		require.NoError(t, s.RecordAdopted(t.Context(), "web", issued.Version, order.Spec))
	}
	found, err = s.InService(t.Context(), "web")
	require.NoError(t, err)
	require.Nil(t, found.ReleasedAt, "kept again")
	require.Equal(t, []string{"placed", "issued", "released", "adopted"}, s.events("web"))

	require.NoError(t, s.RecordRevoked(t.Context(), issued.Version, domain.RevokedSuperseded, noon))
	found, err = s.InService(t.Context(), "web")
	require.NoError(t, err)
	require.True(t, found.Issued.Revoked, "nobody wants it again")
}

func TestRecordChange(t *testing.T) {
	s := newStore(t)
	order := s.placed(newOrder("web", "web/1"))
	_, err := s.RecordIssued(t.Context(), order.ID, issuedFor(order), []byte("chain"))
	require.NoError(t, err)
	failure := domain.Failure{Fault: domain.Fault{Kind: domain.FaultCA, Reason: "Down"}, Attempts: 1, At: noon, RetryAt: noon}
	require.NoError(t, s.RecordFailure(t.Context(), "web", order.Spec, "", failure))
	changes := []string{"deliveries: (none) is now disk"}
	for range 2 {
		require.NoError(t, s.RecordChange(t.Context(), "web", changes, noon, nil))
	}
	found, err := s.InService(t.Context(), "web")
	require.NoError(t, err)
	require.NotNil(t, found.Failure, "a certificate is still to come")
	spec := order.Spec
	spec.Deliveries = []string{"disk"}
	require.NoError(t, s.RecordChange(t.Context(), "web", changes, noon.Add(time.Second), &spec))
	found, err = s.InService(t.Context(), "web")
	require.NoError(t, err)
	require.Nil(t, found.Failure)
	require.Equal(t, domain.PhaseReady, found.Phase)
	require.Equal(t, spec, found.Spec)
	require.Len(t, s.events("web"), 5)
	require.NoError(t, s.RecordFallback(t.Context(), "web", order.ID, "spare", failure))
	require.NoError(t, s.RecordFallback(t.Context(), "web", order.ID, "spare", failure))
	require.Len(t, s.events("web"), 6)
	require.NoError(t, s.RecordChange(t.Context(), "unknown", changes, noon, nil), "it may not be stored yet")
}

// The order of a certificate that is asleep after a failure does not keep its names from another one for days.
func TestSleepingFailureHoldsNoNames(t *testing.T) {
	s := newStore(t)
	dead := s.placed(newOrder("dead", "dead/1", "a.example"))
	_, err := s.OpenOrder(t.Context(), newOrder("twin", "twin/1", "a.example"))
	fault := requireFault(t, err, domain.FaultWait, "SameNamesInFlight")
	require.Positive(t, fault.RetryAfter, "asked again soon, and no step of the ladder")
	at := time.Now()
	failure := domain.Failure{Fault: domain.Fault{Kind: domain.FaultName, Reason: "CAA"}, Attempts: 1, At: at, RetryAt: at.Add(time.Hour)}
	require.NoError(t, s.RecordFailure(t.Context(), "dead", dead.Spec, dead.ID, failure))
	require.Equal(t, "twin", s.open(newOrder("twin", "twin/1", "a.example")).Certificate)
	require.Equal(t, ports.OrderAbandoned, s.order(dead.ID).State)
}

// A kept key is the same row, and what is issued next has it again.
func TestOrderWithAKeptKey(t *testing.T) {
	s := newStore(t)
	order := s.placed(newOrder("web", "web/1"))
	issued, err := s.RecordIssued(t.Context(), order.ID, issuedFor(order), []byte("chain"))
	require.NoError(t, err)
	next := newOrder("web", "web/2")
	next.SealedKey, next.KeyOf = nil, issued.Version
	s.open(next)
	require.Equal(t, 1, s.count("keys"))
}
