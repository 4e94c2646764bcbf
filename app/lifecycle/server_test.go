package lifecycle

import (
	"context"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	servertemporal "everleaf/adapters/temporal"
	"everleaf/domain"
	"everleaf/ports"
)

// server is Temporal itself with a worker of the workflow; the steps are the store's.
type server struct {
	testing.TB
	client.Client
	*store
	mu    sync.Mutex
	queue string
	name  string
}

func newServer(t *testing.T) *server {
	t.Helper()
	address := os.Getenv("EVERLEAF_TEST_TEMPORAL")
	if address == "" {
		t.Fatal("EVERLEAF_TEST_TEMPORAL is not set: run `make test`, which starts the servers")
	}
	c, err := client.NewLazyClient(client.Options{HostPort: address,
		Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	_, err = servertemporal.RegisterSearchAttributes(t.Context(), c,
		servertemporal.Config{Client: client.Options{HostPort: address, Namespace: "default"}})
	require.NoError(t, err)
	s := &server{TB: t, Client: c, store: newStore(), queue: "test-" + uuid.NewString()}
	s.name = s.queue
	for _, queue := range []string{s.queue, ports.AuthorizationTaskQueue(s.queue),
		ports.DeliveryTaskQueue(s.queue, "")} {
		w := worker.New(c, queue, worker.Options{DisableRegistrationAliasing: true, WorkerStopTimeout: time.Second})
		Register(w)
		w.RegisterWorkflowWithOptions(foreign, workflow.RegisterOptions{Name: "Foreign"})
		serve(s, w, ports.RecordRequest)
		serve(s, w, ports.ReserveOrder)
		serve(s, w, ports.ObtainCertificate)
		serve(s, w, ports.RecordFailure)
		serve(s, w, ports.DeliverCertificate)
		serve(s, w, ports.RemoveDelivery)
		serve(s, w, ports.RevokeCertificate)
		serve(s, w, ports.RecordReleased)
		require.NoError(t, w.Start())
		t.Cleanup(w.Stop)
	}
	return s
}

func serve[In, Out any](s *server, w worker.ActivityRegistry, step ports.Step[In, Out]) {
	w.RegisterActivityWithOptions(func(ctx context.Context, in In) (out Out, err error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if err := s.failure(step.Name); err != nil {
			return out, failed(err)
		}
		return s.carryOut(activity.GetInfo(ctx).WorkflowExecution.RunID, time.Now().UTC(), in).(Out), nil
	}, activity.RegisterOptions{Name: step.Name})
}

// foreign is a workflow of somebody else that continues as new into the certificates' type.
func foreign(ctx workflow.Context, state map[string]any) error {
	return workflow.NewContinueAsNewError(ctx, ports.CertificateWorkflow, state)
}

func (s *server) id() string { return ports.WorkflowID(s.name) }

func (s *server) start(workflow string, input any) client.WorkflowRun {
	s.Helper()
	run, err := s.ExecuteWorkflow(s.Context(), client.StartWorkflowOptions{ID: s.id(), TaskQueue: s.queue}, workflow,
		input)
	require.NoError(s, err)
	return run
}

func (s *server) update(name string, request any) (status domain.Status, err error) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), 30*time.Second)
	defer cancel()
	handle, err := s.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: s.id(), UpdateName: name, Args: []any{request}, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err != nil {
		return status, err
	}
	return status, handle.Get(ctx, &status)
}

// history is a run's, the newest's if run is empty. It replays.
func (s *server) history(run string) (events []*historypb.HistoryEvent) {
	s.Helper()
	if run == "" {
		described, err := s.DescribeWorkflow(s.Context(), s.id(), "")
		require.NoError(s, err)
		run = described.WorkflowExecution.RunID // after a reset, the history does not say
	}
	all := s.GetWorkflowHistory(s.Context(), s.id(), run, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for all.HasNext() {
		event, err := all.Next()
		require.NoError(s, err)
		events = append(events, event)
	}
	replayer, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{DisableRegistrationAliasing: true})
	require.NoError(s, err)
	Register(replayer)
	require.NoError(s, replayer.ReplayWorkflowHistoryWithOptions(log.NewStructuredLogger(slog.New(slog.DiscardHandler)),
		&historypb.History{Events: events}, worker.ReplayWorkflowHistoryOptions{OriginalExecution: workflow.Execution{ID: s.id(), RunID: run}}))
	return events
}

func count(events []*historypb.HistoryEvent, kind enumspb.EventType) (n int) {
	for _, event := range events {
		if event.GetEventType() == kind {
			n++
		}
	}
	return n
}
