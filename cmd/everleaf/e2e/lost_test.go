package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"everleaf/domain"
	"everleaf/ports"
)

// A workflow that was terminated, or that Temporal has forgotten, cannot record that it ends. Who retires, revokes or
// renews its certificate gets there all the same: the workflow goes on with what is stored.
func TestLostWorkflowsGoOn(t *testing.T) {
	t.Parallel()
	s := newStackWith(t, ninetyDays, steady)
	dir, _ := s.wholeLife()
	s.worker()
	terminate := func(name string) {
		t.Helper()
		require.NoError(t, s.temporal.TerminateWorkflow(t.Context(), ports.WorkflowID(name), "", "test"))
	}
	forget := func(name string) {
		t.Helper()
		terminate(name)
		_, err := s.temporal.WorkflowService().DeleteWorkflowExecution(t.Context(),
			&workflowservice.DeleteWorkflowExecutionRequest{Namespace: client.DefaultNamespace,
				WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: ports.WorkflowID(name)}})
		require.NoError(t, err)
		s.eventually("Temporal to forget it", func() bool {
			_, err := s.temporal.DescribeWorkflow(t.Context(), ports.WorkflowID(name), "")
			return err != nil
		})
	}
	ensure := func(name string) domain.Status {
		t.Helper()
		found := status(t, s.must("cert", "ensure", name, "--name", strings.ReplaceAll(name, s.name, "lost")+
			".example.test", "--deliver", "disk", "--output", "json"))
		s.eventually("the delivery", func() bool {
			_, err := os.Stat(filepath.Join(dir, name, "tls.key"))
			return err == nil
		})
		return found
	}
	for end, lose := range map[string]func(string){"terminated": terminate, "forgotten": forget} {
		name := s.name + "-" + end
		first := ensure(name)
		lose(name)
		revoked := status(t, s.must("cert", "revoke", name, "--reason", "superseded", "--output", "json"))
		require.Equal(t, first.Issued.Serial, revoked.Revoked)
		require.NotEqual(t, first.Issued.Serial, revoked.Issued.Serial)
		require.Equal(t, 1, s.scalar(`SELECT count(*) FROM versions WHERE certificate = $1 AND revoked_at IS NOT NULL`, name))
		lose(name)
		renewed := status(t, s.must("cert", "renew", name, "--output", "json"))
		require.NotEqual(t, revoked.Issued.Serial, renewed.Issued.Serial)
		require.Equal(t, first.Spec, renewed.Spec)
		require.Equal(t, first.Generation, renewed.Generation)
		require.Equal(t, 3, s.scalar(`SELECT count(*) FROM versions WHERE certificate = $1`, name), "each once")

		lose(name)
		retired := status(t, s.must("cert", "retire", name, "--remove-deliveries", "--output", "json"))
		require.Equal(t, domain.PhaseReleased, retired.Phase)
		require.NoFileExists(t, filepath.Join(dir, name, "tls.key"))
		require.Equal(t, 1, s.scalar(`SELECT count(*) FROM events WHERE certificate = $1 AND type = 'released'`, name))
		require.Contains(t, s.must("cert", "retire", name).stdout, "already before")
		r := s.cli("cert", "renew", name)
		r.exits(t, 1)
		require.Contains(t, r.stderr, fmt.Sprintf("certificate %q is retired since ", name))
	}
	require.Equal(t, 6, s.scalar(`SELECT count(*) FROM orders`))
	require.Zero(t, s.scalar(`SELECT count(*) FROM events WHERE type IN ('changed', 'resumed')`), "nobody asked for that")

	// What was retired before Temporal forgot it stays retired.
	name := s.name + "-before"
	ensure(name)
	s.must("cert", "retire", name)
	_, err := s.temporal.WorkflowService().DeleteWorkflowExecution(t.Context(),
		&workflowservice.DeleteWorkflowExecutionRequest{Namespace: client.DefaultNamespace,
			WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: ports.WorkflowID(name)}})
	require.NoError(t, err)
	s.eventually("Temporal to forget it", func() bool {
		_, err := s.temporal.DescribeWorkflow(t.Context(), ports.WorkflowID(name), "")
		return err != nil
	})
	require.Contains(t, s.must("cert", "retire", name).stdout, "already before")
	r := s.cli("cert", "renew", name)
	r.exits(t, 1)
	require.Contains(t, r.stderr, "is retired")

	// A fleet's file.
	file := filepath.Join(t.TempDir(), "fleet.yaml")
	write := func(names ...string) {
		text := "fleet: lost\ncertificates:\n"
		for _, name := range names {
			text += fmt.Sprintf("  %s-%s: {names: [%s.example.test]}\n", s.name, name, name)
		}
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	}
	write("one", "two", "three")
	s.must("apply", "-f", file)
	write("one", "two")
	terminate(s.name + "-three")
	pruned := s.must("apply", "-f", file, "--prune")
	require.Contains(t, pruned.stderr, s.name+"-three: retire: done")
	require.Equal(t, 1, s.scalar(`SELECT count(*) FROM certificates WHERE name = $1 AND released_at IS NOT NULL`,
		s.name+"-three"))

	// From another namespace.
	a := s.abroad()
	terminate(s.name + "-two")
	left, err := a.call(ports.NexusRenewOperation, map[string]any{"name": s.name + "-two"})
	require.NoError(t, err)
	require.Equal(t, domain.PhaseReady, left.Phase)
	terminate(s.name + "-two")
	left, err = a.call(ports.NexusRetireOperation, map[string]any{"name": s.name + "-two"})
	require.NoError(t, err)
	require.Equal(t, domain.PhaseReleased, left.Phase)
}

