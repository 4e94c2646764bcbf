package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Which release decided what is in the history, also without worker versioning.
func TestHistoriesNameTheBuild(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.set("EVERLEAF_BUILD_ID", "v1.2.3")
	s.worker()
	s.must("cert", "ensure", s.name, "--name", "www.example.test")
	completed := 0
	for _, e := range s.rested(s.name).Events {
		if task := e.GetWorkflowTaskCompletedEventAttributes(); task != nil {
			completed++
			require.Equal(t, "v1.2.3", task.GetWorkerVersion().GetBuildId())
			require.False(t, task.GetWorkerVersion().GetUseVersioning())
		}
	}
	require.Positive(t, completed)
}
