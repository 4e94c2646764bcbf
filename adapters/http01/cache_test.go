package http01

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestCacheForgetsAndIsBounded(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	c := newCache(foundFor)
	c.now = func() time.Time { return now }
	c.put("token", "value")
	got, ok := c.get("token")
	require.True(t, ok)
	require.Equal(t, "value", got)
	_, ok = c.get("other")
	require.False(t, ok)
	now = now.Add(foundFor)
	_, ok = c.get("token")
	require.False(t, ok)
	for i := range 5 * cacheSize {
		c.put(strconv.Itoa(i), "value")
		require.LessOrEqual(t, len(c.entries), cacheSize)
		_, ok = c.get(strconv.Itoa(i))
		require.True(t, ok, "the newest is kept")
	}
}
