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
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	servertemporal "everleaf/adapters/temporal"
	"everleaf/domain"
	"everleaf/domain/lifecycle"
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
	c, err := client.NewLazyClient(client.Options{HostPort: address, Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	_, err = servertemporal.RegisterSearchAttributes(t.Context(), c, servertemporal.Config{Client: client.Options{HostPort: address, Namespace: "default"}})
	require.NoError(t, err)
	s := &server{TB: t, Client: c, store: newStore(), queue: "test-" + uuid.NewString()}
	s.name = s.queue
	for _, queue := range []string{s.queue, ports.AuthorizationTaskQueue(s.queue), ports.DeliveryTaskQueue(s.queue, "")} {
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
	run, err := s.ExecuteWorkflow(s.Context(), client.StartWorkflowOptions{ID: s.id(), TaskQueue: s.queue}, workflow, input)
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
		&historypb.History{Events: events}, worker.ReplayWorkflowHistoryOptions{OriginalExecution: workflow.Execution{ID: s.id()}}))
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

func TestLifeOnAServer(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.tenant = "team"
	operation := s.NewWithStartWorkflowOperation(client.StartWorkflowOptions{
		ID: s.id(), TaskQueue: s.queue, WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
	}, ports.CertificateWorkflow, ports.StartInput{Spec: delivered})
	handle, err := s.UpdateWithStartWorkflow(t.Context(), client.UpdateWithStartWorkflowOptions{
		StartWorkflowOperation: operation, UpdateOptions: client.UpdateWorkflowOptions{
			UpdateName: ports.EnsureUpdate, Args: []any{ports.EnsureRequest{Spec: delivered}}, WaitForStage: client.WorkflowUpdateStageCompleted,
		},
	})
	require.NoError(t, err)
	var status domain.Status
	require.NoError(t, handle.Get(t.Context(), &status))
	require.Equal(t, "v1", status.Issued.Version)

	status, err = s.update(ports.RenewUpdate, ports.RenewRequest{Note: "by hand"})
	require.NoError(t, err)
	require.Equal(t, "v2", status.Issued.Version)
	status, err = s.update(ports.RevokeUpdate, ports.RevokeRequest{Reason: domain.RevokedSuperseded})
	require.NoError(t, err)
	require.Equal(t, "v3", status.Issued.Version)
	require.NoError(t, s.SignalWorkflow(t.Context(), s.id(), "", ports.RecordChangedSignal, []string{"not", "read"}))
	_, err = s.update(ports.RevokeUpdate, ports.RevokeRequest{Reason: "boredom"})
	require.Equal(t, domain.ReasonUnknownReason, faultIn(t, err).Reason)
	status, err = s.update(ports.RetireUpdate, ports.RetireRequest{RemoveDeliveries: true})
	require.NoError(t, err)
	require.Equal(t, domain.PhaseReleased, status.Phase)
	require.NoError(t, s.GetWorkflow(t.Context(), s.id(), "").Get(t.Context(), nil))

	events := s.history("")
	for _, event := range events {
		if scheduled := event.GetActivityTaskScheduledEventAttributes(); scheduled != nil {
			require.Equal(t, "team", scheduled.GetPriority().GetFairnessKey())
		}
	}
	require.Equal(t, 1, count(events, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED))
}

func TestRenewalsOnAServer(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.renewal = 300 * time.Millisecond
	run := s.start(ports.CertificateWorkflow, ports.StartInput{Spec: spec})
	require.Eventually(t, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.issued > 5
	}, 30*time.Second, 50*time.Millisecond)
	require.NoError(t, s.CancelWorkflow(t.Context(), s.id(), ""))
	err := s.GetWorkflow(t.Context(), s.id(), "").Get(t.Context(), nil)
	var cancelled *temporal.CanceledError
	require.ErrorAs(t, err, &cancelled)
	require.True(t, s.record.Released)
	first := s.history(run.GetRunID())
	require.Equal(t, 1, count(first, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW))
	require.Equal(t, 4, count(first, enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED))
	require.Equal(t, 4, count(first, enumspb.EVENT_TYPE_TIMER_STARTED))
	require.Len(t, first, 60, "16 events up to the first timer, 13 a renewal, 5 for the hand-over")
	s.history("")
}

// A run that was reset remembers what an earlier time has read. It does not report that, and it issues nothing again.
func TestResetOnAServer(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.start(ports.CertificateWorkflow, ports.StartInput{Spec: spec})
	_, err := s.update(ports.EnsureUpdate, ensure)
	require.NoError(t, err)
	_, err = s.update(ports.EnsureUpdate, ensure) // a task that does nothing else
	require.NoError(t, err)
	var task int64 // the last that was done
	for _, event := range s.history("") {
		if event.GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
			task = event.GetEventId()
		}
	}
	_, err = s.update(ports.RenewUpdate, ports.RenewRequest{})
	require.NoError(t, err)
	_, err = s.ResetWorkflowExecution(t.Context(), &workflowservice.ResetWorkflowExecutionRequest{
		Namespace: "default", WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: s.id()}, RequestId: uuid.NewString(),
		WorkflowTaskFinishEventId: task,
		ResetReapplyExcludeTypes:  []enumspb.ResetReapplyExcludeType{enumspb.RESET_REAPPLY_EXCLUDE_TYPE_UPDATE},
	})
	require.NoError(t, err)
	value, err := s.QueryWorkflow(t.Context(), s.id(), "", ports.StatusQuery)
	require.NoError(t, err)
	var status domain.Status
	require.NoError(t, value.Get(&status))
	require.Equal(t, domain.PhaseChecking, status.Phase)
	require.Nil(t, status.Issued)
	status, err = s.update(ports.EnsureUpdate, ensure)
	require.NoError(t, err)
	require.Equal(t, "v2", status.Issued.Version)
	require.Equal(t, 2, s.issued)
	require.NoError(t, s.TerminateWorkflow(t.Context(), s.id(), "", "test"))
}

// A state of a newer build blocks the run: it stays open, and its task is tried again, until such a build is there.
func TestNewerStateOnAServer(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.start("Foreign", map[string]any{"machine": lifecycle.Version + 1, "spec": spec})
	require.Eventually(t, func() bool {
		described, err := s.DescribeWorkflow(t.Context(), s.id(), "")
		require.NoError(t, err)
		seen := described.RawResponse
		require.Equal(t, enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, seen.GetWorkflowExecutionInfo().GetStatus())
		return seen.GetWorkflowExecutionInfo().GetType().GetName() == ports.CertificateWorkflow && seen.GetPendingWorkflowTask().GetAttempt() > 1
	}, 30*time.Second, 50*time.Millisecond)
	require.NoError(t, s.TerminateWorkflow(t.Context(), s.id(), "", "test"))
}

func TestBadStartOnAServer(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	err := s.start(ports.CertificateWorkflow, nil).Get(t.Context(), nil)
	require.Equal(t, domain.ReasonNoSpec, faultIn(t, err).Reason)
	s.name += "-again"
	err = s.start(ports.CertificateWorkflow, map[string]any{"spec": []int{1}}).Get(t.Context(), nil)
	require.Equal(t, domain.ReasonInputMalformed, faultIn(t, err).Reason)
}