// A first request that is refused leaves nothing: each command says so, and why, and the next one starts.
func TestRefusedFirstRequests(t *testing.T) {
	t.Parallel()
	s := newStackWith(t, ninetyDays, steady)
	s.wholeLife()
	s.worker()
	refused := func(name string) {
		t.Helper()
		r := s.cli("cert", "ensure", name, "--name", "refused.example.test", "--deliver", "dosk")
		r.exits(t, 1)
		require.Contains(t, r.stderr, "UnknownTarget")
		says := fmt.Sprintf("no workflow keeps a certificate %q: the last request for it was refused at ", name)
		for _, command := range []string{"status", "spec"} {
			r = s.cli("cert", command, name)
			r.exits(t, 1)
			if command == "status" {
				require.Contains(t, r.stderr, says)
				require.Contains(t, r.stderr, `deliveries[0] "dosk": no running worker has this target`)
			}
			require.Contains(t, r.stderr, "(Spec/UnknownCertificate)")
		}
		r = s.cli("cert", "explain", name)
		r.exits(t, 1)
		require.Contains(t, r.stderr, "everleaf cert status "+name)
		require.NotContains(t, s.must("cert", "list", "--all").stdout, name)
	}
	refused(s.name)
	r := s.cli("cert", "renew", s.name)
	r.exits(t, 1)
	require.Contains(t, r.stderr, "nothing is stored under this name (Spec/UnknownCertificate)")
	require.Zero(t, s.scalar(`SELECT count(*) FROM certificates`))
	require.Contains(t, s.must("cert", "ensure", s.name, "--name", "refused.example.test").stdout, "Ready")

	url := s.setting("EVERLEAF_POSTGRES_URL")
	refused(s.name + "-2")
	s.set("EVERLEAF_POSTGRES_URL", "")
	require.Contains(t, s.must("cert", "ensure", s.name+"-2", "--name", "refused.example.test").stdout, "Ready",
		"also where Postgres is not at hand")
	s.set("EVERLEAF_POSTGRES_URL", url)
}

// A request that a workflow has taken is not made once more when somebody terminates that: the caller learns it.
func TestATerminationUnderARequestRepeatsNothing(t *testing.T) {
	t.Parallel()
	s := newStackWith(t, ninetyDays, steady)
	s.worker()
	a := s.abroad()
	for through, revoke := range map[string]func(name string) (answer func() string){
		"cli": func(name string) func() string {
			done := make(chan result, 1)
			go func() { done <- s.cli("cert", "revoke", name, "--reason", "superseded") }()
			return func() string { return (<-done).stderr }
		},
		"nexus": func(name string) func() string {
			revocation := a.begin("Revoke", map[string]any{"name": name, "reason": "superseded"})
			return func() string { return faultAbroad(t, revocation.Get(t.Context(), nil)).Message }
		},
	} {
		name := s.name + "-" + through
		s.must("cert", "ensure", name, "--name", through+".example.test")
		h := newHold()
		s.proxy.on(&rule{path: pathFinalize, left: 1, before: h})
		answer := revoke(name)
		s.reached(h)
		require.NoError(t, s.temporal.TerminateWorkflow(t.Context(), ports.WorkflowID(name), "", "test"))
		s.proxy.freeAll()
		require.Contains(t, answer(), "after it had taken the request")
		require.Equal(t, 1, s.scalar(`SELECT count(*) FROM events WHERE certificate = $1 AND type = 'revocation_requested'`, name))
		last, err := s.temporal.DescribeWorkflow(t.Context(), ports.WorkflowID(name), "")
		require.NoError(t, err)
		require.Equal(t, enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED, last.Status, "none was started")
	}
}

// A row that somebody has edited by hand is reported by its name, and the workflow goes on when it is right again.
func TestARowWithoutASpec(t *testing.T) {
	t.Parallel()
	s := newStackWith(t, ninetyDays, steady)
	s.worker()
	s.must("cert", "ensure", s.name, "--name", "edited.example.test")
	require.NoError(t, s.temporal.TerminateWorkflow(t.Context(), ports.WorkflowID(s.name), "", "test"))
	_, err := s.pool.Exec(t.Context(), `UPDATE certificates SET wanted = 'null' WHERE name = $1`, s.name)
	require.NoError(t, err)
	refused := s.cli("cert", "renew", s.name)
	refused.exits(t, 1)
	require.Contains(t, refused.stderr, "holds no spec")
	_, err = s.pool.Exec(t.Context(), `UPDATE certificates SET wanted = spec WHERE name = $1`, s.name)
	require.NoError(t, err)
	s.must("cert", "renew", s.name)
}
