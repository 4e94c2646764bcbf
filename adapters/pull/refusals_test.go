package pull

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAFloodDoesNotFillTheLog(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	r := &refusals{now: func() time.Time { return now }}
	lines := 0
	for range 2000 {
		if _, ok := r.line(); ok {
			lines++
		}
	}
	require.Equal(t, refusalLines, lines)
	now = now.Add(refusalSpan)
	omitted, ok := r.line()
	require.True(t, ok)
	require.Equal(t, 2000-refusalLines, omitted, "the next line says how many there were")
	omitted, ok = r.line()
	require.True(t, ok)
	require.Zero(t, omitted)
}
