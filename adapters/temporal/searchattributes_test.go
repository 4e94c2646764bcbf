package temporal

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/types/known/durationpb"

	"everleaf/adapters/servertest"
	"everleaf/domain"
	"everleaf/ports"
)

// inNewNamespace gives a client of a namespace that knows no attributes of ours.
func inNewNamespace(t *testing.T) server {
	t.Helper()
	name := unique(t)
	_, err := connect(t).client.WorkflowService().RegisterNamespace(bounded(t, 10*time.Second),
		&workflowservice.RegisterNamespaceRequest{
			Namespace: name, WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour),
		})
	require.NoError(t, err)
	s := dial(t, servertest.Setting(t, "EVERLEAF_TEST_TEMPORAL"), name)
	require.NoError(t, WaitReachable(bounded(t, 30*time.Second), s.client, s.config, quiet()))
	return s
}

func TestSearchAttributesAreRegisteredOnce(t *testing.T) {
	t.Parallel()
	s := inNewNamespace(t)
	ctx := bounded(t, time.Minute)
	_, err := CheckSearchAttributes(ctx, s.client, s.config)
	requireFault(t, err, domain.FaultOperator, "SearchAttributesMissing", "everleaf migrate")
	require.ErrorContains(t, err, "--name EverleafNotAfter --type Datetime")

	added, err := RegisterSearchAttributes(ctx, s.client, s.config)
	require.NoError(t, err)
	require.Len(t, added, len(searchAttributes))
	added, err = RegisterSearchAttributes(ctx, s.client, s.config)
	require.NoError(t, err)
	require.Empty(t, added)
	known, err := CheckSearchAttributes(ctx, s.client, s.config)
	require.NoError(t, err)
	require.True(t, known)

	// The server's caches learn of them within seconds.
	require.Eventually(t, func() bool {
		_, err := s.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
			ID: unique(t), TaskQueue: s.config.TaskQueue,
			TypedSearchAttributes: temporal.NewSearchAttributes(
				temporal.NewSearchAttributeKeyKeyword(ports.SearchState).ValueSet("Ready"),
				temporal.NewSearchAttributeKeyTime(ports.SearchNotAfter).ValueSet(time.Now()),
				temporal.NewSearchAttributeKeyKeywordList(ports.SearchNames).ValueSet([]string{"a.example.com"})),
		}, "Anything")
		return err == nil
	}, time.Minute, 200*time.Millisecond)
}

func TestSearchAttributeOfAnotherType(t *testing.T) {
	t.Parallel()
	s := inNewNamespace(t)
	ctx := bounded(t, time.Minute)
	_, err := s.client.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{
		Namespace:        s.config.Client.Namespace,
		SearchAttributes: map[string]enumspb.IndexedValueType{ports.SearchNotAfter: enumspb.INDEXED_VALUE_TYPE_KEYWORD},
	})
	require.NoError(t, err)
	_, err = RegisterSearchAttributes(ctx, s.client, s.config)
	requireFault(t, err, domain.FaultOperator, "SearchAttributesConflict", "EverleafNotAfter")
}

func TestSearchAttributesOutOfReach(t *testing.T) {
	t.Parallel()
	s := dial(t, closedPort(t), "default")
	ctx := bounded(t, 5*time.Second)
	_, err := CheckSearchAttributes(ctx, s.client, s.config)
	requireFault(t, err, domain.FaultWait, "TemporalUnreachable", s.config.Client.HostPort)
}
