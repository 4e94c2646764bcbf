package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
)

// TestRecordNexus lives through the scenarios of the Nexus workflow's corpus as TestRecord does through its own.
func TestRecordNexus(t *testing.T) {
	t.Parallel()
	const corpus = "../../../app/nexus/testdata/histories"
	s := newStack(t)
	s.worker()
	a := s.abroad()
	_, err := a.call("Ensure", map[string]any{"name": s.name,
		"spec": map[string]any{"names": []string{"record.example.test"}}})
	in := map[string]any{"name": s.name, "note": "asked from abroad"}
	require.NoError(t, err)
	_, err = a.call("Renew", in)
	require.NoError(t, err)
	s.proxy.on(&rule{path: pathNewOrder, left: 1, instead: problem(403, "rejectedIdentifier", "not this name")})
	_, err = a.call("Revoke", in)
	require.Equal(t, "Name", string(faultAbroad(t, err).Kind))

	for operation, budget := range map[string]int{"Ensure": 2, "Renew": 3, "Revoke": 3} {
		history := s.nexusHistory(operation)
		require.LessOrEqual(t, actions(history.Events), budget, "billable actions of the workflow that carries %s",
			operation)
		keep(t, corpus, strings.ToLower(operation), history)
	}
}

// nexusHistory finds the one workflow that carried an operation for the stack's certificate.
func (s *stack) nexusHistory(operation string) (history *historypb.History) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	s.eventually("the operation's workflow to be seen", func() bool {
		found, err := s.temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
			Query: `WorkflowId STARTS_WITH "nexus/` + s.name + `/` + operation + `/"`,
		})
		if err != nil || len(found.GetExecutions()) != 1 {
			return false
		}
		execution := found.GetExecutions()[0].GetExecution()
		history = s.history(execution.GetWorkflowId(), execution.GetRunId())
		return true
	})
	return history
}
