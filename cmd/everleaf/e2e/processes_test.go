package e2e

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everleaf/ports"
)

// processes are those that run, by everleaf process list.
func (s *stack) processes() (all []ports.Process) {
	s.t.Helper()
	require.NoError(s.t, json.Unmarshal([]byte(s.must("process", "list", "-o", "json").stdout), &all))
	return all
}

// Each process is in the table with what it works with, from its start to its end; one that was killed leaves it after
// a while. No secret is in it.
func TestProcessesAreListed(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	require.Empty(t, s.processes())
	all := s.run("--delivery-host=edge", "--build-id=b1")
	found := s.processes()
	require.Len(t, found, 1)
	process := found[0]
	require.Equal(t, all.identity(""), process.ID[:strings.LastIndex(process.ID, "/")+1],
		"as Temporal knows its workers")
	require.Equal(t, []string{"workflows", "authorization", "delivery", "nexus", "responder", "pull"}, process.Roles)
	require.Equal(t, []string{"b1", s.queue, "default"}, []string{process.Build, process.TaskQueue, process.Namespace})
	require.Equal(t, []ports.ProcessIssuer{{Name: "default", Directory: s.proxy.Directory,
		Settings: ports.Settings{"caBundle": s.proxy.CABundle}}}, process.Issuers)
	require.Equal(t, []string{process.SealsWith}, process.Opens)
	var stored string
	require.NoError(t, s.pool.QueryRow(context.Background(), `SELECT processes::text FROM processes`).Scan(&stored))
	key, err := os.ReadFile(s.sealing)
	require.NoError(t, err)
	for _, secret := range []string{strings.TrimSpace(string(key)), s.setting("EVERLEAF_POSTGRES_URL"),
		s.setting("EVERLEAF_ACME_EMAIL")} {
		require.NotContains(t, stored, secret)
	}

	s.must("cert", "ensure", s.name, "--name", "listed.example.test")
	s.eventually("the profiles, once the directory was read", func() bool {
		issuer := s.processes()[0].Issuers[0]
		return issuer.Known && len(issuer.Profiles) == 1 && issuer.Profiles[0] == "default"
	})
	responder := s.run("--roles=responder", "--http01-listen=127.0.0.1:0")
	table := s.must("process", "list").stdout
	require.Regexp(t, `PROCESS +ROLES +TASK QUEUE +BUILD +STARTED +SEEN +ISSUERS +TARGETS +SEALS WITH`, table)
	require.Regexp(t, responder.identity("")+`\w+ +responder +- `, table)

	all.stop()
	require.Len(t, s.processes(), 1, "a process that stops leaves at once")
	responder.kill()
	require.Len(t, s.processes(), 1, "one that was killed does not")
	_, err = s.pool.Exec(context.Background(), `UPDATE processes SET seen_at = seen_at - make_interval(secs => $1)`,
		ports.ProcessGone.Seconds())
	require.NoError(t, err)
	require.Empty(t, s.processes(), "until it was not seen for long")
}
