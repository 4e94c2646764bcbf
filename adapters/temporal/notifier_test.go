package temporal

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/grpc/codes"

	"everleaf/domain"
	"everleaf/ports"
)

func TestNotifierSignalsTheCertificatesWorkflow(t *testing.T) {
	t.Parallel()
	s := connect(t)
	ctx := bounded(t, time.Minute)
	name := unique(t)
	run, err := s.client.ExecuteWorkflow(ctx,
		client.StartWorkflowOptions{ID: ports.WorkflowID(name), TaskQueue: unique(t)}, "Anything")
	require.NoError(t, err)
	n := NewNotifier(s.client, s.config)
	require.NoError(t, n.RecordChanged(ctx, name))

	signals := 0
	history := s.client.GetWorkflowHistory(ctx, run.GetID(), run.GetRunID(), false,
		enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for history.HasNext() {
		event, err := history.Next()
		require.NoError(t, err)
		if signal := event.GetWorkflowExecutionSignaledEventAttributes(); signal != nil {
			signals++
			require.Equal(t, "RecordChanged", signal.GetSignalName())
			// The client sends a null where there is no argument.
			for _, payload := range signal.GetInput().GetPayloads() {
				require.Empty(t, payload.GetData(), "what it is about is in the record alone")
			}
		}
	}
	require.Equal(t, 1, signals)

	require.NoError(t, s.client.TerminateWorkflow(ctx, run.GetID(), "", "its end"))
	requireFault(t, n.RecordChanged(ctx, name), domain.FaultSpec, "WorkflowEnded", name)
	requireFault(t, n.RecordChanged(ctx, unique(t)), domain.FaultSpec, "WorkflowEnded", "everleaf cert ensure")
}

func TestNotifierFaults(t *testing.T) {
	t.Parallel()
	notify := func(s server) error {
		return NewNotifier(s.client, s.config).RecordChanged(bounded(t, time.Second), "shop")
	}
	s := dial(t, closedPort(t), "default")
	requireFault(t, notify(s), domain.FaultWait, "TemporalUnreachable", s.config.Client.HostPort)
	requireFault(t, notify(dial(t, serve(t, refusesSchedules{code: codes.PermissionDenied}), "default")),
		domain.FaultOperator, "TemporalRefused", "")
	requireFault(t, notify(dial(t, serve(t, refusesSchedules{code: codes.InvalidArgument}), "default")),
		domain.FaultOperator, "TemporalError", `"shop"`)
}
