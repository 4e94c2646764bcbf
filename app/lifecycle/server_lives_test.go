package lifecycle

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"everleaf/domain"
	"everleaf/domain/lifecycle"
	"everleaf/ports"
)

func TestLifeOnAServer(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.tenant = "team"
	operation := s.NewWithStartWorkflowOperation(client.StartWorkflowOptions{
		ID: s.id(), TaskQueue: s.queue, WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
	}, ports.CertificateWorkflow, ports.StartInput{Spec: delivered})
	handle, err := s.UpdateWithStartWorkflow(t.Context(), client.UpdateWithStartWorkflowOptions{
		StartWorkflowOperation: operation, UpdateOptions: client.UpdateWorkflowOptions{
			UpdateName: ports.EnsureUpdate, Args: []any{ports.EnsureRequest{Spec: delivered}},
			WaitForStage: client.WorkflowUpdateStageCompleted,
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
	require.Equal(t, domain.Released, s.record.Retirement)
	first := s.history(run.GetRunID())
	require.Equal(t, 1, count(first, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW))
	require.Equal(t, 4, count(first, enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED))
	// On a busy machine a renewal is due before the workflow hears of its plan: it needs no timer, and no task for it.
	untimed := 4 - count(first, enumspb.EVENT_TYPE_TIMER_STARTED)
	require.Len(t, first, 60-5*untimed, "16 events up to the first timer, 13 a renewal, 5 for the hand-over")
	s.history("")
}

// A run that was reset remembers what an earlier time has read. It does not report that, reads the record, and issues
// nothing again.
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
		Namespace: "default", WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: s.id()},
		RequestId:                 uuid.NewString(),
		WorkflowTaskFinishEventId: task,
		ResetReapplyExcludeTypes:  []enumspb.ResetReapplyExcludeType{enumspb.RESET_REAPPLY_EXCLUDE_TYPE_UPDATE},
	})
	require.NoError(t, err)
	var status domain.Status
	require.Eventually(t, func() bool { // nobody wakes it, and its renewal is weeks away
		value, err := s.QueryWorkflow(t.Context(), s.id(), "", ports.StatusQuery)
		require.NoError(t, err)
		status = domain.Status{}
		require.NoError(t, value.Get(&status))
		require.Equal(t, status.Phase == domain.PhaseReady, status.Issued != nil)
		return status.Phase != domain.PhaseChecking
	}, 30*time.Second, 20*time.Millisecond)
	require.Equal(t, "v2", status.Issued.Version)
	status, err = s.update(ports.EnsureUpdate, ensure)
	require.NoError(t, err)
	require.Equal(t, "v2", status.Issued.Version)
	require.Equal(t, 2, s.issued)
	s.history("")
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
		return seen.GetWorkflowExecutionInfo().GetType().GetName() == ports.CertificateWorkflow &&
			seen.GetPendingWorkflowTask().GetAttempt() > 1
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

// After a reset, updates are applied again, under the ID of the run that they were sent to. They are not carried out
// twice.
func TestResetAppliesUpdatesOnceOnAServer(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	first := s.start(ports.CertificateWorkflow, ports.StartInput{Spec: spec})
	_, err := s.update(ports.EnsureUpdate, ensure)
	require.NoError(t, err)
	var task int64 // the last that was done
	for _, event := range s.history("") {
		if event.GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
			task = event.GetEventId()
		}
	}
	_, err = s.update(ports.RenewUpdate, ports.RenewRequest{})
	require.NoError(t, err)
	require.Equal(t, 2, s.issued)
	_, err = s.ResetWorkflowExecution(t.Context(), &workflowservice.ResetWorkflowExecutionRequest{
		Namespace: "default", WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: s.id()},
		RequestId:                 uuid.NewString(),
		WorkflowTaskFinishEventId: task,
	})
	require.NoError(t, err)
	status, err := s.update(ports.EnsureUpdate, ensure) // behind the Renew
	require.NoError(t, err)
	require.Equal(t, "v2", status.Issued.Version)
	var again []string
	for _, event := range s.history("") {
		if event.GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ADMITTED {
			again = append(again, event.GetWorkflowExecutionUpdateAdmittedEventAttributes().GetRequest().GetInput().GetName())
		}
	}
	require.Equal(t, []string{ports.RenewUpdate}, again)
	s.mu.Lock()
	defer s.mu.Unlock()
	require.Equal(t, 2, s.issued)
	for id := range s.requested {
		require.True(t, strings.HasPrefix(id, first.GetRunID()+"/"), id)
	}
	require.NoError(t, s.TerminateWorkflow(t.Context(), s.id(), "", "test"))
}
