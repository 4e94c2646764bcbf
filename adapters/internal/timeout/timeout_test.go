package timeout

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTimeout(t *testing.T) {
	for _, good := range []string{"", "10s", "5m"} {
		require.Empty(t, Fix(good, "30s", 5*time.Minute), good)
	}
	for _, bad := range []string{"10", "soon", "0s", "-1s", "5m1s"} {
		require.Equal(t, "use a time such as 30s, at most 5m0s, or leave it out", Fix(bad, "30s", 5*time.Minute), bad)
	}
	require.Equal(t, time.Minute, Or("", time.Minute))
	require.Equal(t, 10*time.Second, Or("10s", time.Minute))
}
