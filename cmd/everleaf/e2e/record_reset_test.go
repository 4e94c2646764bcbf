package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"everleaf/domain"
)

// A run that is reset while it sleeps reads at once what is stored, and not again. With -record, the history joins the
// corpus.
func TestRecordReset(t *testing.T) {
	t.Parallel()
	s := newStackWith(t, ninetyDays, steady)
	s.worker()
	s.must("cert", "ensure", s.name, "--name", "reset.example.test")
	run := s.rested(s.name)
	at := task{run: run.Events[0].GetWorkflowExecutionStartedEventAttributes().GetOriginalExecutionRunId()}
	for _, event := range run.Events {
		if event.GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
			at.event = event.GetEventId()
		}
	}
	second := status(t, s.must("cert", "renew", s.name, "--output", "json"))
	l := &resets{stack: s}
	l.reset(at, true)
	s.rested(s.name)
	s.must("cert", "ensure", s.name, "--name", "reset.example.test")
	s.wake(s.name)
	run = s.rested(s.name)
	now := status(t, s.must("cert", "status", s.name, "--output", "json"))
	require.Equal(t, domain.PhaseReady, now.Phase)
	require.Equal(t, second.Issued, now.Issued)
	markers := 0
	for _, event := range run.Events {
		if event.GetMarkerRecordedEventAttributes().GetMarkerName() == "Version" {
			markers++
		}
	}
	require.Equal(t, 2, markers, "the machine's, and one for the reset")
	keep(t, corpus, "reset", run)
}
