package temporal

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"google.golang.org/grpc/codes"

	"everleaf/domain"
	"everleaf/ports"
)

func TestNotifierSignalsTheCertificatesWorkflow(t *testing.T) {
	t.Parallel()
	s := connect(t)
	ctx := bounded(t, time.Minute)
	name := unique(t)
	run, err := s.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: ports.WorkflowID(name), TaskQueue: unique(t)}, "Anything")
	require.NoError(t, err)
	n := NewNotifier(s.client, s.config)
	advice := ports.AdvisedSignal{Version: "v1", Plan: domain.RenewalPlan{At: time.Unix(1800000000, 0).UTC(), Reason: "ARIWindow", Fraction: 0.5}}
	drift := ports.DriftedSignal{Version: "v1", Targets: []string{"files@web1"}}
	require.NoError(t, n.Advised(ctx, name, advice))
	require.NoError(t, n.Drifted(ctx, name, drift))

	var gotAdvice ports.AdvisedSignal
	var gotDrift ports.DriftedSignal
	history := s.client.GetWorkflowHistory(ctx, run.GetID(), run.GetRunID(), false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for history.HasNext() {
		event, err := history.Next()
		require.NoError(t, err)
		switch signal := event.GetWorkflowExecutionSignaledEventAttributes(); signal.GetSignalName() {
		case "Advised":
			require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(signal.GetInput(), &gotAdvice))
		case "Drifted":
			require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(signal.GetInput(), &gotDrift))
		}
	}
	require.Equal(t, advice, gotAdvice)
	require.Equal(t, drift, gotDrift)

	require.NoError(t, s.client.TerminateWorkflow(ctx, run.GetID(), "", "its end"))
	requireFault(t, n.Advised(ctx, name, advice), domain.FaultSpec, "NotKept", name)
	requireFault(t, n.Drifted(ctx, unique(t), drift), domain.FaultSpec, "NotKept", "everleaf cert ensure")
}

func TestNotifierFaults(t *testing.T) {
	t.Parallel()
	advised := func(s server) error {
		return NewNotifier(s.client, s.config).Advised(bounded(t, time.Second), "shop", ports.AdvisedSignal{})
	}
	s := dial(t, closedPort(t), "default")
	requireFault(t, advised(s), domain.FaultWait, "TemporalUnreachable", s.config.Client.HostPort)
	requireFault(t, advised(dial(t, serve(t, refusesSchedules{code: codes.PermissionDenied}), "default")), domain.FaultOperator, "TemporalRefused", "")
	requireFault(t, advised(dial(t, serve(t, refusesSchedules{code: codes.InvalidArgument}), "default")), domain.FaultOperator, "TemporalError", `"shop"`)
}
