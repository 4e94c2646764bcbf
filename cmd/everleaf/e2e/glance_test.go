package e2e

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everleaf/domain"
	"everleaf/ports"
)

// What is known of a certificate shows, whichever part is away: the steps' last answers while somebody waits, what is
// stored without a worker, and that nobody keeps it once its workflow is gone.
func TestAtAGlance(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	w := s.worker()
	s.must("cert", "ensure", s.name, "--name", "glance.example.test", "--name", "www.glance.example.test")
	s.must("cert", "renew", s.name, "--note", "to see who asked")
	listed := s.must("cert", "list", "--name", "www.glance.*").stdout
	require.Contains(t, listed, s.name)
	require.Contains(t, listed, "glance.example.test +1")
	explained := s.must("cert", "explain", s.name).stdout
	require.Regexp(t, `: \S+@\S+ asked for the certificate\.`, explained)
	require.Regexp(t, `: \S+@\S+ asked for a renewal, with the note: to see who asked\.`, explained)
	w.stop()

	// Nobody listens where challenges are looked for.
	s.set("EVERLEAF_HTTP01_CHECK_PORT", "1")
	w = s.worker()
	began := time.Now()
	refused := s.cli("cert", "ensure", s.name+"-refused", "--name", "refused.example.test")
	refused.exits(t, 1)
	require.Less(t, time.Since(began), time.Minute)
	require.Contains(t, refused.stderr, "issuing, step ObtainCertificate: waits for the challenge to be seen from here; since ")
	require.Contains(t, refused.stderr, "connection refused")
	require.Contains(t, refused.stderr, "gives up in ")
	failing := s.cli("cert", "list", "--state", "Failing", "-o", "json")
	failing.exits(t, 0)
	var list []ports.ListedCertificate
	require.NoError(t, json.Unmarshal([]byte(failing.stdout), &list))
	require.Len(t, list, 1)
	require.Equal(t, s.name+"-refused", list[0].Name)
	w.kill()

	began = time.Now()
	silent := s.must("cert", "status", s.name)
	require.Less(t, time.Since(began), 30*time.Second)
	require.Contains(t, silent.stdout, "Answered by  Postgres, since ")
	require.Contains(t, silent.stdout, "Names        glance.example.test, www.glance.example.test")

	require.NoError(t, s.temporal.TerminateWorkflow(t.Context(), ports.WorkflowID(s.name), "", "by mistake"))
	gone := s.cli("cert", "status", s.name)
	gone.exits(t, 1)
	require.Contains(t, gone.stdout, "Phase        "+string(domain.PhaseNoWorkflow))
	require.Contains(t, gone.stdout, "To start one: everleaf cert ensure "+s.name)

	// A row that somebody has edited: it is shown, and the others are.
	_, err := s.pool.Exec(t.Context(), `UPDATE certificates SET spec = '"edited"' WHERE name = $1`, s.name)
	require.NoError(t, err)
	edited := s.cli("cert", "list")
	edited.exits(t, 1)
	require.Contains(t, edited.stdout, "malformed row: spec: ")
	require.Contains(t, edited.stdout, s.name+"-refused")
}
