package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdkpb "go.temporal.io/api/sdk/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"everleaf/ports"
)

// Temporal's own UI shows it all: search attributes find a certificate, its details say where it is, timers and steps
// carry a summary.
func TestTemporalsUITellsTheStory(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.worker()
	s.proxy.on(&rule{path: pathNewOrder, left: 1, instead: problem(403, "rejectedIdentifier", "not this name")})
	name, dns := s.name, s.name+".example.test"
	s.cli("cert", "ensure", name, "--name", dns).exits(t, 1)
	s.found(fmt.Sprintf("%s = 'Failing' AND %s = '%s'", ports.SearchState, ports.SearchNames, dns))
	require.Contains(t, s.details(name), "rejectedIdentifier")

	first := status(t, s.must("cert", "renew", name, "--output", "json"))
	s.found(fmt.Sprintf("%s = 'Ready' AND %s = '%s' AND %s = 'default' AND %s > '%s' AND %s > '%s'", ports.SearchState,
		ports.SearchNames, dns,
		ports.SearchIssuer, ports.SearchNotAfter, time.Now().Add(80*24*time.Hour).Format(time.RFC3339),
		ports.SearchNextRenewal, first.Renewal.At.Add(-time.Second).Format(time.RFC3339)))
	require.Contains(t, s.details(name), "in service: serial "+first.Issued.Serial)

	require.Contains(t, s.text(s.rested(name)), "Renewal at "+first.Renewal.At.Format(time.RFC3339),
		"the timer's summary")
}

// found waits until visibility finds a workflow that is open.
func (s *stack) found(query string) {
	s.t.Helper()
	s.eventually(query, func() bool {
		page, err := s.temporal.ListWorkflow(context.Background(), &workflowservice.ListWorkflowExecutionsRequest{
			Namespace: client.DefaultNamespace, Query: "ExecutionStatus = 'Running' AND " + query,
		})
		require.NoError(s.t, err)
		return len(page.GetExecutions()) == 1
	})
}

// details are what the UI shows as a workflow's current details.
func (s *stack) details(name string) string {
	s.t.Helper()
	answer, err := s.temporal.QueryWorkflow(context.Background(), ports.WorkflowID(name), "",
		"__temporal_workflow_metadata")
	require.NoError(s.t, err)
	var metadata sdkpb.WorkflowMetadata
	require.NoError(s.t, answer.Get(&metadata))
	return metadata.GetCurrentDetails()
}
