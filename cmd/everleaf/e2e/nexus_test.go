package e2e

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"everleaf/domain"
	"everleaf/ports"
)

// abroad is a caller in its own namespace, with its own worker, who knows the service by its endpoint.
type abroad struct {
	s        *stack
	client   client.Client
	endpoint string
}

func (s *stack) abroad() *abroad {
	s.t.Helper()
	a := &abroad{s: s, client: s.namespace(s.name + "-abroad"), endpoint: s.name}
	out, err := s.shell("temporal operator nexus endpoint create --name " + a.endpoint +
		" --target-namespace default --target-task-queue " + ports.NexusTaskQueue(s.queue))
	require.NoError(s.t, err, out)
	w := worker.New(a.client, "abroad", worker.Options{})
	w.RegisterWorkflow(callNexus)
	require.NoError(s.t, w.Start())
	s.t.Cleanup(w.Stop)
	return a
}

// callNexus is a caller's workflow: one operation, with literal input, as any SDK would send it.
func callNexus(ctx workflow.Context, endpoint, operation string, in map[string]any) (domain.Status, error) {
	var out domain.Status
	err := workflow.NewNexusClient(endpoint, "everleaf").ExecuteOperation(ctx, operation, in,
		workflow.NexusOperationOptions{ScheduleToCloseTimeout: 2 * time.Minute}).Get(ctx, &out)
	return out, err
}

func (a *abroad) begin(operation string, in map[string]any) client.WorkflowRun {
	a.s.t.Helper()
	run, err := a.client.ExecuteWorkflow(context.Background(), client.StartWorkflowOptions{TaskQueue: "abroad"},
		callNexus, a.endpoint, operation, in)
	require.NoError(a.s.t, err)
	return run
}

func (a *abroad) call(operation string, in map[string]any) (out domain.Status, err error) {
	a.s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 150*time.Second)
	defer cancel()
	err = a.begin(operation, in).Get(ctx, &out)
	return out, err
}

// A team in another namespace has its certificates by Nexus, and never sees ours.
func TestNexus(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.worker()
	a := s.abroad()
	spec := map[string]any{"names": []string{"nexus.example.test"}}

	issued, err := a.call("Ensure", map[string]any{"name": s.name, "spec": spec})
	require.NoError(t, err)
	require.Equal(t, []string{"nexus.example.test"}, issued.Issued.Names)
	again, err := a.call("Ensure", map[string]any{"name": s.name, "spec": spec})
	require.NoError(t, err)
	require.Equal(t, issued.Issued, again.Issued, "it is there already")
	seen, err := a.call("Status", map[string]any{"name": s.name})
	require.NoError(t, err)
	require.Equal(t, issued.Issued, seen.Issued)
	renewed, err := a.call("Renew", map[string]any{"name": s.name, "note": "asked from abroad"})
	require.NoError(t, err)
	require.Equal(t, 2, renewed.Cycle)
	replaced, err := a.call("Revoke", map[string]any{"name": s.name, "reason": "keyCompromise"})
	require.NoError(t, err)
	require.Equal(t, 3, replaced.Cycle)
	require.Equal(t, 1, s.scalar(`SELECT count(*) FROM versions WHERE id = $1 AND revocation_reason = 'keyCompromise'`,
		renewed.Issued.Version))

	s.proxy.on(&rule{path: pathNewOrder, left: 1, instead: problem(403, "rejectedIdentifier", "not this name")})
	_, err = a.call("Ensure", map[string]any{"name": s.name + "-refused",
		"spec": map[string]any{"names": []string{"refused.example.test"}}})
	fault := faultAbroad(t, err)
	require.Equal(t, domain.FaultName, fault.Kind)
	require.Contains(t, fault.Message, "not this name")
	_, err = a.call("Ensure", map[string]any{"name": s.name, "spec": map[string]any{"names": "nexus.example.test"}})
	require.ErrorContains(t, err, "BAD_REQUEST", "a wrong type is refused")
	_, err = a.call("Status", map[string]any{"name": s.name + "-unknown"})
	require.EqualValues(t, "UnknownCertificate", faultAbroad(t, err).Reason)
}

// The worker is killed while the CA holds a renewal up. The next one goes on: one renewal, one answer.
func TestNexusOutlivesAKilledWorker(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	first := s.worker()
	a := s.abroad()
	in := map[string]any{"name": s.name, "spec": map[string]any{"names": []string{"killed.example.test"}}}
	_, err := a.call("Ensure", in)
	require.NoError(t, err)
	h := newHold()
	s.proxy.on(&rule{path: pathFinalize, left: 1, before: h})
	renewal := a.begin("Renew", map[string]any{"name": s.name})
	s.reached(h)
	first.kill()
	s.proxy.freeAll()
	s.worker()
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	var renewed domain.Status
	require.NoError(t, renewal.Get(ctx, &renewed))
	require.Equal(t, 2, renewed.Cycle)
	require.Equal(t, 2, s.scalar(`SELECT count(*) FROM versions`), "renewed once")
}

// The role nexus has its own process, which knows no sealing key. It is asked to stop while an operation is under way:
// it does not wait for the CA, and the next one does.
func TestNexusRoleAlone(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.set("EVERLEAF_ROLES", "workflows,authorization,responder")
	s.worker()
	s.set("EVERLEAF_ROLES", "nexus")
	s.set("EVERLEAF_SEALING_KEY", "")
	first := s.launch()
	a := s.abroad()
	h := newHold()
	s.proxy.on(&rule{path: pathFinalize, left: 1, before: h})
	in := map[string]any{"name": s.name, "spec": map[string]any{"names": []string{"alone.example.test"}}}
	issuance := a.begin("Ensure", in)
	s.reached(h)
	s.eventually("the request to be taken", func() bool {
		return has(s.history("certificate/"+s.name, ""), enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED)
	})
	began := time.Now()
	first.stop()
	took := time.Since(began)
	require.Less(t, took, 10*time.Second, "of a drain of 25 s")
	s.proxy.freeAll()
	s.launch()
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	var issued domain.Status
	require.NoError(t, issuance.Get(ctx, &issued))
	require.Equal(t, 1, issued.Cycle)
	t.Logf("stopped in %s", took)
}

// faultAbroad reads an operation's error as a caller does.
func faultAbroad(t *testing.T, err error) (fault domain.Fault) {
	t.Helper()
	var application *temporal.ApplicationError
	require.ErrorAs(t, err, &application)
	require.NoError(t, application.Details(&fault), "%v", err)
	require.Equal(t, string(fault.Kind), application.Type())
	return fault
}
