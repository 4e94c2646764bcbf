package e2e

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"everleaf/adapters/servertest"
	"everleaf/ports"
)

// What else a start carries says nothing about a certificate either: memo, header, search attributes, and the name in
// the input, where the workflow's ID says another.
func TestWhatElseAStartCarries(t *testing.T) {
	t.Parallel()
	s := newStackWith(t, ninetyDays, steady)
	s.wholeLife()
	s.worker()
	victim, before := s.victim()
	rows := s.rowsOf(victim)
	own := s.name + "-own"
	forged := s.forged(own, victim, before, "Retiring")
	dialled, err := client.Dial(client.Options{
		HostPort: servertest.Setting(t, "EVERLEAF_TEST_TEMPORAL"), Logger: quiet{},
		ContextPropagators: []workflow.ContextPropagator{header(forged)},
	})
	require.NoError(t, err)
	defer dialled.Close()
	memo := map[string]any{"state": plain(forged), "issued": before, "note": huge[:1_000_000]}
	_, err = dialled.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
		ID: ports.WorkflowID(own), TaskQueue: s.queue, Memo: memo, StaticSummary: "certificate/" + victim,
		TypedSearchAttributes: temporal.NewSearchAttributes(
			temporal.NewSearchAttributeKeyKeyword(ports.SearchState).ValueSet("Ready"),
			temporal.NewSearchAttributeKeyKeyword(ports.SearchIssuer).ValueSet(strings.Repeat("x", 200)),
		),
	}, ports.CertificateWorkflow, plain(forged))
	require.NoError(t, err)
	s.hasItsOwn(own, before)
	require.Equal(t, rows, s.rowsOf(victim))

	// An update's header is not read either.
	handle, err := dialled.UpdateWorkflow(t.Context(), client.UpdateWorkflowOptions{
		WorkflowID: ports.WorkflowID(victim), UpdateName: ports.EnsureUpdate,
		WaitForStage: client.WorkflowUpdateStageCompleted,
		Args:         []any{plain(`{"spec":{"names":["victim.example.test"],"deliveries":["disk"]}}`)},
	})
	require.NoError(t, err)
	require.NoError(t, handle.Get(t.Context(), nil))
	require.Equal(t, before, status(t, s.must("cert", "status", victim, "--output", "json")).Issued)
	s.unhurt(ports.WorkflowID(victim), "")
}

// header is a propagator that sends a text as the header of everything.
type header string

func (h header) Inject(_ context.Context, writer workflow.HeaderWriter) error {
	payload, err := converter.GetDefaultDataConverter().ToPayload(string(h))
	writer.Set("state", payload)
	writer.Set("issued", &commonpb.Payload{Data: []byte(h)})
	return err
}

func (h header) InjectFromWorkflow(workflow.Context, workflow.HeaderWriter) error { return nil }

func (h header) Extract(ctx context.Context, _ workflow.HeaderReader) (context.Context, error) {
	return ctx, nil
}

func (h header) ExtractToWorkflow(ctx workflow.Context, _ workflow.HeaderReader) (workflow.Context, error) {
	return ctx, nil
}

// A workflow that is terminated and started again, as it was asked for first, goes on with what is stored.
func TestTerminatedAndStartedAgain(t *testing.T) {
	t.Parallel()
	s := newStackWith(t, ninetyDays, steady)
	s.worker()
	spec := `{"spec":{"names":["terminated.example.test"]}}`
	restart := func() string {
		t.Helper()
		require.NoError(t, s.temporal.TerminateWorkflow(t.Context(), ports.WorkflowID(s.name), "", "test"))
		_, err := s.temporal.ExecuteWorkflow(t.Context(),
			client.StartWorkflowOptions{ID: ports.WorkflowID(s.name), TaskQueue: s.queue},
			ports.CertificateWorkflow, plain(spec))
		require.NoError(t, err)
		s.rested(s.name)
		var served string
		s.eventually("a certificate that is not revoked", func() bool {
			now := status(t, s.must("cert", "status", s.name, "--output", "json"))
			if now.Issued == nil || now.Issued.Revoked {
				return false
			}
			served = now.Issued.Serial
			return true
		})
		return served
	}
	s.must("cert", "ensure", s.name, "--name", "terminated.example.test")
	first := status(t, s.must("cert", "renew", s.name, "--output", "json")).Issued.Serial
	require.Equal(t, first, restart())
	s.must("cert", "revoke", s.name, "--reason", "superseded")
	second := status(t, s.must("cert", "status", s.name, "--output", "json")).Issued.Serial
	require.Equal(t, second, restart())
	require.Equal(t, 3, s.scalar(`SELECT count(*) FROM orders`))
	s.must("cert", "revoke", s.name, "--reason", "keyCompromise", "--without-replacement")
	third := restart() // what is revoked is replaced, by a start
	require.False(t, slices.Contains([]string{first, second}, third))
	require.Equal(t, third, restart())
	require.Equal(t, 4, s.scalar(`SELECT count(*) FROM orders`))
}
