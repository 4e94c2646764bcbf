package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A wrong --task-queue is said at once, and does not poison the certificate's name.
func TestAWrongTaskQueue(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	w := s.run()
	wrong := s.queue + "-wrong"
	began := time.Now()
	refused := s.cli("cert", "ensure", s.name, "--name", "queue.example.test", "--task-queue", wrong)
	refused.exits(t, 1)
	require.Contains(t, refused.stderr, "no worker answers on task queue \""+wrong+"\"")
	require.Less(t, time.Since(began), 30*time.Second, "and not after --timeout")
	require.Contains(t, s.cli("cert", "status", s.name).stderr, "UnknownCertificate", "nothing was started")

	poisoned := s.cli("cert", "ensure", s.name, "--name", "queue.example.test", "--task-queue", wrong,
		"--start-anyway", "--timeout", "2s")
	poisoned.exits(t, 3)
	for _, command := range [][]string{
		{"cert", "ensure", s.name, "--name", "queue.example.test"}, {"cert", "retire", s.name},
		{"cert", "status", s.name},
	} {
		stuck := s.cli(command...)
		stuck.exits(t, 1)
		require.Contains(t, stuck.stderr, "is on task queue \""+wrong+"\"")
		require.Contains(t, stuck.stderr, "start a worker with --task-queue "+wrong+
			" (EVERLEAF_TASK_QUEUE), or move the certificate")
	}

	// What the message says works: the workflow is ended, and the next ensure goes on.
	s.quietDown(s.name)
	s.must("cert", "ensure", s.name, "--name", "queue.example.test")
	w.stop()
}
