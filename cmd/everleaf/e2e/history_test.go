package e2e

import (
	"context"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/sdk/activity"

	"everleaf/ports"
)

// histories is every run's history of a certificate as text.
func (s *stack) histories(name string) string {
	s.t.Helper()
	var text strings.Builder
	runs := s.runs(name)
	require.NotEmpty(s.t, runs, "runs of the certificate")
	for _, run := range runs {
		text.WriteString(s.text(run))
	}
	return text.String()
}

// runs are a certificate's runs, oldest first: each continued as the next.
func (s *stack) runs(name string) (runs []*historypb.History) {
	s.t.Helper()
	described, err := s.temporal.DescribeWorkflow(context.Background(), ports.WorkflowID(name), "")
	require.NoError(s.t, err)
	for id := described.WorkflowExecution.RunID; id != ""; {
		history := s.history(ports.WorkflowID(name), id)
		runs = append([]*historypb.History{history}, runs...)
		id = history.Events[0].GetWorkflowExecutionStartedEventAttributes().GetContinuedExecutionRunId()
	}
	return runs
}

// rested is a certificate's latest run once no task and no activity of it is at work: it sleeps, or has ended.
func (s *stack) rested(name string) (run *historypb.History) {
	s.t.Helper()
	s.eventually(name+" to be at rest", func() bool {
		described, err := s.temporal.DescribeWorkflow(context.Background(), ports.WorkflowID(name), "")
		require.NoError(s.t, err)
		if raw := described.RawResponse; raw.GetPendingWorkflowTask() != nil || len(raw.GetPendingActivities()) > 0 {
			return false
		}
		runs := s.runs(name)
		run = runs[len(runs)-1]
		return true
	})
	return run
}

// history is one run's history.
func (s *stack) history(workflowID, runID string) *historypb.History {
	s.t.Helper()
	var history historypb.History
	iterator := s.temporal.GetWorkflowHistory(context.Background(), workflowID, runID, false,
		enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for iterator.HasNext() {
		event, err := iterator.Next()
		require.NoError(s.t, err)
		history.Events = append(history.Events, event)
	}
	return &history
}

// text is a history written out: payloads once in base64, as servers keep them, and once readable.
func (s *stack) text(history *historypb.History) string {
	s.t.Helper()
	encoded, err := temporalproto.CustomJSONMarshalOptions{}.Marshal(history)
	require.NoError(s.t, err)
	return string(encoded) + history.String()
}

// has reports whether a history holds an event of this type.
func has(history *historypb.History, want enumspb.EventType) bool {
	return slices.ContainsFunc(history.Events, func(e *historypb.HistoryEvent) bool { return e.GetEventType() == want })
}

// taskFailures are why workflow tasks of a run failed. That a reset ended one is left out, and that the server handed
// out a history without its end: see prematureEnds.
func taskFailures(history *historypb.History) (failures []string) {
	for _, event := range history.Events {
		attributes := event.GetWorkflowTaskFailedEventAttributes()
		if attributes != nil && attributes.GetCause() != enumspb.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW &&
			!prematureEnd(event) {
			failures = append(failures, attributes.GetFailure().GetMessage())
		}
	}
	return failures
}

func prematureEnd(event *historypb.HistoryEvent) bool {
	return strings.Contains(event.GetWorkflowTaskFailedEventAttributes().GetFailure().GetMessage(),
		"premature end of stream")
}

// taskIdentities are the workers that took a run's workflow tasks, each once.
func taskIdentities(history *historypb.History) []string {
	return identities(history, func(e *historypb.HistoryEvent) string { return e.GetWorkflowTaskStartedEventAttributes().GetIdentity() })
}

// activityIdentities are the workers that took its activities.
func activityIdentities(history *historypb.History) []string {
	return identities(history, func(e *historypb.HistoryEvent) string { return e.GetActivityTaskStartedEventAttributes().GetIdentity() })
}

func identities(history *historypb.History, of func(*historypb.HistoryEvent) string) (found []string) {
	for _, event := range history.Events {
		if identity := processAndRole(of(event)); identity != "" && !slices.Contains(found, identity) {
			found = append(found, identity)
		}
	}
	return found
}

// processAndRole is a worker's identity, pid@host/role/id, without the last part, which is drawn at each start.
func processAndRole(identity string) string {
	parts := strings.Split(identity, "/")
	return strings.Join(parts[:min(2, len(parts))], "/")
}

// executionStatus is how the latest run stands.
func (s *stack) executionStatus(workflowID string) enumspb.WorkflowExecutionStatus {
	s.t.Helper()
	described, err := s.temporal.DescribeWorkflow(context.Background(), workflowID, "")
	require.NoError(s.t, err)
	return described.Status
}

// pendingActivity is an activity that has not ended.
type pendingActivity struct {
	kind, lastFailure, identity string
	attempt                     int32
}

// pending lists the latest run's activities that have not ended; none if there is no run yet.
func (s *stack) pending(workflowID string) (found []pendingActivity) {
	s.t.Helper()
	described, err := s.temporal.DescribeWorkflow(context.Background(), workflowID, "")
	if err != nil {
		return nil
	}
	for _, a := range described.RawResponse.GetPendingActivities() {
		found = append(found, pendingActivity{
			kind: a.GetActivityType().GetName(), lastFailure: a.GetLastFailure().GetMessage(),
			identity: processAndRole(a.GetLastWorkerIdentity()), attempt: a.GetAttempt(),
		})
	}
	return found
}

func activityNamed(name string) activity.RegisterOptions { return activity.RegisterOptions{Name: name} }
