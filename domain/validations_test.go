package domain

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestValidationLimit(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	ago := func(minutes ...time.Duration) (at []time.Time) {
		for _, m := range minutes {
			at = append(at, now.Add(-m*time.Minute))
		}
		return at
	}
	for name, c := range map[string]struct {
		failures map[string][]time.Time
		wait     time.Duration
		about    string
	}{
		"none":                           {nil, 0, ""},
		"three":                          {map[string][]time.Time{"a": ago(1, 2, 3)}, 0, ""},
		"four":                           {map[string][]time.Time{"a": ago(1, 2, 3, 50)}, 10 * time.Minute, `"a"`},
		"four, one of them too long ago": {map[string][]time.Time{"a": ago(1, 2, 3, 60)}, 0, ""},
		"five: until three are left":     {map[string][]time.Time{"a": ago(1, 2, 3, 20, 50)}, 40 * time.Minute, `"a"`},
		"two names: the longer wait": {map[string][]time.Time{"a": ago(1, 2, 3, 50), "b": ago(1, 2, 3, 4)},
			56 * time.Minute, `"b"`},
		"two names, the same wait": {map[string][]time.Time{"b": ago(1, 2, 3, 50), "a": ago(1, 2, 3, 50)},
			10 * time.Minute, `"a"`},
		"a clock that is ahead": {map[string][]time.Time{"a": ago(-9, -9, -9, -9)}, time.Hour, `"a"`},
	} {
		t.Run(name, func(t *testing.T) {
			got := ValidationLimit(now, "ca", c.failures)
			if c.wait == 0 {
				require.Nil(t, got)
				return
			}
			require.Equal(t, FaultRateLimited, got.Kind)
			require.Equal(t, c.wait, got.RetryAfter)
			require.Contains(t, got.Message, c.about)
			require.False(t, got.fallsBack(), "the name's fault would follow to every CA")
		})
	}
	require.Equal(t, "a.example", ValidatedName("*.a.example"))
}
