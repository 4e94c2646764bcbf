package postgres_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/postgres"
)

func TestFailedValidations(t *testing.T) {
	s := newStore(t)
	v := postgres.NewValidations(s.pool)
	fail := func(issuer, name, url string, at time.Time) {
		t.Helper()
		require.NoError(t, v.RecordFailedValidation(t.Context(), issuer, name, url, at))
	}
	fail("ca", "a.example", "u1", noon)
	fail("ca", "a.example", "u1", noon.Add(time.Minute)) // recorded again
	fail("ca", "a.example", "u2", noon.Add(2*time.Minute))
	fail("ca", "b.example", "u3", noon)
	fail("other", "a.example", "u1", noon)
	got, err := v.FailedValidations(t.Context(), "ca", []string{"a.example", "c.example"}, noon.Add(-time.Second))
	require.NoError(t, err)
	require.Equal(t, map[string][]time.Time{"a.example": {noon.Add(2 * time.Minute), noon}}, got)
	got, err = v.FailedValidations(t.Context(), "ca", []string{"a.example"}, noon)
	require.NoError(t, err)
	require.Equal(t, map[string][]time.Time{"a.example": {noon.Add(2 * time.Minute)}}, got)

	fail("ca", "a.example", "u4", noon.Add(61*time.Minute))
	require.Equal(t, 2, s.count("failed_validations"), "what counts no more is forgotten")
}
