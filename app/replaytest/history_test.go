package replaytest

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"
	"google.golang.org/protobuf/types/known/durationpb"
)

// What a history holds of a call is compared with it: an event that holds something else is seen, whatever the
// transcript says.
func TestReplayReadsTheHistory(t *testing.T) {
	t.Parallel()
	other := func(payloads *commonpb.Payloads) bool {
		if len(payloads.GetPayloads()) > 0 {
			payloads.Payloads[0].Data = []byte(`{"other":true}`)
		}
		return len(payloads.GetPayloads()) > 0
	}
	histories := Histories(t, "../lifecycle/testdata/histories")
	path := histories[slices.IndexFunc(histories,
		func(path string) bool { return filepath.Base(path) == "handed-over.json" })]
	for what, change := range map[string]func(*historypb.HistoryEvent) bool{
		"a step's input": func(e *historypb.HistoryEvent) bool {
			return other(e.GetActivityTaskScheduledEventAttributes().GetInput())
		},
		"a step's queue": func(e *historypb.HistoryEvent) bool {
			a := e.GetActivityTaskScheduledEventAttributes()
			if a != nil {
				a.TaskQueue.Name = "other"
			}
			return a != nil
		},
		"a step's priority": func(e *historypb.HistoryEvent) bool {
			a := e.GetActivityTaskScheduledEventAttributes()
			if a != nil {
				a.Priority = &commonpb.Priority{PriorityKey: 5}
			}
			return a != nil
		},
		"a step's time-out": func(e *historypb.HistoryEvent) bool {
			a := e.GetActivityTaskScheduledEventAttributes()
			if a != nil {
				a.StartToCloseTimeout = durationpb.New(time.Hour)
			}
			return a != nil
		},
		"a timer": func(e *historypb.HistoryEvent) bool {
			a := e.GetTimerStartedEventAttributes()
			if a != nil {
				a.StartToFireTimeout = durationpb.New(time.Hour)
			}
			return a != nil
		},
		"a local step": func(e *historypb.HistoryEvent) bool {
			a := e.GetMarkerRecordedEventAttributes()
			return a.GetMarkerName() == "LocalActivity" && other(a.GetDetails()["data"])
		},
		"search attributes": func(e *historypb.HistoryEvent) bool {
			a := e.GetUpsertWorkflowSearchAttributesEventAttributes().GetSearchAttributes().GetIndexedFields()["EverleafState"]
			if a != nil {
				a.Data = []byte(`"Other"`)
			}
			return a != nil
		},
		"an answer": func(e *historypb.HistoryEvent) bool {
			return other(e.GetWorkflowExecutionUpdateCompletedEventAttributes().GetOutcome().GetSuccess())
		},
		"a state": func(e *historypb.HistoryEvent) bool {
			return other(e.GetWorkflowExecutionContinuedAsNewEventAttributes().GetInput())
		},
	} {
		history, transcript := Read(t, path), readTranscript(t, path)
		require.NoError(t, held(history).compare(transcript.Calls, 0))
		changed := false
		for _, event := range history.Events {
			changed = changed || change(event)
		}
		require.True(t, changed, "%s: none in the history", what)
		require.ErrorContains(t, held(history).compare(transcript.Calls, 0), "in the history: ", what)
	}
}
