package system_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/adapters/system"
)

func TestClockIsNowInUTC(t *testing.T) {
	before := time.Now()
	now := system.Clock{}.Now()
	require.Equal(t, time.UTC, now.Location())
	require.False(t, now.Before(before.Truncate(0)))
	require.False(t, now.After(time.Now()))
}

func TestFractionsAreInRangeAndDiffer(t *testing.T) {
	seen := map[float64]bool{}
	for range 1000 {
		fraction := system.Rand{}.Float64()
		require.GreaterOrEqual(t, fraction, 0.0)
		require.Less(t, fraction, 1.0)
		seen[fraction] = true
	}
	require.Greater(t, len(seen), 990)
}
