package postgres_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
)

func TestHTTPTokens(t *testing.T) {
	s := newStore(t)
	first, second := s.placed(newOrder("web", "web/1")), s.placed(newOrder("api", "api/1"))
	answer := func(token string) string {
		t.Helper()
		found, err := s.KeyAuthorizations(t.Context(), []string{"absent", token, "\x00"})
		require.NoError(t, err)
		require.NotContains(t, found, "absent")
		return found[token]
	}
	shared := domain.Challenge{Token: "shared", KeyAuthorization: "shared.k"}
	own := domain.Challenge{Token: "own", KeyAuthorization: "own.k"}
	for range 2 {
		require.NoError(t, s.PutTokens(t.Context(), first.ID, []domain.Challenge{shared, own, own}))
	}
	require.NoError(t, s.PutTokens(t.Context(), second.ID, []domain.Challenge{shared}))
	require.NoError(t, s.PutTokens(t.Context(), second.ID, nil))
	require.Equal(t, []string{"shared.k", "own.k", "", ""},
		[]string{answer("shared"), answer("own"), answer("x"), answer("\xff\x00")})

	for range 2 {
		require.NoError(t, s.RemoveTokens(t.Context(), first.ID))
	}
	require.Equal(t, []string{"shared.k", ""}, []string{answer("shared"), answer("own")},
		"what another order shares stays")
	require.NoError(t, s.RemoveTokens(t.Context(), second.ID))
	require.Zero(t, s.count("http_tokens"))
}
