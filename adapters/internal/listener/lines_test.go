package listener

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAFloodDoesNotFillTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l Lines
		lines := 0
		for range 2000 {
			if _, ok := l.Next(); ok {
				lines++
			}
		}
		require.Equal(t, mostLines, lines)
		time.Sleep(linesSpan)
		omitted, ok := l.Next()
		require.True(t, ok)
		require.Equal(t, 2000-mostLines, omitted, "the next line says how many there were")
		omitted, ok = l.Next()
		require.True(t, ok)
		require.Zero(t, omitted)
	})
}
