package postgres_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/postgres"
	"everleaf/domain"
)

// What was asked for outlives the workflow, until it is done.
func TestPendingRevocations(t *testing.T) {
	s := newStore(t)
	order := s.placed(newOrder("web", "web/1"))
	long := issuedFor(order)
	long.NotAfter = time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	issued, err := s.RecordIssued(t.Context(), order.ID, long, []byte("chain"))
	require.NoError(t, err)
	left, err := s.Left(t.Context(), "web")
	require.NoError(t, err)
	require.Empty(t, left.Revoking)

	asked := domain.Revocation{Issued: issued, Reason: domain.RevokedKeyCompromise, SignedBy: domain.SignedByCertificateKey}
	require.NoError(t, s.RecordRevoking(t.Context(), asked))
	asked.After, asked.WithoutReplacement = noon, true
	asked.Failure = &domain.Failure{Fault: domain.Fault{Kind: domain.FaultCA, Reason: "ServerError"}, Attempts: 1, At: noon, RetryAt: noon}
	for range 2 {
		require.NoError(t, s.RecordRevoking(t.Context(), asked))
	}
	left, err = s.Left(t.Context(), "web")
	require.NoError(t, err)
	require.Equal(t, []domain.Revocation{asked}, left.Revoking)
	story, err := postgres.NewStories(s.pool).Story(t.Context(), "web", 10)
	require.NoError(t, err)
	require.Equal(t, left.Revoking, story.Revoking)

	require.NoError(t, s.RecordRevoked(t.Context(), issued.Version, asked.Reason, noon))
	require.NoError(t, s.RecordRevoking(t.Context(), asked), "a late note")
	left, err = s.Left(t.Context(), "web")
	require.NoError(t, err)
	require.Empty(t, left.Revoking)
	require.Equal(t, []string{"placed", "issued", "revocation_asked", "revoked"}, s.events("web"))

	asked.Issued.Version = "00000000-0000-0000-0000-000000000000"
	requireFault(t, s.RecordRevoking(t.Context(), asked), domain.FaultOperator, "UnknownVersion")
	asked.Issued.Version = "none"
	requireFault(t, s.RecordRevoking(t.Context(), asked), domain.FaultOperator, "UnknownVersion")
}

func TestExpiredVersionsAreNotRevoked(t *testing.T) {
	s := newStore(t)
	order := s.placed(newOrder("web", "web/1"))
	past := issuedFor(order)
	past.NotAfter = time.Now().Add(-time.Minute)
	issued, err := s.RecordIssued(t.Context(), order.ID, past, []byte("chain"))
	require.NoError(t, err)
	require.NoError(t, s.RecordRevoking(t.Context(), domain.Revocation{Issued: issued}))
	left, err := s.Left(t.Context(), "web")
	require.NoError(t, err)
	require.Empty(t, left.Revoking)
}
